"""Ends of phrases, recognised by pauses in the music.

The note table has no slurs, so a phrase is taken to end

* at a fermata in any part; where fermatas of several parts overlap, at the last attack among their notes (a
  suspension makes one part reach its last note later than another),
* where all parts are silent for at least half a beat,
* where no new note begins for at least a beat and a half, and for at least twice the median time between the
  attacks around it (from a beat on, the same is a brief pause, which is weak evidence),
* where the first part that has notes, usually the melody, rests for a beat or more after a note of a beat or
  more, and
* at the end of the score.

Phrases that run on without a pause or a fermata are missed, and so are elided ones. Long notes within a
phrase are false ends; they matter only where the harmony makes a cadence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from music21_server.score.table import NOTE, TIE_CONTINUE, TIE_STOP, Booleans, Integers, Score
from music21_server.theory.time.positions import Clock

Evidence = Literal["end of the score", "fermata", "silence", "held notes", "melody rests", "brief pause"]

_SILENCE_BEATS: Final = 0.5
_HELD_FACTOR: Final = 2.0
_MELODY_BEATS: Final = 1.0
_AROUND: Final = 16
"""Attacks before and after a pause whose median distance is the pace of the music."""


@dataclass(frozen=True)
class PhraseEnd:
    """The end of a phrase.

    Attributes:
        tick: Last attack before the pause, since the beginning of the score.
        evidence: Kind of pause.
    """

    tick: int
    evidence: Evidence


def phrase_ends(score: Score, clock: Clock) -> tuple[PhraseEnd, ...]:
    """Return the ends of phrases in order of time."""
    table = score.notes
    sounds = np.flatnonzero((table.kind == NOTE) & (table.duration > 0))
    if not len(sounds):
        return ()
    start = score.measure_starts[table.measure[sounds]] + table.onset[sounds]
    end = start + table.duration[sounds]
    is_attack = ~np.isin(table.tie[sounds], (TIE_STOP, TIE_CONTINUE))
    attacks = np.unique(start[is_attack])
    if not len(attacks):
        return ()
    following = np.append(attacks[1:], score.measure_starts[-1])
    beat = _beat_at(score, clock, attacks)
    silent_from = _silent_from(start, end, following)
    reasons: dict[int, Evidence] = {}
    for index in np.flatnonzero(_held(attacks, following, beat)).tolist():
        reasons[index] = "brief pause"
    melody = table.part[sounds] == table.part[sounds].min()
    for index in np.flatnonzero(_rests(start[melody], end[melody], attacks, following[-1], beat)).tolist():
        reasons[index] = "melody rests"
    for index in np.flatnonzero(_held(attacks, following, beat + beat // 2)).tolist():
        reasons[index] = "held notes"
    for index in np.flatnonzero(following - silent_from >= _SILENCE_BEATS * beat).tolist():
        reasons[index] = "silence"
    for tick in _fermata_ticks(score):
        reasons[max(0, int(np.searchsorted(attacks, tick, side="right")) - 1)] = "fermata"
    reasons[len(attacks) - 1] = "end of the score"
    return tuple(PhraseEnd(int(attacks[index]), reasons[index]) for index in sorted(reasons))


def _fermata_ticks(score: Score) -> list[int]:
    """Return the last attack of each group of overlapping fermatas."""
    bars, starts, table = len(score.measure_ticks), score.measure_starts, score.notes
    marked = {(each.part, each.measure, each.onset) for each in score.fermatas if each.measure < bars}
    spans = [(int(starts[measure]) + onset, 0) for _, measure, onset in marked]
    in_bars = np.array([part * bars + measure for part, measure, _ in marked], dtype=np.int64)
    for row in np.flatnonzero(np.isin(table.part * bars + table.measure, in_bars)).tolist():
        measure, onset = int(table.measure[row]), int(table.onset[row])
        if (int(table.part[row]), measure, onset) in marked:
            spans.append((int(starts[measure]) + onset, int(table.duration[row])))
    ticks: list[int] = []
    until = -1
    for start, duration in sorted(spans):
        if ticks and (start < until or start == ticks[-1]):
            ticks[-1] = start
        else:
            ticks.append(start)
        until = max(until, start + duration)
    return ticks


def _beat_at(score: Score, clock: Clock, ticks: Integers) -> Integers:
    bars = np.searchsorted(score.measure_starts, ticks, side="right") - 1
    lengths = np.array(clock.beat_ticks, dtype=np.int64)
    return lengths[np.minimum(bars, len(lengths) - 1)]


def _silent_from(start: Integers, end: Integers, following: Integers) -> Integers:
    """Return the latest end of the notes that begin before each of the following attacks."""
    order = np.argsort(start, kind="stable")
    latest = np.maximum.accumulate(end[order])
    return latest[np.searchsorted(start[order], following, side="left") - 1]


def _held(attacks: Integers, following: Integers, least: Integers) -> Booleans:
    gaps = following - attacks
    padded = np.pad(gaps.astype(np.float64), _AROUND, mode="constant", constant_values=np.nan)
    around = np.nanmedian(sliding_window_view(padded, 2 * _AROUND + 1), axis=1)
    return (gaps >= least) & (gaps >= _HELD_FACTOR * around)


def _rests(start: Integers, end: Integers, attacks: Integers, score_end: int, beat: Integers) -> Booleans:
    """Return the attacks after which a part rests for a beat or more, after a note of a beat or more."""
    order = np.argsort(start, kind="stable")
    begins, stops = start[order], np.maximum.accumulate(end[order])
    pause = np.append(begins[1:], score_end) - stops
    at = np.clip(np.searchsorted(attacks, begins, side="right") - 1, 0, len(attacks) - 1)
    rests = (pause >= _MELODY_BEATS * beat[at]) & (stops - begins >= _MELODY_BEATS * beat[at])
    is_rest = np.zeros(len(attacks), dtype=np.bool_)
    is_rest[at[rests]] = True
    return is_rest
