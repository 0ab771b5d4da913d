"""From what a load left behind to figures, grades and a verdict; pure functions."""
