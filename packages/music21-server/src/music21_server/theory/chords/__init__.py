"""Sonorities, the chords that they belong to, and their names and Roman numerals."""
