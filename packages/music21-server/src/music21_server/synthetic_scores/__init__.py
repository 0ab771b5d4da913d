"""Scores to measure and to test with: orchestral ones by rule and chance, and known ones made unknown."""

from music21_server.synthetic_scores.census import Census, census
from music21_server.synthetic_scores.document import orchestral_score
from music21_server.synthetic_scores.perturbation import ChangedPitch, Perturbed, perturbed

__all__ = [
    "Census",
    "ChangedPitch",
    "Perturbed",
    "census",
    "orchestral_score",
    "perturbed",
]
