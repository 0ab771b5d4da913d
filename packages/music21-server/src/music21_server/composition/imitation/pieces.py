"""Cuts a work into beats, with the events of all voices in each beat."""

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
"""Ticks of a quarter note, the same for all works."""

REST: Final = -1
"""Pitch of an event that is a rest."""

_LEAST_SHARE: Final = 0.25
"""Smallest sounding time of a voice, as a share of the busiest line; this excludes second voices of a few
bars."""

_FAR_BETTER: Final = 0.25
"""Advantage in correlation that another key needs over the best key whose tonic is the final."""


class Event(NamedTuple):
    """A note or rest of a voice within a beat.

    Attributes:
        offset: Ticks since the beginning of the beat.
        pitch: MIDI number, or `REST`.
        fifths: Place of the name on the line of fifths; 0 for rests.
        is_held: Whether the note continues from the previous beat.
    """

    offset: int
    pitch: int
    fifths: int
    is_held: bool


Cell = tuple[Event, ...]
"""The events of one voice in one beat."""

Beat = tuple[Cell, ...]
"""The cells of all voices in one beat, usually the highest first."""


@dataclass(frozen=True)
class Metre:
    """A time signature and its beats.

    Attributes:
        text: Time signature, such as ``6/8``.
        beats: Number of beats in a bar.
        beat_ticks: Length of a beat; in 6/8 a dotted quarter note.
    """

    text: str
    beats: int
    beat_ticks: int


@dataclass(frozen=True)
class Piece:
    """The beats of a work in its main metre, up to the beat in which its last notes begin.

    Attributes:
        name: Name of the work.
        key: Key; its tonic is usually the last note of the bass.
        metre: Main metre.
        voices: Names of the voices in score order; may be empty.
        beats: Beats in time order.
        bars: Bar of each beat, 0 for the first full bar and -1 for a pickup.
        places: Place of each beat in its bar, from 0.
        follows: Whether each beat follows the previous one without a gap.
        has_end: Whether the last notes of the work begin in the last beat.
        notes: Number of notes in the beats.
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
    """Return the metre of a time signature, with compound beats in 6/8, 9/8 and 12/8; None for irregular
    ones."""
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
        name: Name for messages and reports.
        score: Score of any format.

    Raises:
        ScoreError: The score has no pitched notes or no regular metre, or it has quarter tones.
    """
    pitches = sounding_pitches(score)
    durations = durations_of(score, pitches)  # raises ScoreError if there are no pitched notes
    lines = melodic_lines(score, pitches)
    if not len(lines) or (lines.cents % 100).any():
        raise ScoreError(
            f"Expected notes of the twelve-tone scale to learn from, got "
            f"{'quarter tones' if len(lines) else 'only cues and ornaments'} in {name}."
        )
    grid = _grid(name, score)
    voices = _voices(lines)
    beats = list(
        zip(*(_cells(lines, voice, grid, score.notes.ticks_per_quarter) for voice in voices), strict=True)
    )
    final = max((index for index, beat in enumerate(beats) if count_attacks(beat)), default=-1)
    kept = [index for index in range(final + 1) if all(beats[index])]
    if not kept:
        raise ScoreError(f"Expected at least one beat of {grid.metre.text} with notes, got none in {name}.")
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
        notes=sum(map(count_attacks, chosen)),
    )


def count_attacks(beat: Beat) -> int:
    """Return the number of notes that begin in a beat."""
    return sum(event.pitch != REST and not event.is_held for cell in beat for event in cell)


def _voices(lines: Lines) -> list[int]:
    """Return the indices of the lines that sound long enough to be voices."""
    sounding = np.bincount(lines.line, weights=lines.end - lines.start, minlength=len(lines.names))
    return [int(line) for line in np.flatnonzero(sounding >= _LEAST_SHARE * sounding.max())]


def _names(score: Score, lines: Lines, voices: list[int]) -> tuple[str, ...]:
    """Return the names of the voices; empty for those of nameless parts."""
    nameless = tuple(part.identity for part in score.parts if not part.name.strip())
    names = (lines.names[voice] for voice in voices)
    return tuple("" if name.startswith(nameless) else name for name in names)


def _key(durations: Weights, lines: Lines, voices: list[int], fifths: float) -> Key:
    """Return the key whose tonic is the last bass note, unless another key fits far better."""
    candidates = [
        (key_of_candidate(candidate, fifths), candidate.coefficient)
        for candidate in key_candidates(durations)
    ]
    rows = np.flatnonzero(np.isin(lines.line, voices))
    last = rows[lines.end[rows] == lines.end[rows].max()]
    final = int(lines.cents[last].min()) // 100 % 12
    on_final = next(candidate for candidate in candidates if candidate[0].pitch_class == final)
    return (on_final if on_final[1] >= candidates[0][1] - _FAR_BETTER else candidates[0])[0]


@dataclass(frozen=True)
class _Grid:
    """The positions of the beats in the main metre of a score.

    Attributes:
        metre: Metre with the longest total duration.
        begins: Ticks of each beat since the beginning of the score, `TICKS` to a quarter note.
        bars: Bar of each beat, 0 for the first full bar.
        places: Place of each beat in its bar.
    """

    metre: Metre
    begins: Integers
    bars: tuple[int, ...]
    places: tuple[int, ...]

    def follows(self, before: int, index: int) -> bool:
        """Return whether a beat directly follows another in time and in the metre; -1 stands for no beat."""
        if before < 0 or self.begins[index] != self.begins[before] + self.metre.beat_ticks:
            return False
        return self.places[index] == (self.places[before] + 1) % self.metre.beats


def _grid(name: str, score: Score) -> _Grid:
    texts = _time_signatures(score)
    time: Counter[str] = Counter()
    for text, ticks in zip(texts, score.measure_ticks.tolist(), strict=True):
        time[text] += ticks
    metre = next((match for text, _ in time.most_common() if (match := metre_of(text))), None)
    if metre is None:
        raise ScoreError(f"Expected a time signature such as 4/4 or 6/8 to learn from, got none in {name}.")
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
            into = 0  # not the second part of a divided bar
        bar += into == 0
        begins += range(int(starts[index]), int(starts[index + 1]), metre.beat_ticks)
        bars += [bar] * count
        places += range(into, into + count)
        into = (into + count) % metre.beats
    return _Grid(metre, np.array(begins, dtype=np.int64), tuple(bars), tuple(places))


def _time_signatures(score: Score) -> list[str]:
    """Return the time signature of each bar; empty where there is none."""
    texts = [""] * len(score.measure_ticks)
    for time in sorted(score.times, key=lambda change: (change.measure, -change.part)):
        texts[time.measure :] = [time.text] * (len(texts) - time.measure)
    return texts


def _cells(lines: Lines, voice: int, grid: _Grid, ticks_per_quarter: int) -> list[Cell]:
    """Return the events of a voice in each beat; none if the beat is divided in a way that `TICKS` cannot
    represent."""
    length = grid.metre.beat_ticks
    rows = slice(lines.first[voice], lines.first[voice + 1])
    start, start_rest = np.divmod(lines.start[rows] * TICKS, ticks_per_quarter)
    end, end_rest = np.divmod(lines.end[rows] * TICKS, ticks_per_quarter)
    first = np.maximum(np.searchsorted(grid.begins, start, side="right") - 1, 0)
    last = np.searchsorted(grid.begins, end)
    begins = grid.begins.tolist()
    events: list[list[Event]] = [[] for _ in begins]
    covered = [0] * len(begins)
    unrepresentable: set[int] = set()
    notes = zip(
        start.tolist(), end.tolist(), first.tolist(), last.tolist(), (start_rest + end_rest > 0).tolist(),
        (lines.cents[rows] // 100).tolist(), (lines.fifths[rows] // FIFTH).tolist(), strict=True,
    )  # fmt: skip
    for begin, until, one, other, has_remainder, pitch, fifths in notes:
        for index in range(one, other):
            offset = begin - begins[index]
            if offset >= length:
                continue  # between the beats of the metre
            if has_remainder:
                unrepresentable.add(index)
            if offset > covered[index]:
                events[index].append(Event(covered[index], REST, 0, False))
            events[index].append(Event(max(offset, 0), pitch, fifths, offset < 0))
            covered[index] = min(until - begins[index], length)
    for index, until in enumerate(covered):
        if until < length:
            events[index].append(Event(until, REST, 0, False))
    return [() if index in unrepresentable else tuple(cell) for index, cell in enumerate(events)]


def reduce_voices(piece: Piece, voices: int) -> Piece:
    """Return a work with fewer voices: the outer ones and the highest inner ones."""
    kept = [*range(voices - 1), len(piece.voices) - 1] if voices > 1 else [0]
    beats = tuple(tuple(beat[voice] for voice in kept) for beat in piece.beats)
    names = tuple(piece.voices[voice] for voice in kept)
    return replace(piece, beats=beats, voices=names, notes=sum(map(count_attacks, beats)))
