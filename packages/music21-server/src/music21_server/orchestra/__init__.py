"""Scores to measure and to test with: orchestral ones by rule and chance, and known ones made unknown."""

from music21_server.orchestra.census import Census, census
from music21_server.orchestra.document import orchestral_score
from music21_server.orchestra.perturbation import ChangedPitch, Perturbed, perturbed

__all__ = [
    "Census",
    "ChangedPitch",
    "Perturbed",
    "census",
    "orchestral_score",
    "perturbed",
]
