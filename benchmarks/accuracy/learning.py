"""Counts which chords follow which in which key, by the analysts.

What comes out is what `music21_server.theory.harmony.chord_probabilities` knows.
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
"""Ticks from and to, and which of `chord_path.STATES` it is."""

SOURCE: Final = "even-numbered chorales and madrigals of the analyses in music21's corpus"


def chords(score: Score) -> list[Chord]:
    """Return the chords that a score goes through."""
    found = sonorities(score, sounding_pitches(score))
    path = chord_path(score, found, Clock(score))
    first = np.flatnonzero(np.concatenate([[True], np.diff(path) != 0]))
    ends = [*found.start[first[1:]].tolist(), int(found.start[-1] + found.duration[-1])]
    return list(zip(found.start[first].tolist(), ends, path[first].tolist(), strict=True))


def key_of(start: int, end: int, human: Iterable[Span]) -> Key | None:
    """Return the key that an analyst is in for most of a stretch; None where nothing is said."""
    ticks: Counter[Key] = Counter()
    for span in human:
        overlap = min(end, span.end) - max(start, span.start)
        if overlap > 0:
            ticks[span.said.label.tonic, span.said.label.mode] += overlap
    return max(ticks, key=lambda key: ticks[key]) if ticks else None


def counts(works: Iterable[tuple[Sequence[Chord], Sequence[Span]]]) -> dict[str, Any]:
    """Count chords, and chords after chords in the same key, as the packaged file has them.

    Args:
        works: Chords of each, and what the analyst says.
    """
    alone: dict[str, Counter[str]] = {mode: Counter() for mode in MODES}
    after: dict[str, dict[str, Counter[str]]] = {mode: {} for mode in MODES}
    for found, human in works:
        before: tuple[Key, str] | None = None
        for start, end, state in found:
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
                "after": {name: dict(sorted(found.items())) for name, found in sorted(after[mode].items())},
            }
            for mode in MODES
        },
    }
