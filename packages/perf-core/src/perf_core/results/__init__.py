"""Results of a run: its folder, its record and its manifest."""
