"""Transpose a MusicXML document in its text; everything that does not name a pitch stays byte for byte.

As a tree, a document of half a million notes takes a minute and gigabytes. So the text is split after each
note and the result of each distinct piece is cached: a score has only a few hundred combinations of pitch and
accidental, and the text around them is copied. Other elements that name pitches, and notes with frets,
ornaments and the like, are parsed one by one. Searching the text for tags is safe because `scan` has removed
comments and CDATA. A part with anything unusual in it is edited as a tree.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree

from music21_server.editing.accidentals import states_accidentals, write_missing_accidentals
from music21_server.editing.element_transposition import (
    PITCH_NAMING_TAGS,
    bass_note,
    transpose_element,
    transpose_note,
)
from music21_server.editing.elements import serialize, text
from music21_server.editing.intervals import Interval
from music21_server.editing.scan import ScannedDocument, ScannedPart
from music21_server.editing.transposition_plan import TranspositionPlan
from music21_server.errors import UnreadableScoreError
from music21_server.reading.chord_symbols import chord_symbol

_NOTE_END: Final = b"</note>"
_NOTE_START: Final = re.compile(rb"<note[\s>/]")
_PITCH: Final = b"<pitch"
_PITCH_END: Final = b"</pitch>"
_ACCIDENTAL: Final = re.compile(rb"<accidental[\s>].*?</accidental>", re.DOTALL)
_PITCH_DEPENDENT: Final = re.compile(
    rb"<(?:accidental-mark|fret|open-string|hole|display-step|notehead-text)[\s>/]"
)
"""Elements of a note, other than its accidental, that change with its pitch."""

_PITCH_NAMING: Final = re.compile(rb"<(key|harmony|figured-bass)(?:\s[^>]*)?/?>")
_PEDALS: Final = b"<harp-pedals"
_PERCUSSION: Final = b"<sign>percussion</sign>"
_SIGN: Final = b"<sign"

_DECLARATION: Final = re.compile(rb"\s*<\?xml\s[^>]*\?>\s*")
_UTF8_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'

_MAX_CACHED_TEXTS: Final = 50_000


@dataclass(frozen=True)
class TransposedDocument:
    """A transposed document.

    Attributes:
        content: MusicXML in UTF-8.
        is_uniform: Whether everything moved by the plan's one interval and no note was respelled.
        symbols: New texts of each chord symbol by its old text; more than one where different symbols have
            the same text.
        has_diagrams: Whether chord symbols had fret diagrams, which are left out.
    """

    content: bytes
    is_uniform: bool
    symbols: dict[str, set[str]]
    has_diagrams: bool


def transpose_document(
    document: ScannedDocument, plan: TranspositionPlan, parts: Collection[str] | None = None
) -> TransposedDocument:
    """Transpose parts of a document.

    Args:
        document: MusicXML.
        plan: Interval for each key signature.
        parts: Ids of the parts to transpose; None for all.

    Raises:
        UnreadableScoreError: A step is not A to G, or a number is not a number.
    """
    source = document.source
    editor = _Editor(document, plan)
    declaration = _DECLARATION.match(source)
    position = declaration.end() if declaration else 0
    pieces = [_UTF8_DECLARATION]
    for part in document.parts:
        begin, end = part.starts[0], part.starts[-1]
        if parts is None or part.identity in parts:
            pieces += (source[position:begin], editor.transpose(part))
            position = end
    pieces.append(source[position:])
    return TransposedDocument(
        b"".join(pieces),
        not editor.has_respelled and not plan.exceptions,
        editor.symbols,
        editor.has_diagrams,
    )


def is_percussion(document: ScannedDocument, part: ScannedPart) -> bool:
    """Return whether all clefs of a part are percussion clefs; its notes are drums even if they have
    pitches."""
    source, begin, end = document.source, part.starts[0], part.starts[-1]
    percussion_clefs = source.count(_PERCUSSION, begin, end)
    return percussion_clefs > 0 and percussion_clefs == source.count(_SIGN, begin, end)


class _UnusualError(Exception):
    """The part must be edited as a tree."""


@dataclass
class _Cache:
    """Results under one interval: whole pieces of text, and pitches with their accidentals."""

    texts: dict[bytes, bytes] = field(default_factory=dict)
    pitches: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = field(default_factory=dict)


class _Editor:
    """Transposes the parts of one document.

    Attributes:
        has_respelled: Whether a note was respelled because its interval gives too many sharps or flats.
        symbols: See `TransposedDocument`.
        has_diagrams: See `TransposedDocument`.
    """

    def __init__(self, document: ScannedDocument, plan: TranspositionPlan) -> None:
        self._document = document
        self._plan = plan
        self._caches: dict[Interval, _Cache] = {}
        self.has_respelled = False
        self.symbols: dict[str, set[str]] = {}
        self.has_diagrams = False

    def transpose(self, part: ScannedPart) -> bytes:
        """Return the transposed measures of a part."""
        try:
            with contextlib.suppress(_UnusualError):
                return self._edit_text(part)
            return self._edit_tree(part)
        except (ValueError, KeyError) as error:
            raise UnreadableScoreError(
                f"Expected steps A to G and numbers in part {part.identity}, got: {error}."
            ) from error

    # Editing the text

    def _edit_text(self, part: ScannedPart) -> bytes:
        content = self._document.source[part.starts[0] : part.starts[-1]]
        if _PEDALS in content:
            raise _UnusualError
        self._use_interval(self._plan.interval_for(0))
        pieces = content.split(_NOTE_END)
        rest = pieces.pop()
        edited: list[bytes] = []
        texts = self._texts
        for piece in pieces:
            new = texts.get(piece)
            if new is None:
                new = self._edit_piece(piece)
                texts = self._texts  # a key in the piece may have changed the interval
            edited.append(new)
        edited.append(self._edit_other(rest, None))
        return _NOTE_END.join(edited)

    def _use_interval(self, interval: Interval) -> None:
        cache = self._caches.setdefault(interval, _Cache())
        self._interval, self._texts, self._pitches = interval, cache.texts, cache.pitches

    def _edit_piece(self, piece: bytes) -> bytes:
        """Transpose a note without its end tag, and the text before it."""
        starts = list(_NOTE_START.finditer(piece))
        if len(starts) != 1:
            raise _UnusualError
        start = starts[0].start()
        before, note = piece[:start], piece[start:]
        new_before = self._edit_other(before, note) if _PITCH_NAMING.search(before) else before
        new = new_before + self._edit_note(note)
        if len(self._texts) < _MAX_CACHED_TEXTS and b"<key" not in before:  # a key may change the interval
            self._texts[piece] = new
        return new

    def _edit_note(self, note: bytes) -> bytes:
        begin = note.find(_PITCH)
        if _PITCH_DEPENDENT.search(note):
            element = self._parse(note + _NOTE_END)
            self._transpose_note(element)
            return serialize(element)[: -len(_NOTE_END)]
        if begin < 0:
            return note
        end = note.find(_PITCH_END, begin) + len(_PITCH_END)
        if end < begin:
            raise _UnusualError
        accidental = _ACCIDENTAL.search(note, end)
        pitch, sign = note[begin:end], accidental[0] if accidental else b""
        new = self._pitches.get((pitch, sign))
        if new is None:
            element = self._parse(b"<note>%s%s</note>" % (pitch, sign))
            self._transpose_note(element)
            new_accidental = element.find("accidental")
            new = self._pitches[pitch, sign] = (
                serialize(element.find("pitch")),
                b"" if new_accidental is None else serialize(new_accidental),
            )
        if accidental is None:
            return note[:begin] + new[0] + note[end:]
        return b"".join(
            (note[:begin], new[0], note[end : accidental.start()], new[1], note[accidental.end() :])
        )

    def _transpose_note(self, note: Any) -> None:
        if transpose_note(note, self._interval):
            raise _UnusualError  # a respelled note: others in its bar may now need accidentals

    def _edit_other(self, content: bytes, note: bytes | None) -> bytes:
        """Transpose the keys, chord symbols and figures in text before a note."""
        pieces: list[bytes] = []
        position = 0
        while match := _PITCH_NAMING.search(content, position):
            begin, end = match.span()
            if not match[0].endswith(b"/>"):
                end_tag = b"</%s>" % match[1]
                end = content.find(end_tag, end) + len(end_tag)
            element = self._parse(content[begin:end])  # fails if the end tag is missing
            self._transpose_element(element, self._parse(note + _NOTE_END) if note else None)
            pieces += (content[position:begin], serialize(element))
            position = end
        pieces.append(content[position:])
        return b"".join(pieces)

    def _parse(self, content: bytes) -> Any:
        try:
            return etree.fromstring(content, _PARSER)
        except etree.XMLSyntaxError:
            raise _UnusualError from None  # for example a namespace prefix declared elsewhere

    # Editing the tree

    def _edit_tree(self, part: ScannedPart) -> bytes:
        bars = len(part.starts) - 1
        if bars < 1:
            return b""
        element = self._document.measures(part, 0, bars - 1)
        self._use_interval(self._plan.interval_for(0))
        respelled = []
        for measure in element:
            is_respelled = False
            for child in list(measure.iter("note", *PITCH_NAMING_TAGS)):
                if child.tag == "note":
                    is_respelled |= transpose_note(child, self._interval)
                else:
                    self._transpose_element(child, bass_note(child))
            respelled.append(is_respelled)
        self.has_respelled |= any(respelled)
        # A document that states no accidentals stays one: they are drawn by key and measure.
        if states_accidentals(self._document.source):
            write_missing_accidentals(element, respelled)
        return b"".join(serialize(measure) for measure in element)

    # Both

    def _transpose_element(self, element: Any, bass: Any) -> None:
        if element.tag == "key":
            fifths = text(element.find("fifths"))
            if fifths:
                self._use_interval(self._plan.interval_for(int(fifths)))
        old = chord_symbol(element) if element.tag == "harmony" else ""
        self.has_diagrams |= element.find("frame") is not None
        transpose_element(element, self._interval, bass)
        if element.tag == "harmony":
            self.symbols.setdefault(old, set()).add(chord_symbol(element))


_PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
