"""What a worker of the server does with a document, from the text that comes in to the bytes that go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from music21_server.engine import jobs
from music21_server.engine.analyses import Answer
from music21_server.engine.jobs import WHOLE, Bounds, Source
from music21_server.score.entry import Entry
from music21_server.writing.exports import Export, XmlLimits

BOUNDS: Final = Bounds(xml=XmlLimits(2**30))
"""As usual, but for the text that a server would rather send compressed."""


class Ours:
    """One document on its way.

    Attributes:
        STEPS: What is done, in order.
        NEEDS: Steps that cannot be done without another one.
    """

    STEPS: Final = ("read", "info", "key", "chords", "harmony", "musicxml", "midi")
    NEEDS: Final[Mapping[str, str]] = {}

    def __init__(self, content: bytes) -> None:
        self._source = Source(content.decode(), "content")
        self._entry: Entry | None = None

    @property
    def entry(self) -> Entry:
        """What was read."""
        assert self._entry is not None, "read comes first"
        return self._entry

    def read(self) -> None:
        """Read it into columns, and make of them what the store keeps."""
        self._entry = jobs.read(self._source, BOUNDS.score)

    def info(self) -> Answer:
        """Count parts, bars, notes; signatures, tempos, ranges."""
        return jobs.analyse("information", self.entry.columns, {})

    def key(self) -> Answer:
        """Find the key, with the alternatives and the keys on the way."""
        return jobs.analyse("key", self.entry.columns, {})

    def chords(self) -> Answer:
        """Name every sonority, with its numeral."""
        return jobs.analyse("chords", self.entry.columns, {})

    def harmony(self) -> Answer:
        """Find harmonies, functions, cadences, rhythm."""
        return jobs.analyse("harmony", self.entry.columns, {})

    def musicxml(self) -> Export:
        """Export it."""
        return jobs.export(self.entry, "musicxml", WHOLE, BOUNDS)

    def midi(self) -> Export:
        """Export it."""
        return jobs.export(self.entry, "midi", WHOLE, BOUNDS)
