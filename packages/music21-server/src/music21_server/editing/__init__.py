"""Transposition of scores and extraction of parts and measures, done on the imported MusicXML itself."""
