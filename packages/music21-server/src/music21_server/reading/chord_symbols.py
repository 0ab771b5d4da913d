"""Conversion of MusicXML `<harmony>` elements to chord symbols as printed."""

from __future__ import annotations

from typing import Any, Final

from music21_server.reading.xml import text_of

NO_CHORD: Final = "N.C."

_SUFFIX: Final = {
    "major": "", "minor": "m", "augmented": "+", "diminished": "dim", "dominant": "7",
    "major-seventh": "maj7", "minor-seventh": "m7", "diminished-seventh": "dim7", "augmented-seventh": "+7",
    "half-diminished": "m7b5", "major-minor": "mM7", "major-sixth": "6", "minor-sixth": "m6",
    "dominant-ninth": "9", "major-ninth": "maj9", "minor-ninth": "m9", "dominant-11th": "11",
    "major-11th": "maj11", "minor-11th": "m11", "dominant-13th": "13", "major-13th": "maj13",
    "minor-13th": "m13", "suspended-second": "sus2", "suspended-fourth": "sus4", "power": "5",
}  # fmt: skip

_SIGN: Final = {"-2": "bb", "-1": "b", "1": "#", "2": "##"}
_DEGREE: Final = {"add": "add", "subtract": "no"}


def chord_symbol(harmony: Any) -> str:
    """Return the chord symbol of a `<harmony>`, such as ``C#m7b5/G#``; ``N.C.`` for no chord."""
    root = harmony.find("root")
    kind = harmony.find("kind")
    name = text_of(kind)
    if name == "none":
        return NO_CHORD
    if root is None:
        return text_of(harmony.find("function")) or NO_CHORD
    # Kinds without a usual suffix, such as augmented sixths, keep the text of the document.
    suffix = _SUFFIX.get(name)
    if suffix is None:
        suffix = ((kind.get("text") if kind is not None else "") or "").strip()
    degrees = "".join(_degree(each) for each in harmony.iterfind("degree"))
    bass = harmony.find("bass")
    return f"{_name(root, 'root')}{suffix}{degrees}" + (f"/{_name(bass, 'bass')}" if bass is not None else "")


def _degree(element: Any) -> str:
    kind = _DEGREE.get(text_of(element.find("degree-type")), "")
    sign = _SIGN.get(text_of(element.find("degree-alter")), "")
    return f"({kind}{sign}{text_of(element.find('degree-value'))})"


def _name(element: Any, kind: str) -> str:
    return text_of(element.find(f"{kind}-step")) + _SIGN.get(text_of(element.find(f"{kind}-alter")), "")
