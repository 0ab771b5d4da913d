"""Sonorities, the chords that they belong to, and the names and Roman numerals of both."""
