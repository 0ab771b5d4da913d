"""What a source is, told from its content, and the score in it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from music21_server.errors import UnreadableScore
from music21_server.limits import Limits
from music21_server.notes import Score
from music21_server.reading.archive import unpack
from music21_server.reading.musicxml import read_musicxml
from music21_server.reading.through_music21 import read_through_music21

SUFFIXES: Final[Mapping[str, str]] = {
    ".musicxml": "musicxml", ".xml": "musicxml", ".mxl": "mxl", ".krn": "humdrum", ".abc": "abc", ".mid": "midi",
    ".midi": "midi", ".mei": "mei",
}  # fmt: skip

_ABC: Final = re.compile(rb"(?m)^X:\s*\d+")
_HUMDRUM: Final = re.compile(rb"(?m)^\*\*(kern|dynam|text|harm|recip)")
_TINY: Final = re.compile(rb"^\s*tinynotation\s*:", re.IGNORECASE)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}\s*")
_NOTES: Final = re.compile(r"[A-Ga-g](?:##?|--?|bb?)?\d?(?:[\s,]+[A-Ga-gRr](?:##?|--?|bb?)?\d?)*")


@dataclass(frozen=True)
class Document:
    """What was imported, as it is kept.

    Attributes:
        kind: ``musicxml``, ``mxl``, or one of the other formats.
        content: As it came.
    """

    kind: str
    content: bytes


def recognise(content: bytes) -> Document:
    """Tell a document's format from its content.

    Text that is a document in base64 is decoded first, because MXL and MIDI are no text.

    Raises:
        UnreadableScore: Nothing that is known.
    """
    found = _kind(content)
    if found is None and _BASE64.fullmatch(content) and len(content) >= _SHORTEST_BASE64:
        try:
            decoded = base64.b64decode(content, validate=False)
        except binascii.Error:
            decoded = b""
        found = _kind(decoded)
        content = decoded if found is not None else content
    if found is None:
        text = content.decode("utf-8", errors="replace").strip()
        if _NOTES.fullmatch(text):
            return Document("tinynotation", tiny_notation(text).encode())
        raise UnreadableScore(
            "Expected MusicXML, MXL or MIDI (in base64), ABC, Humdrum, MEI, tiny notation "
            f"(`tinyNotation: 4/4 c4 d e f`) or note names (`C4 E4 G4`), got {text[:40]!r}."
        )
    return Document(found, content)


_SHORTEST_BASE64: Final = 40


def _kind(content: bytes) -> str | None:
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if content.startswith(b"PK"):
        return "mxl"
    if content.startswith(b"MThd"):
        return "midi"
    if start.startswith(b"<") or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "mei" if b"<mei" in content[:4096] else "musicxml"
    if _TINY.match(start):
        return "tinynotation"
    if _HUMDRUM.search(content[:20_000]) or start.startswith((b"!!!", b"**")):
        return "humdrum"
    if _ABC.search(content[:20_000]):
        return "abc"
    return None


def tiny_notation(names: str) -> str:
    """Return tiny notation of quarter notes with these names; `4` is the octave of middle C."""
    words = [_tiny_word(word) for word in re.split(r"[\s,]+", names.strip()) if word]
    return "tinyNotation: 4/4 " + " ".join(words)


def _tiny_word(word: str) -> str:
    if word in ("R", "r"):
        return "r4"
    match = re.fullmatch(r"([A-Ga-g])(##?|--?|bb?)?(\d?)", word)
    if match is None:
        raise UnreadableScore(f"Expected a note name such as C#4 or B-3, got {word!r}.")
    letter, sign, octave = match[1], (match[2] or "").replace("b", "-"), int(match[3] or 4)
    # Tiny notation: c is middle C, c' above it, C below, CC below that.
    if octave >= 4:
        return letter.lower() + "'" * (octave - 4) + sign + "4"
    return letter.upper() * (4 - octave) + sign + "4"


def read(document: Document, limits: Limits) -> Score:
    """Read a document.

    Raises:
        UnreadableScore: It is broken, or not of its format.
        TooMuchScore: It is beyond a limit.
    """
    if document.kind == "musicxml":
        return read_musicxml(document.content, limits)
    if document.kind == "mxl":
        return read_musicxml(unpack(document.content, limits), limits)
    if document.kind == "midi":
        return read_through_music21(document.content, "midi", limits)
    try:
        text = document.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = document.content.decode("latin-1")
    return read_through_music21(text, document.kind, limits)
