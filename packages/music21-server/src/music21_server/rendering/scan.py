"""Finds parts and measures in the bytes of a MusicXML document, without building a tree of it.

A tree of 150 parts of 500 bars takes seconds and gigabytes; of the four bars that a picture shows,
milliseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, unescape

from lxml import etree

from music21_server.errors import UnreadableScoreError
from music21_server.reading.xml import as_utf8, broken, parsed

_AFTER_NAME: Final = {b" ", b">", b"\n", b"\r", b"\t", b"/"}
_ATTRIBUTES_END: Final = b"</attributes>"
_RAW_TEXT: Final = b"<![CDATA["
_OPAQUE: Final = {b"<!--": b"-->", _RAW_TEXT: b"]]>", b"<?": b"?>"}


@dataclass(frozen=True)
class ScannedPart:
    """A `<part>` of a document.

    Attributes:
        identity: Its id.
        starts: Where its `<measure>` elements begin, in bytes of the document, and where the last one ends.
    """

    identity: str
    starts: tuple[int, ...]


@dataclass(frozen=True)
class ScannedDocument:
    """A MusicXML document with the places of its measures.

    Attributes:
        source: In UTF-8, without comments.
        head: What stands before the parts: the root element with title, names and the list of parts.
        parts: In order.
    """

    source: bytes
    head: Any
    parts: tuple[ScannedPart, ...]

    def measures(self, part: ScannedPart, first: int, last: int) -> Any:
        """Return a `<part>` element with some of its measures, by index, the last one included."""
        return self._element(self.source[part.starts[first] : part.starts[last + 1]])

    def attributes_before(self, part: ScannedPart, measure: int) -> list[Any]:
        """Return all `<attributes>` of a part that stand before a measure, by its index."""
        begin, end = part.starts[0], part.starts[measure]
        pieces = []
        for at in _places(self.source, b"<attributes", begin, end):
            tag_end = self.source.find(b">", at, end)
            if self.source[tag_end - 1 : tag_end] == b"/":
                continue  # it says nothing
            until = self.source.find(_ATTRIBUTES_END, at, end)
            if until >= 0:
                pieces.append(self.source[at : until + len(_ATTRIBUTES_END)])
        return list(self._element(b"".join(pieces)))

    def _element(self, content: bytes) -> Any:
        # Prefixes that the root declares, such as xlink, may be used below.
        declared = b"".join(
            b' xmlns:%s="%s"' % (prefix.encode(), uri.encode())
            for prefix, uri in self.head.nsmap.items()
            if prefix
        )
        return _parse(b"<part%s>%s</part>" % (declared, content))


def scan(source: bytes) -> ScannedDocument:
    """Find the parts and measures of a document.

    Raises:
        UnreadableScoreError: It is no partwise MusicXML, or broken.
    """
    source = _plain(as_utf8(source))
    begins = _places(source, b"<part", 0, len(source))
    if not begins:
        raise UnreadableScoreError("Expected partwise MusicXML with at least one part, got none.")
    head = _parse(source[: begins[0]] + b"</score-partwise>")
    listed = [each.get("id", "") for each in head.iterfind("part-list/score-part")]
    found = []
    for begin, next_begin in zip(begins, [*begins[1:], len(source)], strict=True):
        ends = _places(source, b"</part", begin, next_begin)
        if ends:
            # An id that is missing is understood as the reader does.
            identity = _identity(source[begin : source.index(b">", begin)]) or next(iter(listed), "P1")
            starts = _places(source, b"<measure", begin, ends[-1])
            found.append(ScannedPart(identity, (*starts, ends[-1])))
    return ScannedDocument(source, head, tuple(found))


def _places(source: bytes, tag: bytes, begin: int, end: int) -> list[int]:
    """Return where elements of one name begin; `find` is ten times as fast as a regular expression."""
    found = []
    while (begin := source.find(tag, begin, end)) >= 0:
        begin += len(tag)
        if source[begin : begin + 1] in _AFTER_NAME:
            found.append(begin - len(tag))
    return found


def _identity(tag: bytes) -> str:
    match = re.search(rb"""\sid\s*=\s*["']([^"']*)["']""", tag)
    return unescape(match[1].decode(errors="replace")) if match else ""


def _plain(source: bytes) -> bytes:
    """Return a document without what could look like an element and be none: comments, raw text,
    instructions."""
    pieces = []
    at = 0
    places = {begin: source.find(begin) for begin in _OPAQUE}
    while found := [(place, begin) for begin, place in places.items() if place >= 0]:
        place, begin = min(found)
        inside = place + len(begin)
        end = source.find(_OPAQUE[begin], inside)
        if end < 0:
            raise UnreadableScoreError(
                f"Expected MusicXML, got {begin.decode()} without {_OPAQUE[begin].decode()} after it: the "
                f"document may "
                "be cut off."
            )
        pieces.append(source[at:place])
        if begin == _RAW_TEXT:
            pieces.append(escape(source[inside:end].decode(errors="replace")).encode())
        at = end + len(_OPAQUE[begin])
        places = {each: source.find(each, at) if 0 <= where < at else where for each, where in places.items()}
    return b"".join([*pieces, source[at:]]) if pieces else source


def _parse(source: bytes) -> Any:
    try:
        return parsed(source)
    except etree.XMLSyntaxError as error:
        raise broken(error) from error
