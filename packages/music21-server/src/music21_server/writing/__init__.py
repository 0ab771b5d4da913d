"""Scores become documents: MusicXML, MXL, MIDI, text."""
