"""Rows, measures and marks of one MusicXML part, built in document order.

What counts as a note, where it begins and how long it lasts follows music21's own importer
(music21.musicxml.xmlToM21, release 10), which the tests compare with: notes without a staff belong to all
staves of their part, Finale's `<forward>` is a hidden rest, and a whole-measure rest lasts its measure.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from music21_server.errors import TooMuchScoreError
from music21_server.reading.musicxml_note import WrittenNote
from music21_server.reading.numbers import quantity
from music21_server.reading.staves import COLUMNS, Mark, ReadPart, scaled
from music21_server.score.limits import Limits
from music21_server.score.table import NO_TIE, REST, Fermata, Integers, Transposition

FINEST: Final = 2**36
"""Most ticks per quarter note; with more, sums over a long score could overflow 64 bits."""

LONGEST_MEASURE_QUARTERS: Final = 4096

_DEFAULT_DIVISIONS: Final = 10080
"""Divisions of a part that declares none, as in music21."""

_LONGEST_NUMBER: Final = 40
"""Characters kept of a printed measure number."""

_WIDTH: Final = len(COLUMNS)

_INTENDED: Final = Fraction(1, 2)
_GRIDS: Final = (Fraction(1, 16), Fraction(1, 12))
"""In quarter notes: an excess above `_INTENDED`, or a multiple of a grid, is intended; any other is an error
of the document."""

_Position = tuple[int, int, int, int]
"""Onset, duration, staff and voice, which the notes of a chord share."""

_HIDDEN_REST: Final = (REST, 0, 0, 4, NO_TIE, False, False)
"""`columns` of a rest that is not written as a note."""


class PartBuilder:
    """Collects one part.

    Times are counted in ticks. A quarter note has as many ticks as the divisions so far require; when finer
    ones appear, everything collected so far is rescaled. Methods raise ValueError for values out of range.

    Args:
        identity: Id of the part.
        name: Printed name.
        first_node: Number of `<note>` and `<forward>` elements in the parts before.

    Attributes:
        nodes: `<note>` and `<forward>` elements so far.
        measure: Index of the current measure.
        now: Position in the current measure, in ticks.
        divisions: Divisions of a quarter note in force.
    """

    def __init__(self, identity: str, name: str, first_node: int, limits: Limits) -> None:
        self._identity = identity
        self._name = name
        self._first_node = first_node
        self._limits = limits
        self.nodes = 0
        self._values: array[int] = array("q")
        self._unit = 1
        self.divisions = Fraction(_DEFAULT_DIVISIONS)
        self._ticks_by_duration: dict[str, int] = {}
        self._numbers: list[str] = []
        self._measure_ticks: list[int] = []
        self._firm_ticks: list[int] = []
        self._measure_quarters = Fraction(4)
        self._full_measure: int | None = None  # in ticks; computed when needed
        self._last_time_measure = -1
        self._marks: list[tuple[int, Mark]] = []
        self._transpositions: list[tuple[int, Transposition]] = []
        self._staff_count = 1
        self._staves: set[int] = set()
        self._voices: dict[str, int] = {}
        # State of the current measure:
        self.measure = -1
        self.now = self._end = 0
        self._measure_voices: set[str] = set()
        self._last_voice = ""
        self._voice: int | None = None  # number of the last voice
        self._chord: _Position | None = None
        self._chord_is_open = False
        self._first_rest: tuple[int, WrittenNote] | None = None
        self._has_whole_measure_rest = False
        self._single_notes = self._rests = 0
        self._rows_before = 0
        self._finale_rest: int | None = None

    def __str__(self) -> str:
        """Return the current measure and the part, for messages."""
        return f"measure {self._numbers[-1][:20] or self.measure + 1} of part {self._identity}"

    def finish(self) -> ReadPart:
        """Return the part."""
        self._remove_last_finale_rest()
        return ReadPart(
            identity=self._identity,
            name=self._name,
            rows=self._rows().copy(),
            unit=self._unit,
            numbers=tuple(self._numbers),
            measure_ticks=self._measure_ticks,
            firm_ticks=self._firm_ticks,
            marks=self._marks,
            transpositions=self._transpositions,
            staves=tuple(sorted(self._staves)) if self._staff_count > 1 else (),
        )

    def _rows(self) -> Integers:
        return np.frombuffer(self._values, dtype=np.int64).reshape(-1, _WIDTH)

    # Time

    def set_divisions(self, divisions: Fraction) -> None:
        """Count durations from here on in `divisions` of a quarter note."""
        if divisions != self.divisions:
            self.divisions = divisions
            self._ticks_by_duration = {}

    def ticks(self, text: str) -> int:
        """Return the ticks of a `<duration>`."""
        ticks = self._ticks_by_duration.get(text)
        if ticks is None:
            quarters = quantity(text, "a <duration>", 0, 10**12) / self.divisions
            if quarters > LONGEST_MEASURE_QUARTERS:
                raise ValueError(
                    f"expected a <duration> of at most {LONGEST_MEASURE_QUARTERS} quarter notes, got "
                    f"{float(quarters):,}"
                )
            ticks = self._ticks_by_duration[text] = self.ticks_of_quarters(quarters)
        return ticks

    def ticks_of_quarters(self, quarters: Fraction) -> int:
        """Return a time in ticks; make ticks finer if it does not fit."""
        ticks = quarters * self._unit
        if ticks.denominator != 1:
            self._refine(ticks.denominator)
            ticks *= ticks.denominator
        return int(ticks)

    def _refine(self, factor: int) -> None:
        """Divide each tick into `factor` ticks."""
        self._unit *= factor
        if self._unit > FINEST:
            raise TooMuchScoreError(
                f"Expected at most {FINEST:,} ticks per quarter note in part {self._identity}, got "
                f"{self._unit:,}: export the score again with the same <divisions> throughout."
            )
        self._ticks_by_duration = {text: ticks * factor for text, ticks in self._ticks_by_duration.items()}
        self._full_measure = None
        self.now *= factor
        self._end *= factor
        if self._chord is not None:
            onset, duration, staff, voice = self._chord
            self._chord = (onset * factor, duration * factor, staff, voice)
        if self._values:
            self._rows()[:, 2:4] *= factor
        self._measure_ticks = [ticks * factor for ticks in self._measure_ticks]
        self._firm_ticks = [ticks if ticks < 0 else ticks * factor for ticks in self._firm_ticks]
        self._marks = [(staff, scaled(mark, factor)) for staff, mark in self._marks]

    def _check_measure_length(self) -> None:
        longest = max(self.now, self._end)
        if longest > LONGEST_MEASURE_QUARTERS * self._unit:
            raise ValueError(
                f"expected a measure of at most {LONGEST_MEASURE_QUARTERS} quarter notes, got "
                f"{longest // self._unit:,}"
            )

    # Measures

    def begin_measure(self, number: str) -> None:
        """Begin the measure with a printed number, which may be empty."""
        self._limits.check("max_measures", len(self._numbers) + 1)
        marks = len(self._marks) + len(self._transpositions)
        self._limits.check("max_notes", len(self._values) // _WIDTH + marks)
        self._numbers.append(number.strip()[:_LONGEST_NUMBER])
        self.measure += 1
        self.now = self._end = 0
        self._measure_voices = set()
        self._last_voice = ""
        self._voice = None
        self._chord = None
        self._first_rest = None
        self._has_whole_measure_rest = False
        self._single_notes = self._rests = 0
        self._rows_before = len(self._values)
        self._finale_rest = None

    def end_measure(self) -> None:
        """Record the length of the current measure, and fill it with a rest if it is empty."""
        self._check_measure_length()
        full = self._full_measure_ticks()
        if self._end == 0 and len(self._values) == self._rows_before:
            # Some programs omit the rests of empty measures.
            self._add_hidden_rest(0, full, 0, "", -1)
            self._measure_ticks.append(full)
            self._firm_ticks.append(-1)
            return
        firm = self._length(full)
        is_stretched = self._stretch_whole_measure_rest(full)
        self._measure_ticks.append(self._length(full))
        self._firm_ticks.append(-1 if is_stretched and not self._single_notes else firm)

    def set_time(self, quarters: Fraction) -> None:
        """Set the length of a full measure; the first time signature of a measure decides."""
        if quarters and self._last_time_measure != self.measure:
            self._last_time_measure = self.measure
            self._measure_quarters = quarters
            self._full_measure = None

    def _full_measure_ticks(self) -> int:
        if self._full_measure is None:
            self._full_measure = self.ticks_of_quarters(self._measure_quarters)
        return self._full_measure

    def _length(self, full: int) -> int:
        """Return the length of the current measure, without an excess that is an error of the document."""
        if self._end <= full:
            return self._end
        excess = Fraction(self._end - full, self._unit)
        if excess > _INTENDED or any((excess / grid).denominator == 1 for grid in _GRIDS):
            return self._end
        return full

    def _stretch_whole_measure_rest(self, full: int) -> bool:
        """Let a whole-measure rest last the measure, whatever its duration says.

        Returns:
            Whether the duration of such a rest was changed.
        """
        if self._first_rest is None:
            return False
        is_alone = self._rests == 1 and self._single_notes == 0
        if not self._has_whole_measure_rest and not is_alone:
            return False
        row, rest = self._first_rest
        at = row * _WIDTH
        duration = self._values[at + 3]
        quarters = Fraction(duration, self._unit)
        looks_whole = rest.type in ("whole", "breve") or (not rest.type and quarters in (4, 8))
        if duration == full:
            return False
        if not _is_whole_measure(rest) and not (looks_whole and not rest.dots and not rest.is_tuplet):
            return False
        self._values[at + 3] = full
        self._end = self._latest_end()
        return True

    def _latest_end(self) -> int:
        rows = self._rows()[self._rows_before // _WIDTH :]
        return int((rows[:, 2] + rows[:, 3]).max())

    def _remove_last_finale_rest(self) -> None:
        """Remove the `<forward>` with which Finale ends an incomplete last measure; it is not a rest."""
        row = self._finale_rest
        if row is None or len(self._measure_voices) > 1:
            return
        rows = self._rows()
        is_last = rows[row, 2] >= rows[self._rows_before // _WIDTH :, 2].max()
        del rows  # an array with views cannot shrink
        if is_last:
            del self._values[row * _WIDTH : (row + 1) * _WIDTH]

    # Notes

    def add_notes(self, notes: Sequence[WrittenNote]) -> None:
        """Add notes at the current position, and move on by the duration of each unless it joins a chord.

        Hot path, run for every note: state that changes from note to note is kept in local variables.
        """
        self._finale_rest = None
        now, chord, voice, last_voice = self.now, self._chord, self._voice, self._last_voice
        measure, node = self.measure, self._first_node + self.nodes
        self.nodes += len(notes)
        ticks_by_duration = self._ticks_by_duration
        rows: list[int] = []
        for note in notes:
            if note.voice and note.voice != last_voice:
                last_voice = note.voice
                self._measure_voices.add(last_voice)
                voice = self._voice_number(last_voice)
            if not note.in_chord or chord is None:
                length = note.length
                duration = ticks_by_duration.get(length) if length else 0
                if duration is None:
                    # It may make ticks finer, for all rows so far.
                    self._values.fromlist(rows)
                    rows = []
                    self.now = now
                    duration = self.ticks(length)
                    now, ticks_by_duration = self.now, self._ticks_by_duration
                if voice is None:
                    voice = self._voice_number("")
                staff = note.staff
                if staff:
                    self._staves.add(staff)
                chord = (now, duration, staff, voice)
                self._chord_is_open = False
                if note.kind == REST:
                    self._rests += 1
                    self._has_whole_measure_rest |= _is_whole_measure(note)
                    if self._first_rest is None:
                        self._first_rest = ((len(self._values) + len(rows)) // _WIDTH, note)
                else:
                    self._single_notes += 1
                rows += (staff, measure, now, duration, *note.columns, voice, node)
                now += duration
            else:
                if not self._chord_is_open:
                    self._chord_is_open = True
                    self._single_notes -= 1
                onset, duration, staff, chord_voice = chord
                rows += (staff, measure, onset, duration, *note.columns, chord_voice, node)
            if note.fermata:
                self.add_mark(chord[2], Fermata(0, measure, chord[0]))
            node += 1
        self._values.fromlist(rows)
        self.now, self._chord, self._voice, self._last_voice = now, chord, voice, last_voice
        self._end = max(self._end, now)

    def _voice_number(self, name: str) -> int:
        return self._voices.setdefault(name, len(self._voices))

    def next_node(self) -> int:
        """Return the number of the next `<forward>` element."""
        self.nodes += 1
        return self._first_node + self.nodes - 1

    def move_back(self, ticks: int) -> None:
        """Move the position back, at most to the barline."""
        self.now = max(0, self.now - ticks)

    def move_forward(self, ticks: int, voice: str) -> None:
        """Move the position forward."""
        if voice:
            self._measure_voices.add(voice)
        self._finale_rest = None
        self.now += ticks
        self._check_measure_length()

    def add_finale_rest(self, ticks: int, staff: int, voice: str, node: int) -> None:
        """Add the hidden rest that a `<forward>` of Finale stands for, and move past it."""
        row = len(self._values) // _WIDTH
        self._add_hidden_rest(self.now, ticks, staff, voice or self._last_voice, node)
        self._end = max(self._end, self.now + ticks)
        self.move_forward(ticks, voice)
        self._finale_rest = row

    def _add_hidden_rest(self, onset: int, duration: int, staff: int, voice: str, node: int) -> None:
        self.add_staff(staff)
        rest = (*_HIDDEN_REST, self._voice_number(voice), node)
        self._values.extend((staff, self.measure, onset, duration, *rest))

    # Staves and marks

    def add_staff(self, staff: int) -> None:
        """Record that the document names a staff; 0 is none."""
        if staff:
            self._staves.add(staff)

    def set_staff_count(self, count: int) -> None:
        """Record the number of staves declared by `<staves>`; the largest one counts."""
        self._staff_count = max(self._staff_count, count)

    def add_mark(self, staff: int, mark: Mark) -> None:
        """Add a mark to a staff; 0 is all staves."""
        self.add_staff(staff)
        self._marks.append((staff, mark))

    def add_transposition(self, staff: int, diatonic: int, chromatic: int) -> None:
        """Add a transposition of a staff, from the current measure on; staff 0 is all staves."""
        self._transpositions.append((staff, Transposition(self.measure, diatonic, chromatic)))


def _is_whole_measure(rest: WrittenNote) -> bool:
    # Finale marks the rests of a pickup as whole-measure rests, but gives their real type.
    return rest.is_whole_measure and rest.type in ("", "whole", "breve")
