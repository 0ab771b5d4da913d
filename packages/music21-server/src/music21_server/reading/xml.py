"""XML from strangers, a piece at a time.

Nothing is fetched, entities are refused, and what has been read is forgotten, so that memory follows the
largest piece and not the document.
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
"""Between the ends of two pieces. A tree takes up to forty times as much memory as its text; the fullest bar
of one part that anybody has written takes some 100 kB."""

_READ_BYTES: Final = 1 << 14
_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
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
    """Return a document in UTF-8, whatever it was in.

    Raises:
        UnreadableScoreError: Its encoding is unknown, or not what it says, or it declares entities: they can
            make gigabytes of a few lines, and no notation program writes them.
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
            source = _recoded(source, name)
    if b"<!ENTITY" in source:
        raise UnreadableScoreError(
            "Expected XML without entity declarations, got <!ENTITY ...>: "
            "write the text itself in their place."
        )
    return source


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
        UnreadableScoreError: It is no XML.
    """
    try:
        for _, element in etree.iterparse(BytesIO(source), events=("start",), chunk_size=1024, **_OPTIONS):
            return str(element.tag)
    except etree.XMLSyntaxError as error:
        raise broken(error) from error
    raise UnreadableScoreError("Expected XML, got an empty document.")


def broken(error: etree.XMLSyntaxError) -> UnreadableScoreError:
    """Return the error for XML that is none."""
    return UnreadableScoreError(f"Expected well-formed XML, got: {error.msg}. The document may be cut off.")


class Feed:
    """Hands a document to the parser, and counts how much of it since the last piece.

    Attributes:
        position: Bytes of the document that have been handed over.
    """

    def __init__(self, source: bytes, most_bytes: int | None = None) -> None:
        """Begin with a document.

        Args:
            source: In UTF-8.
            most_bytes: Between two pieces; eight megabytes if nothing is said.
        """
        self._source = source
        self._most = LARGEST_PIECE_BYTES if most_bytes is None else most_bytes
        self._piece_position = 0
        self.position = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes, about as many; none at the end.

        Raises:
            TooMuchScoreError: There have been too many since the last piece.
        """
        following = self._next(size)
        if self.position - self._piece_position > self._most:
            raise TooMuchScoreError(
                f"The document has more than {self._most:,} bytes without a bar line, which is no "
                "music: send the score without embedded pictures or other data."
            )
        return following

    def _next(self, size: int) -> bytes:
        following = self._source[self.position : self.position + size]
        self.position += size  # also at the end
        return following

    def take_piece(self) -> None:
        """Begin to count anew."""
        self._piece_position = self.position


def pieces(feed: Feed, tags: Collection[str]) -> Iterator[Any]:
    """Yield elements with one of some tags as they end; they are forgotten afterwards.

    That elements end is told by the parser in half the time that it needs to tell that they begin as well.

    Args:
        feed: The document.
        tags: Of the elements.

    Raises:
        UnreadableScoreError: It is no XML.
        TooMuchScoreError: It has more than eight megabytes without such an element.
    """
    events = etree.iterparse(feed, events=("end",), tag=tuple(tags), chunk_size=_READ_BYTES, **_OPTIONS)
    try:
        for _, element in events:
            yield element
            feed.take_piece()
            element.clear()
            parent = element.getparent()
            if parent is not None:
                # Everything before it, so that what nobody asked for goes as well.
                del parent[: parent.index(element)]
    except etree.XMLSyntaxError as error:
        raise broken(error) from error


def parsed(source: bytes) -> Any:
    """Return the root of a small document in UTF-8.

    Raises:
        XMLSyntaxError: It is no XML.
    """
    return etree.fromstring(source, etree.XMLParser(**_OPTIONS))


def text_of(element: Any) -> str:
    """Return the text of an element; nothing for one that is not there."""
    return "" if element is None or element.text is None else str(element.text).strip()
