"""MusicXML becomes columns, part by part, in one pass over the document.

What is a note, where it begins and how long it lasts is as in music21's own importer (music21.musicxml.xmlToM21,
release 10), whose answers the tests compare with: chords are neighbouring elements, notes without a staff belong
to all staves of their part, Finale's `<forward>` is a hidden rest.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from typing import Any, Final

import numpy as np
from lxml import etree

from music21_server import notes
from music21_server.errors import TooMuchScore, UnreadableScore
from music21_server.limits import Limits
from music21_server.notes import (
    NOTE,
    REST,
    UNPITCHED,
    ChordSymbol,
    KeyChange,
    NoteTable,
    Part,
    Score,
    TempoChange,
    TimeChange,
    Transposition,
)

_DEFAULT_DIVISIONS: Final = 10080
"""Of a part that does not say; music21's choice."""

_FINEST: Final = 2**40
"""Ticks per quarter note beyond which sums of a long score could leave 64 bits."""

_COLUMNS: Final = (
    "part",
    "measure",
    "onset",
    "duration",
    "kind",
    "step",
    "alter_cents",
    "octave",
    "tie",
    "grace",
    "cue",
    "voice",
    "node",
)
_WIDTH: Final = len(_COLUMNS)

_STEP: Final = {name: index for index, name in enumerate(notes.STEPS)}
_TIE: Final = {"start": notes.TIE_START, "stop": notes.TIE_STOP}

_ACCIDENTAL_CENTS: Final = {
    "natural": 0,
    "sharp": 100,
    "double-sharp": 200,
    "sharp-sharp": 200,
    "triple-sharp": 300,
    "flat": -100,
    "double-flat": -200,
    "flat-flat": -200,
    "triple-flat": -300,
    "quarter-sharp": 50,
    "three-quarters-sharp": 150,
    "quarter-flat": -50,
    "three-quarters-flat": -150,
    "half-sharp": 50,
    "half-flat": -50,
    "one-and-a-half-sharp": 150,
    "one-and-a-half-flat": -150,
}

_KIND_SUFFIX: Final = {
    "major": "", "minor": "m", "augmented": "+", "diminished": "dim", "dominant": "7", "major-seventh": "maj7",
    "minor-seventh": "m7", "diminished-seventh": "dim7", "augmented-seventh": "+7", "half-diminished": "m7b5",
    "major-minor": "mM7", "major-sixth": "6", "minor-sixth": "m6", "dominant-ninth": "9", "major-ninth": "maj9",
    "minor-ninth": "m9", "dominant-11th": "11", "major-11th": "maj11", "minor-11th": "m11", "dominant-13th": "13",
    "major-13th": "maj13", "minor-13th": "m13", "suspended-second": "sus2", "suspended-fourth": "sus4",
    "power": "5", "none": "N.C.",
}  # fmt: skip


def read_musicxml(source: bytes, limits: Limits) -> Score:
    """Read a partwise MusicXML document.

    Args:
        source: The document, unpacked.
        limits: How large the score may be.

    Raises:
        UnreadableScore: It is no MusicXML, or broken.
        TooMuchScore: It is beyond a limit.
    """
    limits.check("max_source_bytes", len(source))
    document = _Document(limits)
    try:
        for element in _elements(source):
            document.take(element)
    except etree.XMLSyntaxError as error:
        raise UnreadableScore(f"Expected MusicXML, got broken XML: {error.msg}.") from error
    return document.score()


def _elements(source: bytes) -> Iterator[Any]:
    """Yield what stands directly below the root, each complete, and forget it afterwards.

    Entities are not expanded, and nothing is fetched.
    """
    events = etree.iterparse(
        BytesIO(source),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=True,  # the size is bounded already; without it long scores are refused
    )
    depth = 0
    for event, element in events:
        if event == "start":
            if depth == 0 and element.tag != "score-partwise":
                raise UnreadableScore(_wrong_root(element.tag))
            depth += 1
            if depth > _DEEPEST:
                raise UnreadableScore(f"Expected MusicXML, got elements nested more than {_DEEPEST} deep.")
            continue
        depth -= 1
        if depth == 1:
            yield element
            element.clear()


_DEEPEST: Final = 50
"""MusicXML's own elements nest some ten deep."""


def _wrong_root(tag: str) -> str:
    if tag == "score-timewise":
        return (
            "Expected partwise MusicXML, got timewise: convert it with the stylesheet that MusicXML brings "
            "(timepart.xsl), or export it again."
        )
    return f"Expected MusicXML (<score-partwise>), got XML with the root <{tag}>."


class _Document:
    """Collects what stands below the root."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._title = self._composer = ""
        self._names: dict[str, str] = {}
        self._is_finale = False
        self._parts: list[_ReadPart] = []
        self._nodes = 0
        self._rows = 0

    def take(self, element: Any) -> None:
        """Take an element from below the root."""
        if element.tag == "part":
            self._take_part(element)
        elif element.tag == "part-list":
            for part in element.iterfind("score-part"):
                self._names[part.get("id", "")] = _text(part.find("part-name"))
        elif element.tag == "identification":
            software = [_text(each) for each in element.iterfind("encoding/software")]
            self._is_finale = bool(software) and software[0].startswith("Finale")
            composers = [each for each in element.iterfind("creator") if each.get("type") == "composer"]
            self._composer = _text(composers[0]) if composers else ""
        elif element.tag in ("movement-title", "work"):
            title = _text(element if element.tag == "movement-title" else element.find("work-title"))
            self._title = title or self._title

    def _take_part(self, element: Any) -> None:
        identity = element.get("id") or next(iter(self._names), "")
        if identity not in self._names:
            return  # as in music21: a part that the list does not name is none
        reader = _PartReader(identity, self._names[identity], self._nodes, is_finale=self._is_finale)
        part = reader.read(element)
        self._nodes += reader.nodes
        self._rows += len(part.rows)
        self._parts.append(part)
        self._limits.check("max_notes", self._rows)
        self._limits.check("max_measures", len(part.numbers))
        self._limits.check("max_parts", len(self._parts))

    def score(self) -> Score:
        """Return the score.

        Raises:
            UnreadableScore: It has no part.
            TooMuchScore: Its times are too fine.
        """
        if not self._parts:
            raise UnreadableScore("Expected a score with at least one part, got none.")
        unit = math.lcm(*(part.unit for part in self._parts))
        if unit > _FINEST:
            raise TooMuchScore(
                f"The parts divide a quarter note into {unit:,} ticks together, expected at most {_FINEST:,}: "
                "export the score with the same divisions in all parts."
            )
        staves = [staff for part in self._parts for staff in part.split(unit)]
        self._limits.check("max_parts", len(staves))
        rows = np.concatenate([staff.rows for staff in staves])
        rows[:, 0] = np.repeat(np.arange(len(staves)), [len(staff.rows) for staff in staves])
        columns = {name: rows[:, index] for index, name in enumerate(_COLUMNS)}
        flags = {name: columns[name].astype(np.bool_) for name in ("grace", "cue")}
        own = _own_ticks(staves)
        marks = [replace(mark, part=index) for index, staff in enumerate(staves) for mark in staff.marks]
        return Score(
            title=self._title,
            composer=self._composer,
            parts=tuple(staff.part for staff in staves),
            notes=NoteTable(**{**columns, **flags}, ticks_per_quarter=unit),
            measure_numbers=max((part.numbers for part in self._parts), key=len),
            measure_ticks=own.max(axis=0, initial=0),
            own_ticks=own,
            keys=tuple(mark for mark in marks if isinstance(mark, KeyChange)),
            times=tuple(mark for mark in marks if isinstance(mark, TimeChange)),
            tempos=tuple(mark for mark in marks if isinstance(mark, TempoChange)),
            chord_symbols=tuple(mark for mark in marks if isinstance(mark, ChordSymbol)),
        )


def _own_ticks(staves: list[_Staff]) -> notes.Integers:
    most = max(len(staff.bar_ticks) for staff in staves)
    own = np.full((len(staves), most), -1, dtype=np.int64)
    for index, staff in enumerate(staves):
        own[index, : len(staff.bar_ticks)] = staff.bar_ticks
    return own


Mark = KeyChange | TimeChange | TempoChange | ChordSymbol


@dataclass(frozen=True)
class _Staff:
    """One staff, in the units of the score."""

    part: Part
    rows: notes.Integers
    bar_ticks: list[int]
    marks: list[Mark]


@dataclass(frozen=True)
class _ReadPart:
    """A part of the document, in units of its own.

    Attributes:
        identity: Its id.
        name: As printed.
        rows: By `_COLUMNS`, with the staff (0 for none) in place of the part.
        unit: Ticks per quarter note.
        numbers: Of its bars, as printed.
        bar_ticks: Lengths of its bars.
        marks: Each with its staff (0 for all).
        transpositions: In order.
        staves: Numbers of its staves that anything names; none where there is one.
    """

    identity: str
    name: str
    rows: notes.Integers
    unit: int
    numbers: tuple[str, ...]
    bar_ticks: list[int]
    marks: list[tuple[int, Mark]]
    transpositions: tuple[Transposition, ...]
    staves: tuple[int, ...]

    def split(self, unit: int) -> Iterator[_Staff]:
        """Yield the staves with times in other units; what names no staff belongs to each."""
        factor = unit // self.unit
        rows = self.rows.copy()
        rows[:, 2:4] *= factor  # onset and duration
        bar_ticks = [ticks * factor for ticks in self.bar_ticks]
        for staff in self.staves or (0,):
            if self.staves:
                identity, own = (
                    f"{self.identity}-Staff{staff}",
                    rows[(rows[:, 0] == staff) | (rows[:, 0] == 0)],
                )
            else:
                identity, own = self.identity, rows
            marks = [_scaled(mark, factor) for of, mark in self.marks if of in (0, staff) or not self.staves]
            yield _Staff(Part(identity, self.name, staff, self.transpositions), own, bar_ticks, marks)


def _scaled(mark: Mark, factor: int) -> Mark:
    if isinstance(mark, TimeChange):
        return replace(mark, onset=mark.onset * factor, ticks=mark.ticks * factor)
    return replace(mark, onset=mark.onset * factor)


@dataclass
class _Note:
    """A `<note>` that has been looked at and not placed yet; times are the document's own text."""

    node: int
    in_chord: bool = False
    is_rest: bool = False
    is_whole_bar: bool = False
    grace: bool = False
    cue: bool = False
    unpitched: bool = False
    duration: str = ""
    kind: str = ""
    dots: int = 0
    is_tuplet: bool = False
    step: int = 0
    alter: str = ""
    accidental: str = ""
    octave: int = 4
    tie: int = notes.NO_TIE
    voice: str = ""
    staff: int = 0


class _PartReader:
    """Reads one part.

    Attributes:
        nodes: `<note>` and `<forward>` elements so far.
    """

    def __init__(self, identity: str, name: str, first_node: int, *, is_finale: bool) -> None:
        self._identity = identity
        self._name = name
        self._first_node = first_node
        self._is_finale = is_finale
        self.nodes = 0
        self._values: array[int] = array("q")
        self._unit = 1
        self._divisions = Fraction(_DEFAULT_DIVISIONS)
        self._ticks_per_division = 0  # unknown until a duration needs it
        self._numbers: list[str] = []
        self._bar_ticks: list[int] = []
        self._bar_quarters = Fraction(4)
        self._marks: list[tuple[int, Mark]] = []
        self._transpositions: list[Transposition] = []
        self._most_staves = 1
        self._staves: set[int] = set()
        self._voices: dict[str, int] = {}
        # Of the bar that is being read:
        self._now = 0
        self._end = 0
        self._chord: list[_Note] = []
        self._bar_voices: set[str] = set()
        self._last_voice = ""
        self._first_rest: tuple[int, _Note] | None = None
        self._lone_notes = 0
        self._rests = 0
        self._rows_before = 0
        self._finale_rest: int | None = None

    def read(self, element: Any) -> _ReadPart:
        """Return the part.

        Raises:
            UnreadableScore: A number is none.
        """
        for measure in element.iterfind("measure"):
            try:
                self._read_measure(measure)
            except (ValueError, ZeroDivisionError, OverflowError) as error:
                where = f"bar {measure.get('number', '?')} of part {self._identity}"
                raise UnreadableScore(f"Expected whole numbers in {where}, got: {error}.") from error
        self._remove_finales_last_rest()
        return _ReadPart(
            identity=self._identity,
            name=self._name,
            rows=self._rows().copy(),
            unit=self._unit,
            numbers=tuple(self._numbers),
            bar_ticks=self._bar_ticks,
            marks=self._marks,
            transpositions=tuple(self._transpositions),
            staves=tuple(sorted(self._staves)) if self._most_staves > 1 else (),
        )

    def _rows(self) -> notes.Integers:
        return np.frombuffer(self._values, dtype=np.int64).reshape(-1, _WIDTH)

    # Time

    def _ticks(self, text: str) -> int:
        """Return a duration of the document in ticks."""
        if not self._ticks_per_division:
            self._use_divisions()
        if text.isdecimal():
            return int(text) * self._ticks_per_division
        ticks = Fraction(text) * self._ticks_per_division
        if ticks.denominator != 1:
            self._refine(ticks.denominator)
            ticks *= ticks.denominator
        return int(ticks)

    def _use_divisions(self) -> None:
        finer = math.lcm(self._unit, self._divisions.numerator) // self._unit
        self._refine(finer)
        self._ticks_per_division = int(self._unit / self._divisions)

    def _ticks_of_quarters(self, quarters: Fraction) -> int:
        ticks = quarters * self._unit
        if ticks.denominator != 1:
            self._refine(ticks.denominator)
            ticks *= ticks.denominator
        return int(ticks)

    def _refine(self, factor: int) -> None:
        """Divide a tick; everything that has been read so far is expressed in the new ones."""
        if factor == 1:
            return
        self._unit *= factor
        self._ticks_per_division *= factor
        self._now *= factor
        self._end *= factor
        if self._values:
            self._rows()[:, 2:4] *= factor
        self._bar_ticks = [ticks * factor for ticks in self._bar_ticks]
        self._marks = [(staff, _scaled(mark, factor)) for staff, mark in self._marks]

    # Bars

    def _read_measure(self, measure: Any) -> None:
        self._begin_bar(measure)
        waiting: _Note | None = None
        for child in measure:
            tag = child.tag
            found = self._note(child) if tag == "note" else None
            if waiting is not None:
                self._place(waiting, next_in_chord=found is not None and found.in_chord)
            waiting = found
            if found is None:
                self._take(tag, child)
        if waiting is not None:
            self._place(waiting, next_in_chord=False)
        self._end_bar()

    def _begin_bar(self, measure: Any) -> None:
        self._numbers.append(measure.get("number") or "")
        self._now = self._end = 0
        self._chord = []
        self._bar_voices = set()
        self._last_voice = ""
        self._first_rest = None
        self._lone_notes = self._rests = 0
        self._rows_before = len(self._values)
        self._finale_rest = None

    def _end_bar(self) -> None:
        self._lengthen_whole_bar_rest()
        bar = self._ticks_of_quarters(self._bar_quarters)
        if self._end == 0 and len(self._values) == self._rows_before:
            # Some programs leave the rests of empty bars out.
            self._add(_Note(-1, is_rest=True), 0, bar, 0, "")
            self._bar_ticks.append(bar)
            return
        self._bar_ticks.append(self._length(bar))

    def _length(self, bar: int) -> int:
        """Return how long the bar is: a little too much is a mistake of the document, more is meant."""
        over = Fraction(self._end - bar, self._unit)
        if over <= 0 or over > _MEANT or any((over / grid).denominator == 1 for grid in _GRIDS):
            return self._end
        return bar

    def _lengthen_whole_bar_rest(self) -> None:
        """A rest that stands for the whole bar lasts as long, whatever its duration says."""
        if self._first_rest is None:
            return
        row, rest = self._first_rest
        is_marked = rest.is_whole_bar and rest.kind in ("", "whole", "breve")
        is_alone = self._rests == 1 and self._lone_notes == 0
        if not is_marked and not is_alone:
            return
        bar = self._ticks_of_quarters(self._bar_quarters)
        at = row * _WIDTH
        duration = self._values[at + 3]
        quarters = Fraction(duration, self._unit)
        looks_whole = rest.kind in ("whole", "breve") or (not rest.kind and quarters in (4, 8))
        if is_marked or (duration != bar and looks_whole and not rest.dots and not rest.is_tuplet):
            self._values[at + 3] = bar
            self._end = self._latest_end()

    def _latest_end(self) -> int:
        rows = np.frombuffer(self._values, dtype=np.int64)[self._rows_before :].reshape(-1, _WIDTH)
        return int((rows[:, 2] + rows[:, 3]).max())

    def _remove_finales_last_rest(self) -> None:
        """Finale ends an incomplete last bar with a `<forward>`, which is no rest."""
        row = self._finale_rest
        if row is None or len(self._bar_voices) > 1:
            return
        rows = np.frombuffer(self._values, dtype=np.int64).reshape(-1, _WIDTH)
        own = rows[self._rows_before // _WIDTH :]
        if rows[row, 2] >= own[:, 2].max():
            del rows, own  # the array cannot shrink while it is looked at
            del self._values[row * _WIDTH : (row + 1) * _WIDTH]

    # Notes

    def _note(self, element: Any) -> _Note:
        """Look at a `<note>`."""
        note = _Note(self._next_node())
        ties: list[str] = []
        for child in element:
            tag = child.tag
            if tag == "pitch":
                _read_pitch(child, note)
            elif tag == "duration":
                note.duration = (child.text or "").strip()
            elif tag == "voice":
                note.voice = (child.text or "").strip()
            elif tag == "type":
                note.kind = (child.text or "").strip()
            elif tag == "staff":
                note.staff = int(child.text or 0)
            elif tag == "chord":
                note.in_chord = True
            elif tag == "rest":
                note.is_rest = True
                note.is_whole_bar = child.get("measure") == "yes"
            elif tag == "tie":
                ties.append(child.get("type", ""))
            elif tag == "accidental":
                note.accidental = (child.text or "").strip().lower()
            elif tag == "dot":
                note.dots += 1
            elif tag == "time-modification":
                note.is_tuplet = True
            elif tag == "grace":
                note.grace = True
            elif tag == "cue":
                note.cue = True
            elif tag == "unpitched":
                note.unpitched = True
                note.step = _STEP.get(_text(child.find("display-step")), 0)
                note.octave = int(_text(child.find("display-octave")) or 4)
        if ties:
            note.tie = _tie(ties)
        if note.voice:
            self._bar_voices.add(note.voice)
        return note

    def _place(self, note: _Note, *, next_in_chord: bool) -> None:
        """Place a note, or the chord that it completes, and go on by its duration."""
        self._finale_rest = None
        if note.in_chord or next_in_chord:
            self._chord.append(note)
            if next_in_chord:
                return
            chord, self._chord = self._chord, []
        else:
            chord = [note]
        first = chord[0]
        duration = 0 if first.grace or not first.duration else self._ticks(first.duration)
        voice = next((each.voice for each in chord if each.voice), self._last_voice)
        self._last_voice = voice
        if len(chord) == 1 and not note.in_chord:
            if note.is_rest:
                self._rests += 1
                if self._first_rest is None:
                    self._first_rest = (len(self._values) // _WIDTH, note)
            else:
                self._lone_notes += 1
        for each in chord:
            self._add(each, self._now, duration, first.staff, voice)
        self._now += duration
        self._end = max(self._end, self._now)

    def _add(self, note: _Note, onset: int, duration: int, staff: int, voice: str) -> None:
        if staff:
            self._staves.add(staff)
        if note.alter:
            alter_cents = round(float(note.alter) * 100)
        else:
            alter_cents = _ACCIDENTAL_CENTS.get(note.accidental, 0)
        kind = REST if note.is_rest else UNPITCHED if note.unpitched else NOTE
        number = self._voices.setdefault(voice, len(self._voices))
        self._values.extend(
            (
                staff, len(self._numbers) - 1, onset, duration, kind, note.step, alter_cents, note.octave,
                note.tie, note.grace, note.cue, number, note.node,
            )
        )  # fmt: skip

    def _next_node(self) -> int:
        self.nodes += 1
        return self._first_node + self.nodes - 1

    # Everything else

    def _take(self, tag: str, element: Any) -> None:
        if tag == "backup":
            self._now = max(0, self._now - self._duration_of(element))
        elif tag == "forward":
            self._forward(element)
        elif tag == "attributes":
            self._read_attributes(element)
        elif tag == "direction":
            self._read_direction(element)
        elif tag == "sound":
            self._read_tempo(element, 0)
        elif tag == "harmony":
            self._read_harmony(element)

    def _duration_of(self, element: Any) -> int:
        text = _text(element.find("duration"))
        return self._ticks(text) if text else 0

    def _forward(self, element: Any) -> None:
        node = self._next_node()
        duration = self._duration_of(element)
        voice = _text(element.find("voice"))
        if voice:
            self._bar_voices.add(voice)
        if self._is_finale and element.find("duration") is not None:
            self._finale_rest = len(self._values) // _WIDTH
            rest = _Note(node, is_rest=True)
            self._add(rest, self._now, duration, _staff_of(element), voice or self._last_voice)
            self._end = max(self._end, self._now + duration)
        self._now += duration

    def _read_attributes(self, attributes: Any) -> None:
        for child in attributes:
            tag = child.tag
            if tag == "divisions":
                self._divisions = Fraction((child.text or "").strip())
                if self._divisions <= 0:
                    raise ValueError(f"divisions of {self._divisions}")
                self._ticks_per_division = 0
            elif tag == "staves":
                self._most_staves = max(self._most_staves, int(child.text or 1))
            elif tag == "key":
                self._read_key(child)
            elif tag == "time":
                self._read_time(child)
            elif tag == "transpose":
                self._read_transpose(child)
            elif tag in ("clef", "staff-details"):
                self._staves.add(int(child.get("number") or 1))

    def _mark(self, staff: int, mark: Mark) -> None:
        if staff:
            self._staves.add(staff)
        self._marks.append((staff, mark))

    def _read_key(self, element: Any) -> None:
        fifths = _text(element.find("fifths"))
        if fifths:
            staff = int(element.get("number") or 0)
            mode = _text(element.find("mode"))
            self._mark(staff, KeyChange(0, self._bar, self._now, int(fifths), mode))

    def _read_time(self, element: Any) -> None:
        beats = [_text(each) for each in element.iterfind("beats")]
        kinds = [_text(each) for each in element.iterfind("beat-type")]
        parts = [(beat, kind) for beat, kind in zip(beats, kinds, strict=False) if beat and kind]
        staff = int(element.get("number") or 0)
        if not parts or element.find("senza-misura") is not None:
            self._mark(staff, TimeChange(0, self._bar, self._now, "senza misura", 0))
            return
        quarters = sum(
            (Fraction(sum(int(each) for each in beat.split("+")) * 4, int(kind)) for beat, kind in parts),
            Fraction(0),
        )
        if not any(isinstance(mark, TimeChange) and mark.measure == self._bar for _, mark in self._marks):
            self._bar_quarters = quarters
        ticks = self._ticks_of_quarters(quarters)
        text = "+".join(f"{beat}/{kind}" for beat, kind in parts)
        self._mark(staff, TimeChange(0, self._bar, self._now, text, ticks))

    def _read_transpose(self, element: Any) -> None:
        octaves = int(_text(element.find("octave-change")) or 0)
        chromatic = round(float(_text(element.find("chromatic")) or 0)) + 12 * octaves
        diatonic_text = _text(element.find("diatonic"))
        diatonic = int(diatonic_text) + 7 * octaves if diatonic_text else round(chromatic * 7 / 12)
        self._transpositions.append(Transposition(self._bar, diatonic, chromatic))

    def _read_direction(self, element: Any) -> None:
        staff = _staff_of(element)
        if staff:
            self._staves.add(staff)
        sound = element.find("sound")
        if sound is not None and sound.get("tempo"):
            self._read_tempo(sound, staff)
            return
        for metronome in element.iterfind("direction-type/metronome"):
            unit, per_minute = _text(metronome.find("beat-unit")), _text(metronome.find("per-minute"))
            quarters = _QUARTERS.get(unit)
            try:
                beats_per_minute = float(per_minute)
            except ValueError:
                continue  # such as "ca. 60", or another note
            if quarters is None or not 0 < beats_per_minute < math.inf:
                continue
            if metronome.find("beat-unit-dot") is not None:
                quarters *= 1.5
            self._mark(staff, TempoChange(0, self._bar, self._now, beats_per_minute * quarters))

    def _read_tempo(self, sound: Any, staff: int) -> None:
        tempo = sound.get("tempo")
        if tempo and 0 < float(tempo) < math.inf:
            self._mark(staff, TempoChange(0, self._bar, self._now, float(tempo)))

    def _read_harmony(self, element: Any) -> None:
        root = element.find("root")
        offset_text = _text(element.find("offset"))
        onset = self._now + (self._ticks(offset_text) if offset_text else 0)
        self._mark(_staff_of(element), ChordSymbol(0, self._bar, onset, _symbol(element, root)))

    @property
    def _bar(self) -> int:
        return len(self._numbers) - 1


_MEANT: Final = Fraction(1, 2)
_GRIDS: Final = (Fraction(1, 16), Fraction(1, 12))
"""In quarter notes: an excess beyond the first, or a multiple of one of the others, is meant."""

_QUARTERS: Final = {
    "long": 16.0, "breve": 8.0, "whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25,
    "32nd": 0.125, "64th": 0.0625,
}  # fmt: skip


def _read_pitch(element: Any, note: _Note) -> None:
    for child in element:
        tag = child.tag
        if tag == "step":
            name = (child.text or "").strip().upper()
            if name not in _STEP:
                raise ValueError(f"the step {name!r}, expected one of {notes.STEPS}")
            note.step = _STEP[name]
        elif tag == "octave":
            note.octave = int(child.text or 4)
        elif tag == "alter":
            note.alter = (child.text or "").strip()


def _tie(types: list[str]) -> int:
    if len(types) == 1:
        return _TIE.get(types[0], notes.TIE_OTHER)
    if "start" in types and "stop" in types:
        return notes.TIE_CONTINUE
    return notes.TIE_START


def _staff_of(element: Any) -> int:
    text = _text(element.find("staff"))
    return int(text) if text else 0


def _symbol(harmony: Any, root: Any) -> str:
    """Return a chord symbol as people write it."""
    if root is None:
        return _text(harmony.find("function")) or "N.C."
    kind = harmony.find("kind")
    suffix = _KIND_SUFFIX.get(_text(kind), "") if kind is not None else ""
    name = _name(root, "root")
    if suffix == "N.C.":
        return suffix
    degrees = "".join(
        f"{_SIGNS.get(_text(each.find('degree-alter')), '')}{_text(each.find('degree-value'))}"
        for each in harmony.iterfind("degree")
        if _text(each.find("degree-type")) != "subtract"
    )
    bass = harmony.find("bass")
    return f"{name}{suffix}{degrees}" + (f"/{_name(bass, 'bass')}" if bass is not None else "")


_SIGNS: Final = {"-2": "bb", "-1": "b", "1": "#", "2": "##"}


def _name(element: Any, kind: str) -> str:
    return _text(element.find(f"{kind}-step")) + _SIGNS.get(_text(element.find(f"{kind}-alter")), "")


def _text(element: Any) -> str:
    return "" if element is None or element.text is None else str(element.text).strip()
