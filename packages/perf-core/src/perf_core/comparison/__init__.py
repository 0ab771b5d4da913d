"""Comparing two servers: schedule, figures of slices, statistics and result."""
