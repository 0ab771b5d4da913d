"""Steps of a server worker, from the text of a document to the bytes of the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from music21_server.engine import jobs
from music21_server.engine.analyses import Answer
from music21_server.engine.jobs import WHOLE, Bounds, Source
from music21_server.score.entry import Entry
from music21_server.writing.exports import Export, ExportLimits

BOUNDS: Final = Bounds(export=ExportLimits(2**30))
"""Default bounds, but with uncompressed MusicXML of any size."""


class Ours:
    """One document processed by the engine.

    Attributes:
        STEPS: Names of the steps, in order.
        NEEDS: Step that another step depends on.
    """

    STEPS: Final = ("read", "info", "key", "chords", "harmony", "musicxml", "midi")
    NEEDS: Final[Mapping[str, str]] = {}

    def __init__(self, content: bytes) -> None:
        self._source = Source(content.decode(), "content")
        self._entry: Entry | None = None

    @property
    def entry(self) -> Entry:
        """The document as a store entry."""
        assert self._entry is not None, "the step `read` must come first"
        return self._entry

    def read(self) -> None:
        """Read the document into columns and encode them for the store."""
        self._entry = jobs.read(self._source, BOUNDS.score)

    def info(self) -> Answer:
        """Summarize parts, bars, notes, signatures, tempos and ranges."""
        return jobs.analyse("information", self.entry.columns, {})

    def key(self) -> Answer:
        """Find the key, its alternatives and local keys."""
        return jobs.analyse("key", self.entry.columns, {})

    def chords(self) -> Answer:
        """Name every sonority, with its Roman numeral."""
        return jobs.analyse("chords", self.entry.columns, {})

    def harmony(self) -> Answer:
        """Find harmonies, functions, cadences and harmonic rhythm."""
        return jobs.analyse("harmony", self.entry.columns, {})

    def musicxml(self) -> Export:
        """Export as MusicXML."""
        return jobs.export(self.entry, "musicxml", WHOLE, BOUNDS)

    def midi(self) -> Export:
        """Export as MIDI."""
        return jobs.export(self.entry, "midi", WHOLE, BOUNDS)
