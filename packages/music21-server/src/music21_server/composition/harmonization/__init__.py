"""A melody gets chords and voices, in one of four styles."""
