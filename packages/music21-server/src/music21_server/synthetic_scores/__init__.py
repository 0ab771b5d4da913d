"""Scores for tests and measurements: random orchestral scores, and variants of existing works."""

from music21_server.synthetic_scores.document import orchestral_score
from music21_server.synthetic_scores.perturbation import ChangedPitch, PerturbedScore, perturb
from music21_server.synthetic_scores.score_statistics import ScoreStatistics, score_statistics

__all__ = [
    "ChangedPitch",
    "PerturbedScore",
    "ScoreStatistics",
    "orchestral_score",
    "perturb",
    "score_statistics",
]
