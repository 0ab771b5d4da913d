"""Notes that are written alike reach the XML parser once.

Most notes of most documents are written as others before them: half a million of an orchestra in some
fifteen thousand ways. To parse one and to look at its elements takes ten microseconds, to find its text in a
dictionary less than one. So the first note of a kind goes to the parser with a number, and in place of later
ones their numbers do:

    <note folded-notes="7"><pitch>...</note>
    <folded-notes n="7 7 12"/>

Nothing is taken for a note because it looks like one. That a text is a whole note of a bar is known when the
parser hands over, in a bar, the element with its number; that the same bytes elsewhere are one as well, when
it hands over this number in a bar. All numbers must come back so. Where they do not, because what looked like
notes stood in a comment, say, and where anything else is unusual or wrong, the document is read as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from music21_server.reading.musicxml_note import NoteReader, WrittenNote
from music21_server.reading.xml import LARGEST_PIECE_BYTES, Feed

FOLDED: Final = "folded-notes"
"""The element with numbers, and the attribute of a note that has one."""

_FOLDED: Final = FOLDED.encode()
_NOTE: Final = b"<note"
_PLAIN_START: Final = b"<note>"
_NUMBERED_START: Final = b'<note %s="' % _FOLDED
_END: Final = b"</note>"
_START_GOES_ON: Final = b"> \t\r\n"
_INNER: Final = re.compile(rb"note[\s/]")

_PLACED_START: Final = re.compile(
    rb'<note(?: default-x="[-0-9.]+")?(?: default-y="[-0-9.]+")?'
    rb'(?: relative-x="[-0-9.]+")?(?: relative-y="[-0-9.]+")?>'
)
_STEM: Final = b"<stem>"
_PLACED_STEM: Final = re.compile(rb'<stem default-y="[-0-9.]+">')
"""Places on the page make notes differ that say the same. They are whole tags: broken ones stay different."""

_MOST_KNOWN: Final = 50_000
"""Ways to write a note that are remembered; they take some forty megabytes."""

_MOST_PER_READ: Final = 1 << 18
"""Bytes of the document that are folded for one helping of the parser."""


PAYS_FROM_BYTES: Final = 1_000_000
"""In smaller documents too few notes have been there before."""

_TRIAL_NOTES: Final = 10_000
"""After them folding is given up if fewer than half were folded: each that is not takes some 40 % longer."""


class UnfoldableError(Exception):
    """The document must be read as it stands."""


class FoldedFeed(Feed):
    """Hands a document to the parser with its notes folded.

    Attributes:
        folded: Notes whose number was handed over in their place.
    """

    def __init__(self, source: bytes) -> None:
        # Half of what is allowed, so that a document near the limit is measured as it stands.
        super().__init__(source, LARGEST_PIECE_BYTES // 2)
        if _FOLDED in source:
            raise UnfoldableError
        self._notes_end = source.rfind(_END) + len(_END)
        self._numbers: dict[bytes, bytes] = {}
        self.folded = 0
        self._looked_at = 0
        self._is_on_trial = True

    def _next(self, size: int) -> bytes:
        if self.position >= self._notes_end:
            return super()._next(size)
        source, number_of = self._source, self._numbers.get
        at = self.position
        until = min(at + _MOST_PER_READ, self._notes_end)
        texts: list[bytes] = []
        run: list[bytes] = []  # numbers of notes that follow each other
        length = 0
        while at < until and length < size:
            self._looked_at += 1
            end = source.find(_END, at) + len(_END)
            start = source.find(_NOTE, at, end)
            if start < 0 or end - at > _MOST_PER_READ:
                raise UnfoldableError
            note = source[start:end]
            number = number_of(note)
            if number is None:
                number, note = self._look_closer(note)
            if number is not None:
                if start > at and not (before := source[at:start]).isspace():
                    texts += (self._fold(run), before)
                    length += len(before)
                    run = []
                run.append(number)
            else:
                texts += (self._fold(run), source[at:start], note)
                length += start - at + len(note)
                run = []
            at = end
        texts.append(self._fold(run))
        self.position = at
        if self._is_on_trial and self._looked_at >= _TRIAL_NOTES:
            self._is_on_trial = False
            if self.folded < self._looked_at // 2:
                self._notes_end = at  # the rest as it stands
        return b"".join(texts)

    def _look_closer(self, note: bytes) -> tuple[bytes | None, bytes]:
        """Return the number of what may be a note, where it is known, and what goes to the parser if not."""
        key = _unplaced(note)
        number = self._numbers.get(key)
        if number is None and len(self._numbers) < _MOST_KNOWN and _is_safe(key):
            following = self._numbers[key] = b"%d" % len(self._numbers)
            note = b"".join((_NUMBERED_START, following, b'"', note[len(_NOTE) :]))
        return number, note

    def _fold(self, numbers: list[bytes]) -> bytes:
        if not numbers:
            return b""
        self.folded += len(numbers)
        return b'<%s n="%s"/>' % (_FOLDED, b" ".join(numbers))


def _unplaced(note: bytes) -> bytes:
    """Return a note without its place on the page."""
    if not note.startswith(_PLAIN_START):
        start = _PLACED_START.match(note)
        if start is not None:
            note = _PLAIN_START + note[start.end() :]
    return _PLACED_STEM.sub(_STEM, note)


def _is_safe(note: bytes) -> bool:
    """Return whether what may be a note is one wherever it stands, if it is one anywhere.

    No other note may begin or end in it, nor what is no element; nor may it have prefixes, which mean what is
    said around it.
    """
    return (
        note[len(_NOTE)] in _START_GOES_ON
        and note.count(b"note>", len(_PLAIN_START)) == 1
        and b":" not in note
        and b"!" not in note
        and b"?" not in note
        and _INNER.search(note, len(_NOTE)) is None
    )


class FoldedNotes(NoteReader):
    """Reads the notes that come of a document so, each of a kind once."""

    def __init__(self) -> None:
        self._notes: dict[str, WrittenNote] = {}
        self._unfolded = 0

    def read(self, element: Any) -> WrittenNote:
        """Return what a note says, and remember it by its number."""
        note = super().read(element)
        number = element.get(FOLDED)
        if number is not None:
            self._notes[number] = note
        return note

    def unfold(self, element: Any) -> Sequence[WrittenNote]:
        """Return the notes with the numbers of an element.

        Raises:
            UnfoldableError: One of them never was a note of a bar.
        """
        try:
            notes = [self._notes[number] for number in element.get("n").split()]
        except KeyError:
            raise UnfoldableError from None
        self._unfolded += len(notes)
        return notes

    def check(self, folded: int) -> None:
        """Check that all notes that were folded came back.

        Raises:
            UnfoldableError: Some did not: what was folded was no note of a bar.
        """
        if self._unfolded != folded:
            raise UnfoldableError
