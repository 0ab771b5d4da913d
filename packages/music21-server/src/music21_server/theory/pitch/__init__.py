"""Pitches: names, intervals, modes and transposing instruments."""
