"""The same steps with plain music21, as its users would write them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from music21 import converter, roman


class Plain:
    """One document processed by music21.

    Attributes:
        STEPS: Names of the steps, in order.
        NEEDS: Step that another step depends on.
    """

    STEPS: Final = ("read", "info", "key", "chords", "harmony", "musicxml", "midi")
    NEEDS: Final[Mapping[str, str]] = {"harmony": "chords"}

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._score: Any = None
        self._key: Any = None
        self._chords: list[Any] | None = None

    def read(self) -> None:
        """Parse the document from memory; for a file, music21 would also write a pickle, which costs more."""
        self._score = converter.parseData(self._content.decode(), format="musicxml")

    def info(self) -> dict[str, Any]:
        """Count parts, bars and notes."""
        score = self._score
        return {
            "parts": len(score.parts),
            "measures": max(len(part.getElementsByClass("Measure")) for part in score.parts),
            "notes": len(score.recurse().notes),
        }

    def key(self) -> None:
        """Find the key with the default algorithm."""
        self._key = self._score.analyze("key")

    def chords(self) -> list[tuple[Any, ...]]:
        """Chordify at sounding pitch and name every sonority."""
        chordified = self._score.toSoundingPitch().chordify()
        self._chords = list(chordified.recurse().getElementsByClass("Chord"))
        return [(chord.root(), chord.quality, chord.commonName) for chord in self._chords]

    def harmony(self) -> list[str]:
        """Find the Roman numeral of every sonority."""
        return [str(roman.romanNumeralFromChord(chord, self._key).figure) for chord in self._chords or ()]

    def musicxml(self) -> None:
        """Export as MusicXML."""
        self._write("musicxml")

    def midi(self) -> None:
        """Export as MIDI."""
        self._write("midi")

    def _write(self, kind: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._score.write(kind, fp=str(Path(folder) / f"score.{kind}"))
