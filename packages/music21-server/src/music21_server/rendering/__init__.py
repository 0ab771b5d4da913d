"""Measures of scores become pictures."""
