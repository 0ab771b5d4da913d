"""Melodic lines: what recurs in them, their contours, and the search for a melody."""
