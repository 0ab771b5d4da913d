"""Time in a score: bars, beats and phrases."""
