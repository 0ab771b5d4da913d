"""Formats: recognition from content, and dispatch to the readers."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.abc.columns import read_tunes
from music21_server.reading.abc.tunes import one_work
from music21_server.reading.conversion_cost import start_deadline
from music21_server.reading.humdrum.columns import read_humdrum
from music21_server.reading.midi.columns import read_midi
from music21_server.reading.music21_formats import as_text, read_through_music21
from music21_server.reading.musicxml import read_musicxml
from music21_server.reading.mxl_archive import unpack
from music21_server.score.document import KINDS, Document
from music21_server.score.limits import Limits
from music21_server.score.table import Score

_MEI: Final = re.compile(rb"<(?:\w{1,40}:)?mei[\s>]")
_ABC_KEY: Final = re.compile(rb"(?m)^K:")
_ABC_OTHER: Final = re.compile(rb"(?m)^[XTML]:")
_HUMDRUM: Final = re.compile(rb"(?m)^\*\*[a-z]")
_TINY: Final = re.compile(rb"tinynotation\s*:", re.IGNORECASE)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_DATA_ADDRESS: Final = re.compile(rb"data:[\w./+;=-]{0,100};base64,")
_NOTE: Final = r"(?:[A-Ga-g](?:##?|--?|bb?)?\d?|[Rr])"
_NOTES: Final = re.compile(rf"{_NOTE}(?:[\s,]+{_NOTE})*")

_SHORTEST_BASE64: Final = 40
_LONGEST_NOTE_TEXT: Final = 100_000
_EXAMINED: Final = 20_000
"""Bytes at the beginning from which a format is recognised."""


def recognise(content: bytes, declared: str | None = None) -> Document:
    """Return a document with the format recognised from its content.

    Base64 is decoded first, because MXL and MIDI are binary.

    Args:
        content: The document.
        declared: Format declared by the sender, one of `KINDS`; None if not declared.

    Raises:
        UnreadableScoreError: The format is unknown, or not the declared one.
    """
    if declared is not None and declared not in KINDS:
        raise UnreadableScoreError(f"Expected one of the formats {', '.join(KINDS)}; got {declared[:40]!r}.")
    document = _recognised(content)
    if document is None:
        raise UnreadableScoreError(
            "Expected MusicXML, MXL or MIDI (these two in base64), ABC, Humdrum, MEI, tiny notation "
            f"(`tinyNotation: 4/4 c4 d e f`) or note names (`C4 E4 G4`), got {_shown(content)}."
        )
    if declared not in (None, document.kind):
        raise UnreadableScoreError(
            f"Expected {declared} as declared, got {document.kind}: {_shown(content)}. Declare "
            f"{document.kind}, or leave the format out."
        )
    return document


def _recognised(content: bytes) -> Document | None:
    kind = _kind(content)
    if kind is not None:
        return Document(kind, content)
    address = _DATA_ADDRESS.match(content)
    packed = (content[address.end() :] if address else content).translate(None, b" \t\r\n")
    if len(packed) >= _SHORTEST_BASE64 and _BASE64.fullmatch(packed):
        try:
            decoded = base64.b64decode(packed)
        except binascii.Error:
            decoded = b""
        kind = _kind(decoded)
        if kind is not None:
            return Document(kind, decoded)
    if len(content) <= _LONGEST_NOTE_TEXT:
        text = content.decode("utf-8", errors="replace").strip()
        if _NOTES.fullmatch(text):
            return Document("tinynotation", tiny_notation(text).encode())
    return None


def _shown(content: bytes) -> str:
    start = content[:60].decode("utf-8", errors="replace").strip()
    return repr(start[:40]) if start else "nothing"


def _kind(content: bytes) -> str | None:
    if content.startswith(b"PK\x03\x04"):
        return "mxl"
    if content.startswith(b"MThd"):
        return "midi"
    start = content[:_EXAMINED].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"\x00" in start[:4]:
        start = start.replace(b"\x00", b"").lstrip(b"\xff\xfe \t\r\n")  # the ASCII of UTF-16
    return _kind_of_text(start)


def _kind_of_text(start: bytes) -> str | None:
    if start.startswith(b"<"):
        return "mei" if _MEI.search(start) else "musicxml"
    if _TINY.match(start):
        return "tinynotation"
    if start.startswith((b"!!!", b"**")) or _HUMDRUM.search(start):
        return "humdrum"
    return "abc" if _ABC_KEY.search(start) and _ABC_OTHER.search(start) else None


def tiny_notation(names: str) -> str:
    """Return tiny notation for note names, as quarter notes; octave 4 begins with middle C.

    Raises:
        UnreadableScoreError: A word is not a note name.
    """
    words = [_tiny_word(word) for word in re.split(r"[\s,]+", names.strip()) if word]
    return "tinyNotation: 4/4 " + " ".join(words)


def _tiny_word(word: str) -> str:
    if word in ("R", "r"):
        return "r4"
    match = re.fullmatch(r"([A-Ga-g])(##?|--?|bb?)?(\d?)", word)
    if match is None:
        raise UnreadableScoreError(f"Expected a note name such as C#4 or B-3, got {word[:20]!r}.")
    letter, sign, octave = match[1], (match[2] or "").replace("b", "-"), int(match[3] or 4)
    # In tiny notation, c is middle C, c' an octave above, C an octave below, CC two octaves below.
    if octave >= 4:
        return letter.lower() + "'" * (octave - 4) + sign + "4"
    return letter.upper() * (4 - octave) + sign + "4"


def read(document: Document, limits: Limits) -> Score:
    """Return the score in a document.

    Raises:
        UnreadableScoreError: The document is broken, or not in its format.
        TooMuchScoreError: The score exceeds a limit.
    """
    limits.check("max_source_bytes", len(document.content))
    if document.kind == "musicxml":
        return read_musicxml(document.content, limits)
    if document.kind == "mxl":
        return read_musicxml(unpack(document.content, limits), limits)
    if document.kind == "midi":
        start_deadline(len(document.content), limits)
        return read_midi(document.content, limits)
    if document.kind == "abc":
        start_deadline(len(document.content), limits)
        return read_tunes(one_work(as_text(document.content)), limits)
    if document.kind == "humdrum":
        start_deadline(len(document.content), limits)
        return read_humdrum(as_text(document.content), limits)
    return read_through_music21(document.content, document.kind, limits)
