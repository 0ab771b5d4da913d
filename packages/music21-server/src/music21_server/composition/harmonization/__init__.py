"""Harmonises a melody with chords and voices, in one of four styles."""
