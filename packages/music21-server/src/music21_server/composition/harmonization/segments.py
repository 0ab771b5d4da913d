"""Segments of the melody that get one chord each: beats, half bars or bars, split at the ends of phrases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from music21_server.composition.harmonization.melody import Melody
from music21_server.errors import ScoreError
from music21_server.theory.time.phrases import phrase_ends
from music21_server.theory.time.positions import Clock

HarmonicRhythm = Literal["auto", "beat", "half bar", "bar"]

MOST_SEGMENTS: Final = 4_000
"""Largest number of segments in one melody."""

DOWNBEAT, MIDDLE, BEAT, OFFBEAT = 0, 1, 2, 3
"""Metrical strength: the barline, the middle of the bar, another beat, or a place between beats."""

_CONFIDENCE: Final = {"end of the score": 1.0, "fermata": 1.0, "silence": 0.8, "held notes": 0.4}
"""Confidence that a phrase ends, by the evidence; every longer rest of a single line is a silence."""


@dataclass(frozen=True)
class Segment:
    """A time span that gets one chord.

    Attributes:
        start: Ticks since the beginning of the score.
        end: Ticks since the beginning of the score.
        strength: `DOWNBEAT`, `MIDDLE`, `BEAT` or `OFFBEAT`.
        notes: Indices of the melody's notes that sound in it, in order; at least one.
        closes: Confidence that a phrase ends with it, 0 to 1.
        is_first: Whether nothing sounds immediately before it.
        beats: Duration in beats.
        beat_quarters: Length of a beat in quarter notes.
    """

    start: int
    end: int
    strength: int
    notes: tuple[int, ...]
    closes: float
    is_first: bool
    beats: float
    beat_quarters: float


def segments_of(melody: Melody, rhythm: HarmonicRhythm) -> tuple[Segment, ...]:
    """Return the segments in which the melody sounds, in time order.

    The last note of a phrase is one segment, however long.

    Args:
        rhythm: Length of a segment; ``auto`` splits at every beat, and the chord may stay.

    Raises:
        ScoreError: There are too many segments.
    """
    score = melody.score
    clock = Clock(score)
    cuts = _cuts(melody, clock, rhythm)
    closing = _closing(melody, clock)
    starts = np.array([note.start for note in melody.notes])
    ends = np.array([note.end for note in melody.notes])
    segments: list[Segment] = []
    beat_ticks = np.array(clock.beat_ticks)
    bars = np.searchsorted(score.measure_starts, [tick for tick, _ in cuts], side="right") - 1
    for (start, strength), (end, _), bar in zip(cuts, cuts[1:], bars.tolist(), strict=False):
        first, last = np.searchsorted(ends, start, side="right"), np.searchsorted(starts, end, side="left")
        if first == last:
            continue
        notes = tuple(range(int(first), int(last)))
        closes = next((closing[note] for note in notes if note in closing), 0.0)
        if (
            segments
            and segments[-1].end == start
            and notes == (segments[-1].notes[-1],)
            and segments[-1].closes
        ):
            segments[-1] = replace(
                segments[-1], end=end, beats=segments[-1].beats + _beats(start, end, beat_ticks, bar)
            )
            continue
        segments.append(
            Segment(
                start=start,
                end=end,
                strength=strength,
                notes=notes,
                closes=closes if notes[-1] in closing else 0.0,
                is_first=not segments or segments[-1].end < start,
                beats=_beats(start, end, beat_ticks, bar),
                beat_quarters=float(beat_ticks[bar] / score.notes.ticks_per_quarter),
            )
        )
    return tuple(segments)


def _beats(start: int, end: int, beat_ticks: np.ndarray, bar: int) -> float:
    return float((end - start) / beat_ticks[bar])


def _closing(melody: Melody, clock: Clock) -> dict[int, float]:
    """Return the indices of the last notes of phrases, with the confidence that the phrase ends."""
    starts = [note.start for note in melody.notes]
    closing: dict[int, float] = {}
    for end in phrase_ends(melody.score, clock):
        confidence = _CONFIDENCE.get(end.evidence, 0.0)
        if confidence:
            closing[int(np.searchsorted(starts, end.tick, side="right")) - 1] = confidence
    closing[len(starts) - 1] = 1.0
    return closing


def _cuts(melody: Melody, clock: Clock, rhythm: HarmonicRhythm) -> list[tuple[int, int]]:
    """Return tick and metrical strength of each beginning of a segment, and of the end of the score."""
    score = melody.score
    starts = score.measure_starts.tolist()
    cuts: list[tuple[int, int]] = []
    for bar, (begin, end) in enumerate(pairwise(starts)):
        beat = clock.beat_ticks[bar]
        before = (
            round((clock.at(0, 0).beat - 1) * beat) if bar == 0 else 0
        )  # the missing part of a pickup bar
        count = -(-(end - begin + before) // beat)
        if len(cuts) + count > MOST_SEGMENTS:
            raise ScoreError(
                f"Expected a melody of at most {MOST_SEGMENTS:,} beats, got more: harmonise it in sections "
                "(score_slice)."
            )
        middle = (count + 1) // 2 if count > 2 or rhythm == "half bar" else 0
        for index in range(count):
            onset = max(index * beat - before, 0)
            strength = DOWNBEAT if index == 0 else MIDDLE if index == middle else BEAT
            if onset >= end - begin or (index + 1) * beat <= before:
                continue
            is_cut = rhythm in ("auto", "beat") or strength == DOWNBEAT or onset == 0
            if is_cut or (rhythm == "half bar" and strength == MIDDLE):
                is_off = index * beat < before
                is_middle = strength == MIDDLE and count % 2 == 0
                level = OFFBEAT if is_off else strength if strength != MIDDLE or is_middle else BEAT
                cuts.append((begin + onset, level))
    return [*cuts, (starts[-1], DOWNBEAT)]
