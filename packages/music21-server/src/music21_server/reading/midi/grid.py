"""From ticks to note values: the finest division of each beat that the file itself needs.

A file that a notation program wrote has its onsets on simple divisions of the beat, exactly or rounded to a
tick. One that was played to a metronome has them nearby, and one that was played freely anywhere: its beats
would have to be guessed, so it is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.errors import UnreadableScoreError
from music21_server.reading.midi.divisions import fits, fits_any, possible
from music21_server.reading.midi.measures import Measures
from music21_server.reading.midi.note_ends import written_ends
from music21_server.reading.midi.places import Place, TickedNotes
from music21_server.score.table import Integers

_DIVISORS: Final = (1, 2, 4, 3, 8, 6, 5, 16, 12, 7, 9, 24, 10, 20, 32, 14, 15, 11, 13, 40, 48)
"""Parts into which a quarter note may be divided, the usual ones first."""

_TELLING: Final = (1, 2, 4, 3, 8, 6, 5, 16, 12, 7, 9, 24)
"""Divisors that tell written from played music: with all of them, any position would do."""

_FINEST_USUAL: Final = 24
_WRITTEN_SHARE: Final = 0.9
_PLAYED_DIVISORS: Final = ((1, 0.0), (2, 0.5), (4, 1.5), (3, 2.0), (8, 5.0), (6, 5.0))
"""Divisors for played music, each with what it costs beside the squared deviations."""

_PLAYED_DEVIATION: Final = 0.04
"""Usual deviation of a player from a metronome, in quarter notes."""

_LEAST_CONCENTRATION: Final = 0.35
"""Mean resultant length of the onsets around the nearest 16th or triplet; 0 is anywhere, 1 is exact. With a
deviation of 0.055 quarter notes (28 ms at 120 per minute) it is 0.4."""

_MANY_ONSETS: Final = 20


@dataclass(frozen=True)
class GridTimes:
    """Times of notes in units.

    Attributes:
        units_per_quarter: Units of a quarter note.
        measure_units: Time of each measure in units, and of the end of the last one.
        start: Start of each note.
        end: End of each note, later than its start.
        is_played: Whether the onsets only lay near the note values.
        moved: Notes whose onset lay on no note value.
        largest_move_quarters: Largest distance by which an onset was moved.
    """

    units_per_quarter: int
    measure_units: Integers
    start: Integers
    end: Integers
    is_played: bool
    moved: int
    largest_move_quarters: float


def to_grid(notes: TickedNotes) -> GridTimes:
    """Return the times of notes as note values.

    Raises:
        UnreadableScoreError: The notes do not follow the beats of the file.
    """
    quarter = notes.ticks_per_quarter
    place = notes.places(notes.start)
    is_written = fits_any(place.ticks, _TELLING, quarter)
    is_played = bool(len(place.ticks)) and bool(is_written.mean() < _WRITTEN_SHARE)
    window = _windows(notes.part, place)
    if is_played:
        _expect_beats(place, quarter)
        divisor = _played_divisors(window, place.ticks, quarter)
    else:
        divisor = _written_divisors(window, place.ticks, quarter)
    end_divisor, end_tick = written_ends(notes, place, divisor)
    lengths, length_divisors = _measure_lengths(notes.measures, quarter)
    unit = math.lcm(*{int(d) for d in (*np.unique(divisor), *np.unique(end_divisor), *length_divisors)})
    measure_units = np.concatenate(
        [np.zeros(1, dtype=np.int64), np.cumsum([n * unit // d for n, d in lengths])]
    )

    def units(at: Place, by: Integers) -> Integers:
        steps = np.rint(at.ticks * by / quarter).astype(np.int64)
        total: Integers = measure_units[at.measure] + at.beat * unit + steps * (unit // by)
        return total

    start, end = units(place, divisor), units(notes.places(end_tick), end_divisor)
    # A note that ends where another begins ends on its place on the grid.
    by_tick = dict(zip(notes.start.tolist(), start.tolist(), strict=True))
    own = zip(end_tick.tolist(), end.tolist(), strict=True)
    end = np.array([by_tick.get(tick, each) for tick, each in own], dtype=np.int64)
    start = np.minimum(start, measure_units[-1] - 1)
    end = np.minimum(np.where(end > start, end, start + unit // divisor), measure_units[-1])
    position = place.ticks / quarter
    moves = np.abs(position - np.rint(position * divisor) / divisor)
    moved = int((moves * quarter >= 1).sum())
    return GridTimes(unit, measure_units, start, end, is_played, moved, float(moves.max(initial=0.0)))


def _windows(part: Integers, place: Place) -> Integers:
    """Return a number for each beat of each part, from 0."""
    beats = int(place.beat.max(initial=0)) + 1
    measures = int(place.measure.max(initial=0)) + 1
    code = (part * measures + place.measure) * beats + place.beat
    windows: Integers = np.unique(code, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return windows


def _written_divisors(window: Integers, ticks: Integers, ticks_per_quarter: int) -> Integers:
    """Return a divisor for each note: the first that fits all onsets of its beat, or else this one alone."""
    windows = int(window.max(initial=-1)) + 1
    chosen = np.zeros(len(ticks), dtype=np.int64)
    alone = np.zeros(len(ticks), dtype=np.int64)
    divisors = possible(_DIVISORS, ticks_per_quarter)
    for divisor in divisors:
        fit = fits(ticks, divisor, ticks_per_quarter)
        misfits = np.bincount(window, weights=~fit, minlength=windows)
        chosen[(chosen == 0) & (misfits[window] == 0)] = divisor
        alone[(alone == 0) & fit] = divisor
    chosen = np.where(chosen == 0, alone, chosen)
    # What lies on no note value goes to the nearest 24th, where both 32nds of triplets and of pairs are near.
    return np.where(chosen == 0, max(each for each in divisors if each <= _FINEST_USUAL), chosen)


def _played_divisors(window: Integers, ticks: Integers, ticks_per_quarter: int) -> Integers:
    """Return a divisor for each note: the one with the least deviations and complexity in its beat."""
    windows = int(window.max(initial=-1)) + 1
    position = ticks / ticks_per_quarter
    costs = []
    for divisor, price in _PLAYED_DIVISORS:
        deviation = position - np.rint(position * divisor) / divisor
        squares = np.bincount(window, weights=(deviation / _PLAYED_DEVIATION) ** 2, minlength=windows)
        costs.append(squares + price)
    best = np.argmin(costs, axis=0)
    divisors: Integers = np.array([each for each, _ in _PLAYED_DIVISORS], dtype=np.int64)[best][window]
    return divisors


def _expect_beats(place: Place, ticks_per_quarter: int) -> None:
    position = place.ticks / ticks_per_quarter
    concentration = max(abs(np.exp(2j * math.pi * divisor * position).mean()) for divisor in (4, 3))
    if len(position) >= _MANY_ONSETS and concentration < _LEAST_CONCENTRATION:
        raise UnreadableScoreError(
            "Expected MIDI whose notes follow the beats of the file, got a free performance: its onsets lie "
            f"anywhere between the beats (concentration {concentration:.2f} around 16ths or triplets; "
            f"{_LEAST_CONCENTRATION} is needed). Record it to a metronome, or transcribe it in a notation "
            "program and send MusicXML."
        )


def _measure_lengths(measures: Measures, ticks_per_quarter: int) -> tuple[list[tuple[int, int]], set[int]]:
    """Return the length of each measure in quarter notes as numerator and denominator."""
    lengths: list[tuple[int, int]] = []
    edges = [index for index, _ in measures.changes] + [len(measures.starts) - 1]
    for (_, signature), begin, end in zip(measures.changes, edges, edges[1:], strict=False):
        divisor = math.gcd(signature.numerator * 4, signature.denominator)
        full = (signature.numerator * 4 // divisor, signature.denominator // divisor)
        lengths += [full] * (end - begin)
    for index in measures.cut:
        ticks = int(measures.starts[index + 1] - measures.starts[index])
        # A signature in the midst of a measure stands on a note value, too.
        sixteenths = max(1, round(ticks * 24 / ticks_per_quarter))
        divisor = math.gcd(sixteenths, 24)
        lengths[index] = (sixteenths // divisor, 24 // divisor)
    return lengths, {each for _, each in lengths}
