"""The most likely key of a score, with its tonic spelled to match the notes."""

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
    """Return the total duration of each pitch class, in quarter notes.

    Raises:
        ScoreError: No note has a pitch and a duration.
    """
    table = score.notes
    semitones = (pitches.cents - table.written_cents) // 100
    durations = pitch_class_durations(table, semitones)
    if not durations.any():
        pitched = int(np.count_nonzero(table.kind == NOTE))
        content = "only grace notes" if pitched else "no pitched notes (rests and percussion do not count)"
        raise ScoreError(f"Expected a score with pitched notes of some duration, got one with {content}.")
    return durations


def likely_key(score: Score, pitches: SpelledPitches, profile: str = DEFAULT_PROFILE) -> Key:
    """Return the key that fits best.

    Raises:
        ScoreError: No note has a pitch and a duration.
    """
    best = key_candidates(durations_of(score, pitches), profile)[0]
    return key_of_candidate(best, mean_fifths(score, pitches))


def key_of_candidate(candidate: KeyCandidate, fifths: float) -> Key:
    """Return a candidate's key with its tonic spelled to match notes around `fifths`."""
    step, cents = name_of(candidate.tonic)
    pitch_class = (STEP_CENTS[step] + cents) // 100 % 12
    return spelled_key(pitch_class, candidate.mode, fifths)
