"""Writers: scores become documents in MusicXML, MXL, MIDI, ABC, LilyPond and text."""
