"""Time: positions as bar and beat, and ends of phrases."""
