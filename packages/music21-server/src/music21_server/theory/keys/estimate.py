"""The key that a score is most likely in, with its tonic spelled as the notes are."""

from __future__ import annotations

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.table import NOTE, Score
from music21_server.theory.keys.profiles import (
    DEFAULT_PROFILE,
    KeyCandidate,
    Weights,
    key_candidates,
    pitch_class_durations,
)
from music21_server.theory.pitch.names import STEP_CENTS, Key, mean_fifths, name_of, spelled_key
from music21_server.theory.pitch.transposition import SpelledPitches


def durations_of(score: Score, pitches: SpelledPitches) -> Weights:
    """Return how long each pitch class lasts, in quarter notes.

    Raises:
        ScoreError: There are no notes that could tell a key.
    """
    table = score.notes
    semitones = (pitches.cents - table.written_cents) // 100
    durations = pitch_class_durations(table, semitones)
    if not durations.any():
        pitched = int(np.count_nonzero(table.kind == NOTE))
        what = "only grace notes" if pitched else "no pitched notes (rests and percussion do not count)"
        raise ScoreError(
            f"Expected a score with notes of some duration, this one has {what}: nothing to analyse."
        )
    return durations


def likely_key(score: Score, pitches: SpelledPitches, profile: str = DEFAULT_PROFILE) -> Key:
    """Return the key that fits best.

    Raises:
        ScoreError: There are no notes that could tell a key.
    """
    best = key_candidates(durations_of(score, pitches), profile)[0]
    return as_spelled(best, mean_fifths(score, pitches))


def as_spelled(candidate: KeyCandidate, fifths: float) -> Key:
    """Return a candidate's key with the tonic spelled as notes that lie there on the line of fifths."""
    step, cents = name_of(candidate.tonic)
    pitch_class = (STEP_CENTS[step] + cents) // 100 % 12
    return spelled_key(pitch_class, candidate.mode, fifths)
