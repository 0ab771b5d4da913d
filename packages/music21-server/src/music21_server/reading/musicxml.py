"""Reader of MusicXML documents: one pass over the document, part by part, into columns."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from typing import Any, Final

import numpy as np

from music21_server.errors import ScoreError, TooMuchScoreError, UnreadableScoreError
from music21_server.reading.musicxml_note import NoteReader
from music21_server.reading.musicxml_part import PartReader
from music21_server.reading.note_deduplication import (
    PAYS_FROM_BYTES,
    DeduplicatedNoteReader,
    DeduplicatingFeed,
    DeduplicationError,
)
from music21_server.reading.part_builder import FINEST, PartBuilder
from music21_server.reading.staves import COLUMNS, ReadPart, Staff, fields_of
from music21_server.reading.timewise import TIMEWISE, partwise
from music21_server.reading.xml import Feed, as_utf8, pieces, root_tag, text_of
from music21_server.score.limits import Limits
from music21_server.score.table import REST, Integers, NoteTable, Score

_ROOT: Final = "score-partwise"
_LONGEST_TITLE: Final = 500
_LONGEST_IDENTITY: Final = 100
_MEASURE, _ONSET, _DURATION, _KIND = (
    COLUMNS.index(name) for name in ("measure", "onset", "duration", "kind")
)


def read_musicxml(source: bytes, limits: Limits) -> Score:
    """Read a MusicXML document.

    Args:
        source: The document, unpacked.

    Raises:
        UnreadableScoreError: The document is not MusicXML, or broken.
        TooMuchScoreError: The score exceeds a limit.
    """
    limits.check("max_source_bytes", len(source))
    source = as_utf8(source)
    tag = root_tag(source)
    if tag == TIMEWISE:
        source = partwise(source, limits)
    elif tag != _ROOT:
        raise UnreadableScoreError(f"Expected MusicXML (<{_ROOT}>), got XML with the root <{tag[:100]}>.")
    if len(source) >= PAYS_FROM_BYTES:
        # Errors are raised by the reader of every note, which sees the document as it was sent.
        with contextlib.suppress(ScoreError, DeduplicationError):
            return read_deduplicated(source, limits)
    return read_every_note(source, limits)


def read_every_note(source: bytes, limits: Limits) -> Score:
    """Read a partwise document, parsing each note; errors as in `read_musicxml`."""
    return _read(Feed(source), NoteReader(), limits)


def read_deduplicated(source: bytes, limits: Limits) -> Score:
    """Read a partwise document, parsing notes that are written alike once.

    Raises:
        DeduplicationError: Every note must be parsed.
        ScoreError: The document has an error; read every note to get the right message.
    """
    feed, notes = DeduplicatingFeed(source), DeduplicatedNoteReader()
    score = _read(feed, notes, limits)
    notes.check(feed.replaced)
    return score


def _read(feed: Feed, notes: NoteReader, limits: Limits) -> Score:
    document = _Document(notes, limits)
    for element in pieces(feed, ("part-list", "part", "measure")):
        document.take(element)
    return document.score()


class _Document:
    """Collects the children of the root."""

    def __init__(self, note_reader: NoteReader, limits: Limits) -> None:
        self._limits = limits
        self._work = self._movement = self._credit = self._composer = ""
        self._is_finale = False
        self._names: dict[str, str] = {}
        self._part: Any = None  # the <part> that is being read
        self._note_reader = note_reader
        self._nodes = 0
        self._begin("", "")
        self._parts: list[ReadPart] = []
        self._staves = self._rows = 0

    def take(self, element: Any) -> None:
        """Take a complete part list, measure or part.

        Raises:
            UnreadableScoreError: The element is in the wrong place.
        """
        parent = element.getparent()
        if element.tag == "measure":
            if parent is not self._part:
                self._begin_part(parent)
            self._reader.read_measure(element)
            return
        if element.tag == "part-list":
            _check_is_below_root(element, "part-list")
            self._take_header(parent)
            for part in element.iterfind("score-part"):
                name = _line(part.find("part-name"))
                self._names[part.get("id", "")] = name or _line(part.find("score-instrument/instrument-name"))
            return
        if element is not self._part:
            self._begin_part(element)
        self._end_part()

    def _take_header(self, root: Any) -> None:
        """Take titles and the composer; a document may have them before the part list or after it."""
        self._work = _line(root.find("work/work-title")) or self._work
        self._movement = _line(root.find("movement-title")) or self._movement
        for credit in root.iterfind("credit"):
            if text_of(credit.find("credit-type")) == "title":
                self._credit = self._credit or _line(credit.find("credit-words"))
        identification = root.find("identification")
        if identification is not None:
            software = [text_of(each) for each in identification.iterfind("encoding/software")]
            self._is_finale = "Finale" in next(filter(None, software), "")
            composers = [
                each for each in identification.iterfind("creator") if each.get("type") == "composer"
            ]
            self._composer = _line(composers[0]) if composers else self._composer

    def _begin_part(self, part: Any) -> None:
        _check_is_below_root(part, "part")
        self._take_header(part.getparent())
        identity = (part.get("id") or next(iter(self._names), "P1"))[:_LONGEST_IDENTITY]
        self._part = part
        self._begin(identity, self._names.get(identity, ""))

    def _begin(self, identity: str, name: str) -> None:
        self._builder = PartBuilder(identity, name, self._nodes, self._limits)
        self._reader = PartReader(self._builder, self._note_reader, is_finale=self._is_finale)

    def _end_part(self) -> None:
        part = self._builder.finish()
        self._nodes += self._builder.nodes
        staves, rows = part.size()
        self._staves += staves
        self._rows += rows
        self._limits.check("max_parts", self._staves)
        self._limits.check("max_notes", self._rows)
        self._parts.append(part)

    def score(self) -> Score:
        """Return the score.

        Raises:
            UnreadableScoreError: The document has no part.
            TooMuchScoreError: The document divides a quarter note too finely.
        """
        if not self._parts:
            raise UnreadableScoreError("Expected a score with at least one <part>, got none.")
        unit = math.lcm(*(part.unit for part in self._parts))
        if unit > FINEST:
            raise TooMuchScoreError(
                f"Expected at most {FINEST:,} ticks per quarter note for all parts together, got {unit:,}: "
                "export the score again with the same <divisions> in all parts."
            )
        staves = [staff for part in self._parts for staff in part.split(unit)]
        own, measure_ticks = _measure_lengths(staves)
        marks = [replace(mark, part=index) for index, staff in enumerate(staves) for mark in staff.marks]
        return Score(
            title=self._title(),
            composer=self._composer,
            parts=tuple(staff.part for staff in staves),
            notes=_table(staves, unit, measure_ticks),
            measure_numbers=max((part.numbers for part in self._parts), key=len),
            measure_ticks=measure_ticks,
            own_ticks=own,
            **fields_of(marks),
        )

    def _title(self) -> str:
        """Return the title of the work and of the movement, if they differ."""
        if self._work and self._movement and self._work != self._movement:
            return f"{self._work}: {self._movement}"
        return self._work or self._movement or self._credit


def _check_is_below_root(element: Any, expected: str) -> None:
    parent = element.getparent()
    if element.tag != expected or parent is None or parent.tag != _ROOT:
        where = "at the root" if parent is None else f"in <{str(parent.tag)[:40]}>"
        raise UnreadableScoreError(
            f"Expected <part-list> and <part> in <{_ROOT}>, and <measure> in <part>; got one of them in "
            f"<{str(element.tag)[:40]}> {where}."
        )


def _table(staves: list[Staff], unit: int, measure_ticks: Integers) -> NoteTable:
    rows = np.concatenate([staff.rows for staff in staves])
    rows[:, 0] = np.repeat(np.arange(len(staves)), [len(staff.rows) for staff in staves])
    # A rest ends with its measure; one that was stretched to a full measure may be in a shorter one.
    rests = np.flatnonzero(rows[:, _KIND] == REST)
    room = np.maximum(measure_ticks[rows[rests, _MEASURE]] - rows[rests, _ONSET], 0)
    rows[rests, _DURATION] = np.minimum(rows[rests, _DURATION], room)
    columns: dict[str, Any] = {
        name: np.ascontiguousarray(rows[:, index]) for index, name in enumerate(COLUMNS)
    }
    for flag in ("grace", "cue"):
        columns[flag] = columns[flag].astype(np.bool_)
    return NoteTable(**columns, ticks_per_quarter=unit)


def _measure_lengths(staves: list[Staff]) -> tuple[Integers, Integers]:
    """Return the length of each measure in each staff (-1 if the staff does not have it), and in the score.

    The staff in which a measure is longest decides. Staves with a whole-measure rest do not count unless all
    have one: in a pickup, or a measure divided by a repeat, their rest would make the measure too long.
    """
    own = _matrix([staff.measure_ticks for staff in staves])
    firm = _matrix([staff.firm_ticks for staff in staves])
    firm_length = firm.max(axis=0, initial=-1)
    length = np.where(firm_length > 0, firm_length, own.max(axis=0, initial=0))
    return np.where((own >= 0) & (firm < 0), length, own), length


def _matrix(lists: list[list[int]]) -> Integers:
    matrix = np.full((len(lists), max(map(len, lists))), -1, dtype=np.int64)
    for row, values in zip(matrix, lists, strict=True):
        row[: len(values)] = values
    return matrix


def _line(element: Any) -> str:
    """Return a text on one line, such as a title that is broken over two."""
    return " ".join(text_of(element).split())[:_LONGEST_TITLE]
