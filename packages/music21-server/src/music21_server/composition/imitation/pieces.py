"""A work as a succession of beats, all voices together, with what each voice does in each beat."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.table import Integers, Score
from music21_server.theory.keys.estimate import durations_of, key_of_candidate
from music21_server.theory.keys.profiles import Weights, key_candidates
from music21_server.theory.melody.lines import Lines, melodic_lines
from music21_server.theory.pitch.intervals import FIFTH
from music21_server.theory.pitch.names import Key, mean_fifths
from music21_server.theory.pitch.transposition import sounding_pitches

TICKS: Final = 480
"""Of a quarter note: every work is counted in the same ones."""

REST: Final = -1
"""Pitch of an event in which a voice is silent."""

_LEAST_SHARE: Final = 0.25
"""Of the time in which the busiest line sounds; a line of less is no voice: second voices of a few bars."""

_FAR_BETTER: Final = 0.25
"""How much better another key must fit, as a correlation, for the final not to be the tonic."""


class Event(NamedTuple):
    """What a voice does from a moment of a beat on.

    Attributes:
        offset: Ticks since the beginning of the beat.
        pitch: Semitones as MIDI counts, or `REST`.
        fifths: Place of the name on the line of fifths; 0 for rests.
        is_held: Whether it goes on from the beat before.
    """

    offset: int
    pitch: int
    fifths: int
    is_held: bool


Cell = tuple[Event, ...]
"""One voice in one beat."""

Beat = tuple[Cell, ...]
"""All voices in one beat, the highest first as a rule."""


@dataclass(frozen=True)
class Metre:
    """A time signature and its beats.

    Attributes:
        text: Such as ``6/8``.
        beats: In a bar.
        beat_ticks: Length of a beat; of 6/8 it is a dotted quarter note.
    """

    text: str
    beats: int
    beat_ticks: int


@dataclass(frozen=True)
class Piece:
    """A work, beat by beat, to the one in which its last notes begin; other metres are left out.

    Attributes:
        name: Of the work.
        key: Its tonic is the final in the bass as a rule.
        metre: The one that it is mostly in.
        voices: Names of the voices, in the order of the score; may be empty.
        beats: In the order of time.
        bars: Index of each beat's bar, from the first full one; a pick-up is in bar -1.
        places: Of each beat in its bar, from 0.
        follows: Whether each beat follows upon the one before it in this tuple, in time and in the metre.
        has_end: Whether the last of them is the one in which the last notes of the work begin.
        notes: How many there are in these beats.
    """

    name: str
    key: Key
    metre: Metre
    voices: tuple[str, ...]
    beats: tuple[Beat, ...]
    bars: tuple[int, ...]
    places: tuple[int, ...]
    follows: tuple[bool, ...]
    has_end: bool
    notes: int


def metre_of(text: str) -> Metre | None:
    """Return the beats of a time signature: three eighths each in 6/8, 9/8 and 12/8; None for others."""
    count, _, kind = text.partition("/")
    if not (count.isdecimal() and kind.isdecimal()) or int(kind) not in (1, 2, 4, 8, 16) or not int(count):
        return None
    unit = 4 * TICKS // int(kind)
    if int(count) % 3 == 0 and int(count) > 3 and int(kind) >= 8:
        return Metre(text, int(count) // 3, 3 * unit)
    return Metre(text, int(count), unit)


def piece_of(name: str, score: Score) -> Piece:
    """Cut a work into beats.

    Args:
        name: To call it by.
        score: Read from any format.

    Raises:
        ScoreError: It has no pitched notes, notes between the keys of a piano, or no metre.
    """
    pitches = sounding_pitches(score)
    durations = durations_of(score, pitches)  # raises where there is nothing to learn from
    lines = melodic_lines(score, pitches)
    if not len(lines) or (lines.cents % 100).any():
        raise ScoreError(
            f"Expected notes of the twelve-tone scale to learn from, {name} has "
            f"{'quarter tones' if len(lines) else 'cues and ornaments only'}."
        )
    grid = _grid(name, score)
    voices = _voices(lines)
    beats = list(
        zip(*(_cells(lines, voice, grid, score.notes.ticks_per_quarter) for voice in voices), strict=True)
    )
    final = max((index for index, beat in enumerate(beats) if begun(beat)), default=-1)
    kept = [index for index in range(final + 1) if all(beats[index])]
    if not kept:
        raise ScoreError(f"Expected at least one beat of {grid.metre.text} with notes, {name} has none.")
    chosen = tuple(beats[index] for index in kept)
    previous = [-1, *kept[:-1]]
    return Piece(
        name=name,
        key=_key(durations, lines, voices, mean_fifths(score, pitches)),
        metre=grid.metre,
        voices=_names(score, lines, voices),
        beats=chosen,
        bars=tuple(grid.bars[index] for index in kept),
        places=tuple(grid.places[index] for index in kept),
        follows=tuple(grid.follows(before, index) for before, index in zip(previous, kept, strict=True)),
        has_end=kept[-1] == final,
        notes=sum(map(begun, chosen)),
    )


def begun(beat: Beat) -> int:
    """Return how many notes begin in a beat."""
    return sum(event.pitch != REST and not event.is_held for cell in beat for event in cell)


def _voices(lines: Lines) -> list[int]:
    """Return the lines that are voices: those that sound for a good part of the time."""
    sounding = np.bincount(lines.line, weights=lines.end - lines.start, minlength=len(lines.names))
    return [int(line) for line in np.flatnonzero(sounding >= _LEAST_SHARE * sounding.max())]


def _names(score: Score, lines: Lines, voices: list[int]) -> tuple[str, ...]:
    """Return what the voices are called; nothing for those of nameless parts."""
    nameless = tuple(part.identity for part in score.parts if not part.name.strip())
    found = [lines.names[voice] for voice in voices]
    return tuple("" if name.startswith(nameless) else name for name in found)


def _key(durations: Weights, lines: Lines, voices: list[int], fifths: float) -> Key:
    """Return the key on the last note of the lowest voice, unless another one fits far better."""
    found = [
        (key_of_candidate(candidate, fifths), candidate.coefficient)
        for candidate in key_candidates(durations)
    ]
    rows = np.flatnonzero(np.isin(lines.line, voices))
    last = rows[lines.end[rows] == lines.end[rows].max()]
    final = int(lines.cents[last].min()) // 100 % 12
    on_final = next(each for each in found if each[0].pitch_class == final)
    return (on_final if on_final[1] >= found[0][1] - _FAR_BETTER else found[0])[0]


@dataclass(frozen=True)
class _Grid:
    """Where the beats of a score are: those in its metre.

    Attributes:
        metre: That of the longest time.
        begins: Of each beat, in `TICKS` since the beginning of the score.
        bars: Index of each beat's bar, from the first full one.
        places: Of each beat in its bar.
    """

    metre: Metre
    begins: Integers
    bars: tuple[int, ...]
    places: tuple[int, ...]

    def follows(self, before: int, index: int) -> bool:
        """Tell whether a beat follows upon another in time and in the metre; -1 is no beat."""
        if before < 0 or self.begins[index] != self.begins[before] + self.metre.beat_ticks:
            return False
        return self.places[index] == (self.places[before] + 1) % self.metre.beats


def _grid(name: str, score: Score) -> _Grid:
    texts = _time_signatures(score)
    time: Counter[str] = Counter()
    for text, ticks in zip(texts, score.measure_ticks.tolist(), strict=True):
        time[text] += ticks
    metre = next((found for text, _ in time.most_common() if (found := metre_of(text))), None)
    if metre is None:
        raise ScoreError(f"Expected a time signature such as 4/4 or 6/8 to learn from, {name} has none.")
    starts = score.measure_starts * TICKS // score.notes.ticks_per_quarter
    begins: list[int] = []
    bars: list[int] = []
    places: list[int] = []
    bar, into = -1, 0
    for index, text in enumerate(texts):
        count, rest = divmod(int(starts[index + 1] - starts[index]), metre.beat_ticks)
        if text != metre.text or rest or not 0 < count <= metre.beats:
            into = 0
            continue
        if index == 0:
            into = metre.beats - count
        elif into + count > metre.beats:
            into = 0  # a short bar that is no part of a divided one
        bar += into == 0
        begins += range(int(starts[index]), int(starts[index + 1]), metre.beat_ticks)
        bars += [bar] * count
        places += range(into, into + count)
        into = (into + count) % metre.beats
    return _Grid(metre, np.array(begins, dtype=np.int64), tuple(bars), tuple(places))


def _time_signatures(score: Score) -> list[str]:
    """Return the time signature of each bar; empty without one."""
    found = [""] * len(score.measure_ticks)
    for time in sorted(score.times, key=lambda each: (each.measure, -each.part)):
        found[time.measure :] = [time.text] * (len(found) - time.measure)
    return found


def _cells(lines: Lines, voice: int, grid: _Grid, ticks_per_quarter: int) -> list[Cell]:
    """Return what a voice does in each beat; nothing where it divides it as `TICKS` cannot."""
    length = grid.metre.beat_ticks
    rows = slice(lines.first[voice], lines.first[voice + 1])
    start, start_rest = np.divmod(lines.start[rows] * TICKS, ticks_per_quarter)
    end, end_rest = np.divmod(lines.end[rows] * TICKS, ticks_per_quarter)
    first = np.maximum(np.searchsorted(grid.begins, start, side="right") - 1, 0)
    last = np.searchsorted(grid.begins, end)
    begins = grid.begins.tolist()
    events: list[list[Event]] = [[] for _ in begins]
    covered = [0] * len(begins)
    odd: set[int] = set()
    notes = zip(
        start.tolist(), end.tolist(), first.tolist(), last.tolist(), (start_rest + end_rest > 0).tolist(),
        (lines.cents[rows] // 100).tolist(), (lines.fifths[rows] // FIFTH).tolist(), strict=True,
    )  # fmt: skip
    for begin, until, one, other, is_odd, pitch, fifths in notes:
        for index in range(one, other):
            offset = begin - begins[index]
            if offset >= length:
                continue  # between the beats of the metre
            if is_odd:
                odd.add(index)
            if offset > covered[index]:
                events[index].append(Event(covered[index], REST, 0, False))
            events[index].append(Event(max(offset, 0), pitch, fifths, offset < 0))
            covered[index] = min(until - begins[index], length)
    for index, until in enumerate(covered):
        if until < length:
            events[index].append(Event(until, REST, 0, False))
    return [() if index in odd else tuple(cell) for index, cell in enumerate(events)]


def reduced(piece: Piece, voices: int) -> Piece:
    """Return a work with fewer voices: the outer ones, and the upper ones of those between them."""
    kept = [*range(voices - 1), len(piece.voices) - 1] if voices > 1 else [0]
    beats = tuple(tuple(beat[voice] for voice in kept) for beat in piece.beats)
    names = tuple(piece.voices[voice] for voice in kept)
    return replace(piece, beats=beats, voices=names, notes=sum(map(begun, beats)))
