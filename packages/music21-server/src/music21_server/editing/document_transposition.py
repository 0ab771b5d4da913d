"""A MusicXML document transposed in its text, with everything that is not about pitch left as it stands.

A document of half a million notes takes a minute and gigabytes as a tree. So its text is cut after each note,
and what has been seen before is looked up: a pitch with its accidental is written in a few hundred ways, what
stands around it is not touched. Notes in which more than that depends on the pitch, and what else names
pitches, are parsed one by one. Nothing looks like an element and is none, as `scan` has removed comments and
raw text. A part in which anything is unusual is edited as a tree.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree

from music21_server.editing.accidentals import write_missing_accidentals
from music21_server.editing.element_transposition import (
    NAMING,
    note_after,
    text,
    transpose_naming,
    transpose_note,
)
from music21_server.editing.intervals import Interval
from music21_server.editing.scan import ScannedDocument, ScannedPart
from music21_server.editing.transposition_plan import Plan
from music21_server.errors import UnreadableScoreError
from music21_server.reading.chord_symbols import chord_symbol

_NOTE_END: Final = b"</note>"
_NOTE_START: Final = re.compile(rb"<note[\s>/]")
_PITCH: Final = b"<pitch"
_PITCH_END: Final = b"</pitch>"
_ACCIDENTAL: Final = re.compile(rb"<accidental[\s>].*?</accidental>", re.DOTALL)
_MORE: Final = re.compile(rb"<(?:accidental-mark|fret|open-string|hole|display-step|notehead-text)[\s>/]")
"""What in a note depends on its pitch beside its accidental."""

_NAMED: Final = re.compile(rb"<(key|harmony|figured-bass)(?:\s[^>]*)?/?>")
_PEDALS: Final = b"<harp-pedals"
_PERCUSSION: Final = b"<sign>percussion</sign>"
_SIGN: Final = b"<sign"

_DECLARATION: Final = re.compile(rb"\s*<\?xml\s[^>]*\?>\s*")
_IN_UTF8: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'

_MOST_KNOWN: Final = 50_000
"""Texts that are remembered."""


@dataclass(frozen=True)
class TransposedDocument:
    """A document, transposed.

    Attributes:
        content: MusicXML in UTF-8.
        parts: Ids of the parts that have been transposed.
        is_plain: Whether everything in them moved by the plan's one interval, no note spelled otherwise.
        symbols: What became of each chord symbol; several things, where different ones look alike.
        has_diagrams: Whether chord symbols had diagrams of frets, which are left out.
    """

    content: bytes
    parts: frozenset[str]
    is_plain: bool
    symbols: dict[str, set[str]]
    has_diagrams: bool


def transposed_document(
    document: ScannedDocument, plan: Plan, parts: Collection[str] | None = None
) -> TransposedDocument:
    """Return a document transposed.

    Args:
        document: MusicXML.
        plan: By which intervals.
        parts: Ids of the parts that move; None for all but those on percussion clefs.

    Raises:
        UnreadableScoreError: A step or number in it is none.
    """
    source = document.source
    editor = _Editor(document, plan)
    declared = _DECLARATION.match(source)
    at = declared.end() if declared else 0
    pieces = [_IN_UTF8]
    done: set[str] = set()
    for part in document.parts:
        begin, end = part.starts[0], part.starts[-1]
        if parts is None or part.identity in parts:
            pieces += (source[at:begin], editor.edited(part))
            done.add(part.identity)
            at = end
    pieces.append(source[at:])
    return TransposedDocument(
        b"".join(pieces),
        frozenset(done),
        not editor.has_respelled and not plan.exceptions,
        editor.symbols,
        editor.has_diagrams,
    )


def is_percussion(document: ScannedDocument, part: ScannedPart) -> bool:
    """Tell whether all clefs of a part are for percussion: what stands there are drums, even with pitches."""
    source, begin, end = document.source, part.starts[0], part.starts[-1]
    drums = source.count(_PERCUSSION, begin, end)
    return drums > 0 and drums == source.count(_SIGN, begin, end)


class _UnusualError(Exception):
    """A part must be edited as a tree."""


@dataclass
class _Known:
    """What has been seen under an interval, and what became of it: texts up to the end of a note; pitches
    with their accidentals."""

    texts: dict[bytes, bytes] = field(default_factory=dict)
    pitches: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = field(default_factory=dict)


class _Editor:
    """Edits the parts of one document.

    Attributes:
        has_respelled: Whether a note is spelled otherwise than its interval has it.
        symbols: As in `TransposedDocument`.
        has_diagrams: Likewise.
    """

    def __init__(self, document: ScannedDocument, plan: Plan) -> None:
        self._document = document
        self._plan = plan
        self._known: dict[Interval, _Known] = {}
        self.has_respelled = False
        self.symbols: dict[str, set[str]] = {}
        self.has_diagrams = False

    def edited(self, part: ScannedPart) -> bytes:
        """Return the measures of a part, transposed."""
        try:
            with contextlib.suppress(_UnusualError):
                return self._as_text(part)
            return self._as_tree(part)
        except (ValueError, KeyError) as error:
            raise UnreadableScoreError(
                f"Expected steps A to G and numbers in part {part.identity}, got: {error}."
            ) from error

    # As text

    def _as_text(self, part: ScannedPart) -> bytes:
        content = self._document.source[part.starts[0] : part.starts[-1]]
        if _PEDALS in content:
            raise _UnusualError
        self._begin(self._plan.under(0))
        pieces = content.split(_NOTE_END)
        rest = pieces.pop()
        edited: list[bytes] = []
        texts = self._texts
        for piece in pieces:
            new = texts.get(piece)
            if new is None:
                new = self._piece(piece)
                texts = self._texts  # a key may have changed them
            edited.append(new)
        edited.append(self._around(rest, None))
        return _NOTE_END.join(edited)

    def _begin(self, interval: Interval) -> None:
        known = self._known.setdefault(interval, _Known())
        self._interval, self._texts, self._pitches = interval, known.texts, known.pitches

    def _piece(self, piece: bytes) -> bytes:
        """Return what stands before a note, and the note without its end tag."""
        starts = list(_NOTE_START.finditer(piece))
        if len(starts) != 1:
            raise _UnusualError
        at = starts[0].start()
        before, note = piece[:at], piece[at:]
        new = self._around(before, note) if _NAMED.search(before) else before
        made = new + self._note(note)
        if len(self._texts) < _MOST_KNOWN and b"<key" not in before:  # a key may change the interval
            self._texts[piece] = made
        return made

    def _note(self, note: bytes) -> bytes:
        begin = note.find(_PITCH)
        if _MORE.search(note):
            element = self._parsed(note + _NOTE_END)
            self._transpose_note(element)
            return _text_of(element)[: -len(_NOTE_END)]
        if begin < 0:
            return note
        end = note.find(_PITCH_END, begin) + len(_PITCH_END)
        if end < begin:
            raise _UnusualError
        accidental = _ACCIDENTAL.search(note, end)
        pitch, sign = note[begin:end], accidental[0] if accidental else b""
        new = self._pitches.get((pitch, sign))
        if new is None:
            element = self._parsed(b"<note>%s%s</note>" % (pitch, sign))
            self._transpose_note(element)
            named = element.find("accidental")
            new = self._pitches[pitch, sign] = (
                _text_of(element.find("pitch")),
                b"" if named is None else _text_of(named),
            )
        if accidental is None:
            return note[:begin] + new[0] + note[end:]
        return b"".join(
            (note[:begin], new[0], note[end : accidental.start()], new[1], note[accidental.end() :])
        )

    def _transpose_note(self, note: Any) -> None:
        if transpose_note(note, self._interval):
            raise _UnusualError  # its bar may need accidentals that were not needed before

    def _around(self, content: bytes, note: bytes | None) -> bytes:
        """Return what is no note, with what names pitches in it transposed."""
        pieces: list[bytes] = []
        at = 0
        while found := _NAMED.search(content, at):
            begin, end = found.span()
            if not found[0].endswith(b"/>"):
                tag_end = b"</%s>" % found[1]
                end = content.find(tag_end, end) + len(tag_end)
            element = self._parsed(content[begin:end])  # where there is no such end tag, this is no XML
            self._transpose_naming(element, self._parsed(note + _NOTE_END) if note else None)
            pieces += (content[at:begin], _text_of(element))
            at = end
        pieces.append(content[at:])
        return b"".join(pieces)

    # Either way

    def _transpose_naming(self, element: Any, following: Any) -> None:
        if element.tag == "key":
            # What follows stands under it.
            fifths = text(element.find("fifths"))
            if fifths:
                self._begin(self._plan.under(int(fifths)))
        old = chord_symbol(element) if element.tag == "harmony" else ""
        self.has_diagrams |= element.find("frame") is not None
        transpose_naming(element, self._interval, following)
        if element.tag == "harmony":
            self.symbols.setdefault(old, set()).add(chord_symbol(element))

    def _parsed(self, content: bytes) -> Any:
        try:
            return etree.fromstring(content, _PARSER)
        except etree.XMLSyntaxError:
            raise _UnusualError from None  # such as a prefix that is declared elsewhere

    # As a tree

    def _as_tree(self, part: ScannedPart) -> bytes:
        bars = len(part.starts) - 1
        if bars < 1:
            return b""
        element = self._document.measures(part, 0, bars - 1)
        self._begin(self._plan.under(0))
        respelled = []
        for measure in element:
            found = False
            for child in list(measure.iter("note", *NAMING)):
                if child.tag == "note":
                    found |= transpose_note(child, self._interval)
                else:
                    self._transpose_naming(child, note_after(child))
            respelled.append(found)
        self.has_respelled |= any(respelled)
        write_missing_accidentals(element, respelled)
        return b"".join(_text_of(measure) for measure in element)


_PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)


def _text_of(element: Any) -> bytes:
    return bytes(etree.tostring(element, encoding="utf-8", with_tail=True))
