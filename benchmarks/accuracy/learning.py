"""Counts of chords and their successions by key, according to the analysts.

The result is the data file of `music21_server.theory.harmony.chord_probabilities`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from timeline import Span

from music21_server.score.table import Score
from music21_server.theory.chords.assignment import chord_path
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.harmony.chord_probabilities import MODES, relative_chord_name
from music21_server.theory.pitch.transposition import sounding_pitches
from music21_server.theory.time.positions import Clock

Key = tuple[int, str]
"""Pitch class of the tonic, and mode."""

Chord = tuple[int, int, int]
"""Ticks from and to, and the chord as an index into `assignment.STATES`."""

SOURCE: Final = "even-numbered chorales and madrigals of the analyses in music21's corpus"


def chords(score: Score) -> list[Chord]:
    """Return the chords of a score."""
    sounding = sonorities(score, sounding_pitches(score))
    path = chord_path(score, sounding, Clock(score))
    first = np.flatnonzero(np.concatenate([[True], np.diff(path) != 0]))
    ends = [*sounding.start[first[1:]].tolist(), int(sounding.start[-1] + sounding.duration[-1])]
    return list(zip(sounding.start[first].tolist(), ends, path[first].tolist(), strict=True))


def key_of(start: int, end: int, human: Iterable[Span]) -> Key | None:
    """Return the analyst's key for most of a stretch; None without annotations."""
    ticks: Counter[Key] = Counter()
    for span in human:
        overlap = min(end, span.end) - max(start, span.start)
        if overlap > 0:
            ticks[span.annotation.label.tonic, span.annotation.label.mode] += overlap
    return max(ticks, key=lambda key: ticks[key]) if ticks else None


def counts(works: Iterable[tuple[Sequence[Chord], Sequence[Span]]]) -> dict[str, Any]:
    """Count chords, and successions of chords in one key, in the form of the packaged file.

    Args:
        works: Chords of each work, and the analyst's annotations.
    """
    alone: dict[str, Counter[str]] = {mode: Counter() for mode in MODES}
    after: dict[str, dict[str, Counter[str]]] = {mode: {} for mode in MODES}
    for work_chords, human in works:
        before: tuple[Key, str] | None = None
        for start, end, state in work_chords:
            key = key_of(start, end, human)
            if key is None:
                before = None
                continue
            name = relative_chord_name(state, key[0])
            alone[key[1]][name] += 1
            if before is not None and before[0] == key:
                after[key[1]].setdefault(before[1], Counter())[name] += 1
            before = (key, name)
    return {
        "source": SOURCE,
        **{
            mode: {
                "alone": dict(sorted(alone[mode].items())),
                "after": {
                    name: dict(sorted(following.items())) for name, following in sorted(after[mode].items())
                },
            }
            for mode in MODES
        },
    }
