"""Scores are transposed, and parts and measures taken out of them, in the documents that they came in."""
