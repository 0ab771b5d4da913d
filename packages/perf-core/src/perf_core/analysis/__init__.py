"""Figures, grades and a verdict from the summary and samples of a run; pure functions."""
