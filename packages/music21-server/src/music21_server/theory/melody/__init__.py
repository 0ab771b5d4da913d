"""Melodic lines: recurring patterns, contours, and the search for a melody."""
