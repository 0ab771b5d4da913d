"""Sources of scores become tables."""
