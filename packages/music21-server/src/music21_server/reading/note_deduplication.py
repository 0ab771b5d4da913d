"""Deduplication of notes before the XML parser.

Most notes of most documents are written like others before them: half a million notes of an orchestra in
about fifteen thousand ways. Parsing a note and looking at its elements takes ten microseconds; looking its
text up in a dictionary takes less than one. So the first note of each kind is parsed with a number, and
later ones are replaced by their numbers:

    <note deduplicated-note="7"><pitch>...</note>
    <deduplicated-note n="7 7 12"/>

A text is not taken for a note because it looks like one. It is known to be a note when the parser returns
its element, with its number, in a measure; the same bytes elsewhere are known to be notes when the parser
returns their number in a measure. Every number must come back that way. If one does not, because what looked
like a note was inside a comment, say, or if anything else is unusual or wrong, every note is parsed instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from music21_server.reading.musicxml_note import NoteReader, WrittenNote
from music21_server.reading.xml import LARGEST_PIECE_BYTES, Feed

DEDUPLICATED: Final = "deduplicated-note"
"""Tag of the element with the numbers of repeated notes, and attribute with the number of a first note."""

_DEDUPLICATED: Final = DEDUPLICATED.encode()
_NOTE: Final = b"<note"
_PLAIN_START: Final = b"<note>"
_NUMBERED_START: Final = b'<note %s="' % _DEDUPLICATED
_END: Final = b"</note>"
_AFTER_TAG_NAME: Final = b"> \t\r\n"
_INNER: Final = re.compile(rb"note[\s/]")

_PLACED_START: Final = re.compile(
    rb'<note(?: default-x="[-0-9.]+")?(?: default-y="[-0-9.]+")?'
    rb'(?: relative-x="[-0-9.]+")?(?: relative-y="[-0-9.]+")?>'
)
_STEM: Final = b"<stem>"
_PLACED_STEM: Final = re.compile(rb'<stem default-y="[-0-9.]+">')
"""Positions on the page, in which otherwise equal notes differ. Only whole tags match, so that malformed ones
stay as they are."""

_MOST_DISTINCT: Final = 50_000
"""Distinct notes that are remembered; they take about 40 MB."""

_MOST_PER_READ: Final = 1 << 18
"""Bytes of the document that are processed for one read of the parser, and longest distance between notes."""

PAYS_FROM_BYTES: Final = 1_000_000
"""Size of the document from which deduplication saves time; smaller ones repeat too few notes."""

_TRIAL_NOTES: Final = 10_000
"""Notes after which deduplication stops unless half were replaced: the others take about 40 % longer."""


class DeduplicationError(Exception):
    """Every note of the document must be parsed."""


class DeduplicatingFeed(Feed):
    """Feeds a document to the parser with repeated notes replaced by their numbers.

    Attributes:
        replaced: Number of notes that were replaced.
    """

    def __init__(self, source: bytes) -> None:
        # Half of the limit, so that documents near the limit are measured without replacements.
        super().__init__(source, LARGEST_PIECE_BYTES // 2)
        if _DEDUPLICATED in source:
            raise DeduplicationError
        self._notes_end = source.rfind(_END) + len(_END)
        self._numbers: dict[bytes, bytes] = {}
        self.replaced = 0
        self._seen = 0
        self._is_on_trial = True

    def _next(self, size: int) -> bytes:
        if self.position >= self._notes_end:
            return super()._next(size)
        source, number_of = self._source, self._numbers.get
        at = self.position
        until = min(at + _MOST_PER_READ, self._notes_end)
        texts: list[bytes] = []
        run: list[bytes] = []  # numbers of consecutive repeated notes
        length = 0
        while at < until and length < size:
            self._seen += 1
            end = source.find(_END, at) + len(_END)
            start = source.find(_NOTE, at, end)
            if start < 0 or end - at > _MOST_PER_READ:
                raise DeduplicationError
            note = source[start:end]
            number = number_of(note)
            if number is None:
                number, note = self._look_up(note)
            if number is not None:
                if start > at and not (before := source[at:start]).isspace():
                    texts += (self._references(run), before)
                    length += len(before)
                    run = []
                run.append(number)
            else:
                texts += (self._references(run), source[at:start], note)
                length += start - at + len(note)
                run = []
            at = end
        texts.append(self._references(run))
        self.position = at
        if self._is_on_trial and self._seen >= _TRIAL_NOTES:
            self._is_on_trial = False
            if self.replaced < self._seen // 2:
                self._notes_end = at  # replace nothing in the rest
        return b"".join(texts)

    def _look_up(self, note: bytes) -> tuple[bytes | None, bytes]:
        """Return the number of a candidate, or None and the text for the parser, numbered if it is new."""
        key = _without_position(note)
        number = self._numbers.get(key)
        if number is None and len(self._numbers) < _MOST_DISTINCT and _is_safe(key):
            following = self._numbers[key] = b"%d" % len(self._numbers)
            note = b"".join((_NUMBERED_START, following, b'"', note[len(_NOTE) :]))
        return number, note

    def _references(self, numbers: list[bytes]) -> bytes:
        if not numbers:
            return b""
        self.replaced += len(numbers)
        return b'<%s n="%s"/>' % (_DEDUPLICATED, b" ".join(numbers))


def _without_position(note: bytes) -> bytes:
    """Return a note without its position on the page."""
    if not note.startswith(_PLAIN_START):
        start = _PLACED_START.match(note)
        if start is not None:
            note = _PLAIN_START + note[start.end() :]
    return _PLACED_STEM.sub(_STEM, note)


def _is_safe(note: bytes) -> bool:
    """Return whether a candidate that is a note in one place is a note in every place.

    No other note, comment, CDATA section or processing instruction may begin or end in it, and it may not
    have namespace prefixes, whose meaning depends on the elements around it.
    """
    return (
        note[len(_NOTE)] in _AFTER_TAG_NAME
        and note.count(b"note>", len(_PLAIN_START)) == 1
        and b":" not in note
        and b"!" not in note
        and b"?" not in note
        and _INNER.search(note, len(_NOTE)) is None
    )


class DeduplicatedNoteReader(NoteReader):
    """Reads the notes of a `DeduplicatingFeed`, each distinct note once."""

    def __init__(self) -> None:
        self._notes: dict[str, WrittenNote] = {}
        self._repeated = 0

    def read(self, element: Any) -> WrittenNote:
        """Return the content of a `<note>`, and remember it by its number."""
        note = super().read(element)
        number = element.get(DEDUPLICATED)
        if number is not None:
            self._notes[number] = note
        return note

    def repeated(self, element: Any) -> Sequence[WrittenNote]:
        """Return the notes with the numbers in an element.

        Raises:
            DeduplicationError: A number does not belong to a note of a measure.
        """
        try:
            notes = [self._notes[number] for number in element.get("n").split()]
        except KeyError:
            raise DeduplicationError from None
        self._repeated += len(notes)
        return notes

    def check(self, replaced: int) -> None:
        """Check that every replaced note came back in a measure.

        Raises:
            DeduplicationError: One did not; it was not a note.
        """
        if self._repeated != replaced:
            raise DeduplicationError
