"""Safe, incremental parsing of XML from strangers.

Nothing is fetched, entity declarations are refused, and elements are freed once they are read, so that memory
depends on the largest piece and not on the document.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator
from io import BytesIO
from typing import Any, Final

from lxml import etree

from music21_server.errors import TooMuchScoreError, UnreadableScoreError

LARGEST_PIECE_BYTES: Final = 8_000_000
"""Longest text between the ends of two pieces. A tree takes up to forty times the memory of its text; the
largest measure of one part in real scores takes about 100 kB."""

_READ_BYTES: Final = 1 << 14
_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_CHARACTER_SETS: Final = (
    *("utf-16", "utf-32", "iso8859", "cp", "mac-", "koi8", "latin", "tis-620", "ptcp154", "kz1048"),
    *("gb", "hz", "big5", "euc_", "iso2022", "shift_jis", "johab"),
)
"""Beginnings of the names that Python has for character sets."""

_OPTIONS: Final = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "remove_comments": True,
    "remove_pis": True,
    "remove_blank_text": True,
    "encoding": "utf-8",
}


def as_utf8(source: bytes) -> bytes:
    """Return a document in UTF-8.

    Raises:
        UnreadableScoreError: The document is not in the encoding it declares, or it declares entities: they
            can expand a few lines to gigabytes, and no notation program writes them.
    """
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        source = _recoded(source, "utf-16")
    elif source.startswith(codecs.BOM_UTF8):
        source = source[len(codecs.BOM_UTF8) :]
    elif source[:2] in (b"<\x00", b"\x00<"):
        source = _recoded(source, "utf-16-le" if source.startswith(b"<") else "utf-16-be")
    else:
        declared = _DECLARED.match(source[:400])
        name = declared[1].decode().lower() if declared else "utf-8"
        if name not in ("utf-8", "utf8", "us-ascii", "ascii"):
            source = _recoded(source, _character_set(name))
    if b"<!ENTITY" in source:
        raise UnreadableScoreError(
            "Expected XML without entity declarations, got <!ENTITY ...>: replace each entity by its text."
        )
    return source


def _character_set(encoding: str) -> str:
    """Return the encoding if it is a character set; others may take quadratic time, as punycode does.

    Raises:
        UnreadableScoreError: It is none.
    """
    try:
        is_character_set = codecs.lookup(encoding).name.startswith(_CHARACTER_SETS)
    except (LookupError, ValueError):
        is_character_set = False
    if not is_character_set:
        raise UnreadableScoreError(
            f"Expected XML in the encoding that it declares ({encoding}), got one that is unknown. Send "
            "it in UTF-8."
        )
    return encoding


def _recoded(source: bytes, encoding: str) -> bytes:
    try:
        return source.decode(encoding).encode()
    except (LookupError, ValueError) as error:
        raise UnreadableScoreError(
            f"Expected XML in the encoding that it declares ({encoding}), got: {error}. Send it in UTF-8."
        ) from error


def root_tag(source: bytes) -> str:
    """Return the tag of a document's root.

    Raises:
        UnreadableScoreError: The document is not XML.
    """
    try:
        for _, element in etree.iterparse(BytesIO(source), events=("start",), chunk_size=1024, **_OPTIONS):
            return str(element.tag)
    except etree.XMLSyntaxError as error:
        raise broken(error) from error
    raise UnreadableScoreError("Expected XML, got an empty document.")


def broken(error: etree.XMLSyntaxError) -> UnreadableScoreError:
    """Return the error to raise for malformed XML."""
    return UnreadableScoreError(f"Expected well-formed XML, got: {error.msg}. The document may be cut off.")


class Feed:
    """Feeds a document to the parser, and limits the bytes between two pieces.

    Args:
        source: The document, in UTF-8.
        most_bytes: Most bytes between two pieces; `LARGEST_PIECE_BYTES` if None.

    Attributes:
        position: Bytes of the document that have been read.
    """

    def __init__(self, source: bytes, most_bytes: int | None = None) -> None:
        self._source = source
        self._most = LARGEST_PIECE_BYTES if most_bytes is None else most_bytes
        self._piece_position = 0
        self.position = 0

    def read(self, size: int) -> bytes:
        """Return about `size` bytes; none at the end.

        Raises:
            TooMuchScoreError: The current piece is too large.
        """
        following = self._next(size)
        if self.position - self._piece_position > self._most:
            raise TooMuchScoreError(
                f"Expected at most {self._most:,} bytes between two barlines, got more: send the score "
                "without embedded pictures or other data."
            )
        return following

    def _next(self, size: int) -> bytes:
        following = self._source[self.position : self.position + size]
        self.position += size  # also at the end
        return following

    def begin_piece(self) -> None:
        """Begin to count the bytes of a new piece."""
        self._piece_position = self.position


def pieces(feed: Feed, tags: Collection[str]) -> Iterator[Any]:
    """Yield the elements with certain tags as they end, and free each one afterwards.

    Only end events are used: with start events as well the parser takes twice as long.

    Args:
        feed: The document.
        tags: Tags of the elements.

    Raises:
        UnreadableScoreError: The document is not XML.
        TooMuchScoreError: The text between two such elements is too long.
    """
    events = etree.iterparse(feed, events=("end",), tag=tuple(tags), chunk_size=_READ_BYTES, **_OPTIONS)
    try:
        for _, element in events:
            yield element
            feed.begin_piece()
            element.clear()
            parent = element.getparent()
            if parent is not None:
                # Free everything before it too, so that elements with other tags do not pile up.
                del parent[: parent.index(element)]
    except etree.XMLSyntaxError as error:
        raise broken(error) from error


def parsed(source: bytes) -> Any:
    """Return the root of a small document in UTF-8.

    Raises:
        XMLSyntaxError: The document is not XML.
    """
    return etree.fromstring(source, etree.XMLParser(**_OPTIONS))


def text_of(element: Any) -> str:
    """Return the stripped text of an element; empty for None."""
    return "" if element is None or element.text is None else str(element.text).strip()


def elements(source: bytes) -> Iterator[tuple[Any, int]]:
    """Yield each element of a document as it begins, with its depth from 1, and free it when it ends.

    Raises:
        UnreadableScoreError: The document is not XML.
    """
    depth = 0
    try:
        for event, element in etree.iterparse(BytesIO(source), events=("start", "end"), **_OPTIONS):
            if event == "start":
                depth += 1
                yield element, depth
            else:
                depth -= 1
                element.clear()
    except etree.XMLSyntaxError as error:
        raise broken(error) from error
