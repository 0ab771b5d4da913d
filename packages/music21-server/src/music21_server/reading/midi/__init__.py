"""Reader of MIDI files: events, measures, a grid, spelled pitches, columns."""
