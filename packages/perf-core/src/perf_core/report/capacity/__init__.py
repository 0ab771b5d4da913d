"""The report of a capacity."""
