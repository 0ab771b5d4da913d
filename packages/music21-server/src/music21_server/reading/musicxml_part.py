"""A part of MusicXML becomes rows, bar by bar.

What is a note, where it begins and how long it lasts is as in music21's own importer
(music21.musicxml.xmlToM21, release 10), whose answers the tests compare with: notes without a staff belong to
all staves of their part, Finale's `<forward>` is a hidden rest, and a rest that stands for the whole bar
lasts as long.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.chord_symbols import chord_symbol
from music21_server.reading.musicxml_marks import read_key, read_metronome, read_time, read_transpose, tempo
from music21_server.reading.musicxml_note import NoteReader, WrittenNote, staff_number
from music21_server.reading.note_deduplication import FOLDED
from music21_server.reading.numbers import quantity
from music21_server.reading.staves import COLUMNS, Mark, ReadPart, scaled
from music21_server.reading.xml import text_of
from music21_server.score.limits import Limits
from music21_server.score.table import (
    NO_TIE,
    REST,
    ChordSymbol,
    Fermata,
    Integers,
    KeyChange,
    TempoChange,
    TimeChange,
    Transposition,
)

FINEST: Final = 2**36
"""Ticks per quarter note beyond which sums over a long score could leave 64 bits."""

_LONGEST_BAR_QUARTERS: Final = 4096

_DEFAULT_DIVISIONS: Final = 10080
"""Of a part that does not say; music21's choice."""

_WIDTH: Final = len(COLUMNS)

_MEANT: Final = Fraction(1, 2)
_GRIDS: Final = (Fraction(1, 16), Fraction(1, 12))
"""In quarter notes: an excess beyond the first, or a multiple of one of the others, is meant."""

_Place = tuple[int, int, int, int]
"""Onset, duration, staff and voice, which a chord's notes share."""


_HIDDEN_REST: Final = (REST, 0, 0, 4, NO_TIE, False, False)
"""The `columns` of a rest that is not written as a note."""


class PartReader:
    """Reads one part.

    Times are counted in ticks, of which a quarter note has as many as the document's divisions so far need;
    when it needs finer ones, everything that has been read is expressed in them.

    Attributes:
        nodes: `<note>` and `<forward>` elements so far.
    """

    def __init__(
        self,
        identity: str,
        name: str,
        first_node: int,
        limits: Limits,
        *,
        note_reader: NoteReader,
        is_finale: bool,
    ) -> None:
        self._identity = identity
        self._note_reader = note_reader
        self._name = name
        self._first_node = first_node
        self._limits = limits
        self._is_finale = is_finale
        self.nodes = 0
        self._values: array[int] = array("q")
        self._unit = 1
        self._divisions = Fraction(_DEFAULT_DIVISIONS)
        self._ticks_of: dict[str, int] = {}
        self._numbers: list[str] = []
        self._bar_ticks: list[int] = []
        self._firm_ticks: list[int] = []
        self._bar_quarters = Fraction(4)
        self._full_bar: int | None = None  # in ticks; unknown until it is needed
        self._last_time_bar = -1
        self._marks: list[tuple[int, Mark]] = []
        self._transpositions: list[tuple[int, Transposition]] = []
        self._most_staves = 1
        self._staves: set[int] = set()
        self._voices: dict[str, int] = {}
        # Of the bar that is being read:
        self._bar = -1
        self._now = self._end = 0
        self._bar_voices: set[str] = set()
        self._last_voice = ""
        self._voice: int | None = None  # its number
        self._chord: _Place | None = None
        self._chord_is_open = False
        self._first_rest: tuple[int, WrittenNote] | None = None
        self._has_whole_bar_rest = False
        self._lone_notes = self._rests = 0
        self._rows_before = 0
        self._finale_rest: int | None = None

    def read_measure(self, measure: Any) -> None:
        """Read the next bar.

        Raises:
            UnreadableScoreError: A number in it is none.
            TooMuchScoreError: The part is beyond a limit.
        """
        self._begin_bar(measure)
        try:
            for child in measure:
                tag = child.tag
                if tag == "note":
                    self._place((self._note_reader.read(child),))
                elif tag == FOLDED:
                    self._place(self._note_reader.unfold(child))
                else:
                    taker = _TAKERS.get(tag)
                    if taker is not None:
                        taker(self, child)
            self._end_bar()
        except (ValueError, OverflowError) as error:
            raise UnreadableScoreError(
                f"Bar {self._numbers[-1][:20] or self._bar + 1} of part {self._identity} cannot be read: "
                f"{error}."
            ) from error

    def finish(self) -> ReadPart:
        """Return the part."""
        self._remove_finales_last_rest()
        return ReadPart(
            identity=self._identity,
            name=self._name,
            rows=self._rows().copy(),
            unit=self._unit,
            numbers=tuple(self._numbers),
            bar_ticks=self._bar_ticks,
            firm_ticks=self._firm_ticks,
            marks=self._marks,
            transpositions=self._transpositions,
            staves=tuple(sorted(self._staves)) if self._most_staves > 1 else (),
        )

    def _rows(self) -> Integers:
        return np.frombuffer(self._values, dtype=np.int64).reshape(-1, _WIDTH)

    # Time

    def _ticks(self, text: str) -> int:
        """Return a duration of the document in ticks."""
        ticks = self._ticks_of.get(text)
        if ticks is None:
            quarters = quantity(text, "a <duration>", 0, 10**12) / self._divisions
            if quarters > _LONGEST_BAR_QUARTERS:
                raise ValueError(f"expected a <duration> of at most {_LONGEST_BAR_QUARTERS} quarter notes")
            ticks = self._ticks_of[text] = self._ticks_of_quarters(quarters)
        return ticks

    def _ticks_of_quarters(self, quarters: Fraction) -> int:
        ticks = quarters * self._unit
        if ticks.denominator != 1:
            self._refine(ticks.denominator)
            ticks *= ticks.denominator
        return int(ticks)

    def _refine(self, factor: int) -> None:
        """Divide a tick."""
        self._check_bar()
        self._unit *= factor
        if self._unit > FINEST:
            raise TooMuchScoreError(
                f"Part {self._identity} divides a quarter note into {self._unit:,} ticks, expected at most "
                f"{FINEST:,}: export the score again with the same <divisions> throughout."
            )
        self._ticks_of = {text: ticks * factor for text, ticks in self._ticks_of.items()}
        self._full_bar = None
        self._now *= factor
        self._end *= factor
        if self._chord is not None:
            onset, duration, staff, voice = self._chord
            self._chord = (onset * factor, duration * factor, staff, voice)
        if self._values:
            self._rows()[:, 2:4] *= factor
        self._bar_ticks = [ticks * factor for ticks in self._bar_ticks]
        self._firm_ticks = [ticks if ticks < 0 else ticks * factor for ticks in self._firm_ticks]
        self._marks = [(staff, scaled(mark, factor)) for staff, mark in self._marks]

    def _check_bar(self) -> None:
        if max(self._now, self._end) > _LONGEST_BAR_QUARTERS * self._unit:
            raise ValueError(
                f"expected a bar of at most {_LONGEST_BAR_QUARTERS} quarter notes, got a longer one"
            )

    # Bars

    def _begin_bar(self, measure: Any) -> None:
        self._limits.check("max_measures", len(self._numbers) + 1)
        marks = len(self._marks) + len(self._transpositions)
        self._limits.check("max_notes", len(self._values) // _WIDTH + marks)
        self._numbers.append((measure.get("number") or "").strip()[:40])
        self._bar += 1
        self._now = self._end = 0
        self._bar_voices = set()
        self._last_voice = ""
        self._voice = None
        self._chord = None
        self._first_rest = None
        self._has_whole_bar_rest = False
        self._lone_notes = self._rests = 0
        self._rows_before = len(self._values)
        self._finale_rest = None

    def _end_bar(self) -> None:
        self._check_bar()
        bar = self._bar_length()
        if self._end == 0 and len(self._values) == self._rows_before:
            # Some programs leave the rests of empty bars out.
            self._add_rest(0, bar, 0, "", -1)
            self._bar_ticks.append(bar)
            self._firm_ticks.append(-1)
            return
        firm = self._length(bar)
        is_stretched = self._stretch_whole_bar_rest(bar)
        self._bar_ticks.append(self._length(bar))
        self._firm_ticks.append(-1 if is_stretched and not self._lone_notes else firm)

    def _bar_length(self) -> int:
        """Return the length of a full bar, in ticks."""
        if self._full_bar is None:
            self._full_bar = self._ticks_of_quarters(self._bar_quarters)
        return self._full_bar

    def _length(self, bar: int) -> int:
        """Return how long the bar is: a little too much is a mistake of the document, more is meant."""
        if self._end <= bar:
            return self._end
        over = Fraction(self._end - bar, self._unit)
        if over > _MEANT or any((over / grid).denominator == 1 for grid in _GRIDS):
            return self._end
        return bar

    def _stretch_whole_bar_rest(self, bar: int) -> bool:
        """Let a rest that stands for the whole bar last as long, whatever its duration says.

        Returns:
            Whether there was one with another duration.
        """
        if self._first_rest is None:
            return False
        is_alone = self._rests == 1 and self._lone_notes == 0
        if not self._has_whole_bar_rest and not is_alone:
            return False
        row, rest = self._first_rest
        at = row * _WIDTH
        duration = self._values[at + 3]
        quarters = Fraction(duration, self._unit)
        looks_whole = rest.type in ("whole", "breve") or (not rest.type and quarters in (4, 8))
        if duration == bar:
            return False
        if not _is_whole_bar(rest) and not (looks_whole and not rest.dots and not rest.is_tuplet):
            return False
        self._values[at + 3] = bar
        self._end = self._latest_end()
        return True

    def _latest_end(self) -> int:
        rows = self._rows()[self._rows_before // _WIDTH :]
        return int((rows[:, 2] + rows[:, 3]).max())

    def _remove_finales_last_rest(self) -> None:
        """Finale ends an incomplete last bar with a `<forward>`, which is no rest."""
        row = self._finale_rest
        if row is None or len(self._bar_voices) > 1:
            return
        rows = self._rows()
        is_last = rows[row, 2] >= rows[self._rows_before // _WIDTH :, 2].max()
        del rows  # the array cannot shrink while it is looked at
        if is_last:
            del self._values[row * _WIDTH : (row + 1) * _WIDTH]

    # Notes

    def _place(self, notes: Sequence[WrittenNote]) -> None:
        """Place notes, and go on by the duration of each unless it sounds with the one before it.

        This is done for every note: what changes from note to note is kept in variables of its own.
        """
        self._finale_rest = None
        now, chord, voice, last_voice = self._now, self._chord, self._voice, self._last_voice
        bar, node = self._bar, self._first_node + self.nodes
        self.nodes += len(notes)
        ticks_of = self._ticks_of
        rows: list[int] = []
        for note in notes:
            if note.voice and note.voice != last_voice:
                last_voice = note.voice
                self._bar_voices.add(last_voice)
                voice = self._voice_number(last_voice)
            if not note.in_chord or chord is None:
                length = note.length
                duration = ticks_of.get(length) if length else 0
                if duration is None:
                    # It may divide the ticks, of all there is so far.
                    self._values.fromlist(rows)
                    rows = []
                    self._now = now
                    duration = self._ticks(length)
                    now, ticks_of = self._now, self._ticks_of
                if voice is None:
                    voice = self._voice_number("")
                staff = note.staff
                if staff:
                    self._staves.add(staff)
                chord = (now, duration, staff, voice)
                self._chord_is_open = False
                if note.kind == REST:
                    self._rests += 1
                    self._has_whole_bar_rest |= _is_whole_bar(note)
                    if self._first_rest is None:
                        self._first_rest = ((len(self._values) + len(rows)) // _WIDTH, note)
                else:
                    self._lone_notes += 1
                rows += (staff, bar, now, duration, *note.columns, voice, node)
                now += duration
            else:
                if not self._chord_is_open:
                    self._chord_is_open = True
                    self._lone_notes -= 1
                onset, duration, staff, voice_of_chord = chord
                rows += (staff, bar, onset, duration, *note.columns, voice_of_chord, node)
            if note.fermata:
                self._mark(chord[2], Fermata(0, bar, chord[0]))
            node += 1
        self._values.fromlist(rows)
        self._now, self._chord, self._voice, self._last_voice = now, chord, voice, last_voice
        self._end = max(self._end, now)

    def _voice_number(self, name: str) -> int:
        return self._voices.setdefault(name, len(self._voices))

    def _add_rest(self, onset: int, duration: int, staff: int, voice: str, node: int) -> None:
        """Add a rest that is not written as a note."""
        if staff:
            self._staves.add(staff)
        rest = (*_HIDDEN_REST, self._voice_number(voice), node)
        self._values.extend((staff, self._bar, onset, duration, *rest))

    def _next_node(self) -> int:
        self.nodes += 1
        return self._first_node + self.nodes - 1

    # Everything else

    def _take_backup(self, element: Any) -> None:
        duration = self._duration_of(element)  # first: it may divide the ticks
        self._now = max(0, self._now - duration)

    def _duration_of(self, element: Any) -> int:
        text = element.findtext("duration")
        return self._ticks(text) if text and text.strip() else 0

    def _take_forward(self, element: Any) -> None:
        node = self._next_node()
        duration = self._duration_of(element)
        voice = text_of(element.find("voice"))
        if voice:
            self._bar_voices.add(voice)
        self._finale_rest = None
        if self._is_finale and duration:
            self._finale_rest = len(self._values) // _WIDTH
            staff = staff_number(element.findtext("staff"))
            self._add_rest(self._now, duration, staff, voice or self._last_voice, node)
            self._end = max(self._end, self._now + duration)
        self._now += duration
        self._check_bar()

    def _take_attributes(self, attributes: Any) -> None:
        for child in attributes:
            taker = _ATTRIBUTE_TAKERS.get(child.tag)
            if taker is not None:
                taker(self, child)

    def _take_divisions(self, element: Any) -> None:
        divisions = quantity(element.text or "", "<divisions>", 0, 10**9)
        if divisions == 0:
            raise ValueError("expected <divisions> above 0, got 0")
        if divisions != self._divisions:
            self._divisions = divisions
            self._ticks_of = {}

    def _take_staves(self, element: Any) -> None:
        self._most_staves = max(self._most_staves, staff_number(element.text))

    def _take_staff_of(self, element: Any) -> None:
        self._staves.add(staff_number(element.get("number")) or 1)

    def _mark(self, staff: int, mark: Mark) -> None:
        if staff:
            self._staves.add(staff)
        self._marks.append((staff, mark))

    def _take_key(self, element: Any) -> None:
        key = read_key(element)
        if key is not None:
            self._mark(staff_number(element.get("number")), KeyChange(0, self._bar, self._now, *key))

    def _take_time(self, element: Any) -> None:
        time = read_time(element)
        if time.quarters > _LONGEST_BAR_QUARTERS:
            raise ValueError(f"expected a <time> of at most {_LONGEST_BAR_QUARTERS} quarter notes")
        if time.quarters and self._last_time_bar != self._bar:
            self._last_time_bar = self._bar
            self._bar_quarters = time.quarters
            self._full_bar = None
        self._ticks_of_quarters(time.unit_quarters)  # so that beats can be counted in ticks
        ticks = self._ticks_of_quarters(time.quarters)
        mark = TimeChange(0, self._bar, self._now, time.text, ticks)
        self._mark(staff_number(element.get("number")), mark)

    def _take_transpose(self, element: Any) -> None:
        diatonic, chromatic = read_transpose(element)
        staff = staff_number(element.get("number"))
        self._transpositions.append((staff, Transposition(self._bar, diatonic, chromatic)))

    def _take_direction(self, element: Any) -> None:
        staff = staff_number(element.findtext("staff"))
        if staff:
            self._staves.add(staff)
        sound = element.find("sound")
        if sound is not None and sound.get("tempo"):
            self._take_tempo(staff, tempo(sound.get("tempo")))
            return
        for metronome in element.iterfind("direction-type/metronome"):
            self._take_tempo(staff, read_metronome(metronome))

    def _take_sound(self, element: Any) -> None:
        self._take_tempo(0, tempo(element.get("tempo")))

    def _take_tempo(self, staff: int, quarters_per_minute: float | None) -> None:
        if quarters_per_minute is not None:
            self._mark(staff, TempoChange(0, self._bar, self._now, quarters_per_minute))

    def _take_harmony(self, element: Any) -> None:
        offset = text_of(element.find("offset"))
        quarters = (
            quantity(offset, "an <offset>", -(10**9), 10**9) / self._divisions if offset else Fraction(0)
        )
        if abs(quarters) > _LONGEST_BAR_QUARTERS:
            raise ValueError(f"expected an <offset> of at most {_LONGEST_BAR_QUARTERS} quarter notes")
        onset = max(0, self._ticks_of_quarters(quarters) + self._now)
        staff = staff_number(element.findtext("staff"))
        self._mark(staff, ChordSymbol(0, self._bar, onset, chord_symbol(element)))


def _is_whole_bar(rest: WrittenNote) -> bool:
    """Finale says of the rests of a pickup that they last the bar, and then writes how long they are."""
    return rest.is_whole_bar and rest.type in ("", "whole", "breve")


_TAKERS: Final = {
    "backup": PartReader._take_backup,
    "forward": PartReader._take_forward,
    "attributes": PartReader._take_attributes,
    "direction": PartReader._take_direction,
    "sound": PartReader._take_sound,
    "harmony": PartReader._take_harmony,
}
_ATTRIBUTE_TAKERS: Final = {
    "divisions": PartReader._take_divisions,
    "staves": PartReader._take_staves,
    "key": PartReader._take_key,
    "time": PartReader._take_time,
    "transpose": PartReader._take_transpose,
    "clef": PartReader._take_staff_of,
    "staff-details": PartReader._take_staff_of,
}
