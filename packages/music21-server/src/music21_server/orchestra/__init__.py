"""Scores to measure and to test with: orchestral ones by rule and chance, and known ones made unknown."""

from music21_server.orchestra.census import Census, census
from music21_server.orchestra.document import orchestral_score
from music21_server.orchestra.perturbation import ChangedPitch, Perturbed, perturbed
from music21_server.orchestra.transposition import Interval, transposed

__all__ = [
    "Census",
    "ChangedPitch",
    "Interval",
    "Perturbed",
    "census",
    "orchestral_score",
    "perturbed",
    "transposed",
]
