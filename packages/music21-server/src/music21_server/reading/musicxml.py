"""MusicXML becomes columns, part by part, in one pass over the document."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.limits import Limits
from music21_server.notes import (
    ChordSymbol,
    Integers,
    KeyChange,
    NoteTable,
    Score,
    TempoChange,
    TimeChange,
)
from music21_server.reading.musicxml_part import FINEST, PartReader
from music21_server.reading.staves import COLUMNS, ReadPart, Staff
from music21_server.reading.xml import as_utf8, pieces, root_tag, text_of

_LONGEST_TITLE = 500


def read_musicxml(source: bytes, limits: Limits) -> Score:
    """Read a partwise MusicXML document.

    Args:
        source: The document, unpacked.
        limits: How large the score may be.

    Raises:
        UnreadableScoreError: It is no MusicXML, or broken.
        TooMuchScoreError: It is beyond a limit.
    """
    limits.check("max_source_bytes", len(source))
    source = as_utf8(source)
    tag = root_tag(source)
    if tag != "score-partwise":
        raise UnreadableScoreError(_wrong_root(tag))
    document = _Document(limits)
    for event, element in pieces(source, ("part-list", "part", "measure")):
        document.take(event, element)
    return document.score()


def _wrong_root(tag: str) -> str:
    if tag == "score-timewise":
        return (
            "Expected partwise MusicXML, got timewise: convert it with the stylesheet that MusicXML brings "
            "(timepart.xsl), or export it again."
        )
    return f"Expected MusicXML (<score-partwise>), got XML with the root <{tag[:100]}>."


class _Document:
    """Collects what stands below the root."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._work = self._movement = self._credit = self._composer = ""
        self._is_finale = False
        self._names: dict[str, str] = {}
        self._reader: PartReader | None = None
        self._parts: list[ReadPart] = []
        self._nodes = self._staves = self._rows = 0

    def take(self, event: str, element: Any) -> None:
        """Take a part list, a part or a bar that begins or ends."""
        above = element.getparent()
        if event == "start":
            if element.tag != "measure" and above.getparent() is None:
                self._take_header(above)
                if element.tag == "part":
                    self._begin_part(element)
        elif element.tag == "measure":
            if self._reader is not None and above.tag == "part":
                self._reader.read_measure(element)
        elif element.tag == "part-list":
            for part in element.iterfind("score-part"):
                name = _line(part.find("part-name"))
                self._names[part.get("id", "")] = name or _line(part.find("score-instrument/instrument-name"))
        elif self._reader is not None and above.getparent() is None:
            self._end_part(self._reader)

    def _take_header(self, root: Any) -> None:
        """Take what precedes the part list; the document may have it in between as well."""
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

    def _begin_part(self, element: Any) -> None:
        identity = (element.get("id") or next(iter(self._names), "P1"))[:100]
        name = self._names.get(identity, "")
        self._reader = PartReader(identity, name, self._nodes, self._limits, is_finale=self._is_finale)

    def _end_part(self, reader: PartReader) -> None:
        self._reader = None
        part = reader.finish()
        self._nodes += reader.nodes
        staves, rows = part.size()
        self._staves += staves
        self._rows += rows
        self._limits.check("max_parts", self._staves)
        self._limits.check("max_notes", self._rows)
        self._parts.append(part)

    def score(self) -> Score:
        """Return the score.

        Raises:
            UnreadableScoreError: It has no part.
            TooMuchScoreError: Its times are too fine.
        """
        if not self._parts:
            raise UnreadableScoreError("Expected a score with at least one <part>, got none.")
        unit = math.lcm(*(part.unit for part in self._parts))
        if unit > FINEST:
            raise TooMuchScoreError(
                f"The parts divide a quarter note into {unit:,} ticks together, expected at most {FINEST:,}: "
                "export the score again with the same <divisions> in all parts."
            )
        staves = [staff for part in self._parts for staff in part.split(unit)]
        own = _own_ticks(staves)
        marks = [replace(mark, part=index) for index, staff in enumerate(staves) for mark in staff.marks]
        return Score(
            title=self._title(),
            composer=self._composer,
            parts=tuple(staff.part for staff in staves),
            notes=_table(staves, unit),
            measure_numbers=max((part.numbers for part in self._parts), key=len),
            measure_ticks=own.max(axis=0, initial=0),
            own_ticks=own,
            keys=tuple(mark for mark in marks if isinstance(mark, KeyChange)),
            times=tuple(mark for mark in marks if isinstance(mark, TimeChange)),
            tempos=tuple(mark for mark in marks if isinstance(mark, TempoChange)),
            chord_symbols=tuple(mark for mark in marks if isinstance(mark, ChordSymbol)),
        )

    def _title(self) -> str:
        """Return the title of the work and of the movement, where they are two."""
        if self._work and self._movement and self._work != self._movement:
            return f"{self._work}: {self._movement}"
        return self._work or self._movement or self._credit


def _table(staves: list[Staff], unit: int) -> NoteTable:
    rows = np.concatenate([staff.rows for staff in staves])
    rows[:, 0] = np.repeat(np.arange(len(staves)), [len(staff.rows) for staff in staves])
    columns: dict[str, Any] = {
        name: np.ascontiguousarray(rows[:, index]) for index, name in enumerate(COLUMNS)
    }
    for flag in ("grace", "cue"):
        columns[flag] = columns[flag].astype(np.bool_)
    return NoteTable(**columns, ticks_per_quarter=unit)


def _own_ticks(staves: list[Staff]) -> Integers:
    most = max(len(staff.bar_ticks) for staff in staves)
    own = np.full((len(staves), most), -1, dtype=np.int64)
    for index, staff in enumerate(staves):
        own[index, : len(staff.bar_ticks)] = staff.bar_ticks
    return own


def _line(element: Any) -> str:
    """Return a text in one line, such as a title that is broken over two."""
    return " ".join(text_of(element).split())[:_LONGEST_TITLE]
