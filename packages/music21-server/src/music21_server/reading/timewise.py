"""Conversion of timewise MusicXML (parts in measures) to partwise MusicXML (measures in parts).

Gives the result of the stylesheet in the MusicXML distribution (`timepart.xsl`), one measure at a time.
"""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from music21_server.errors import UnreadableScoreError
from music21_server.reading.xml import Feed, as_utf8, pieces, root_tag
from music21_server.score.limits import Limits

TIMEWISE: Final = "score-timewise"
_EMPTY: Final = b"<measure%s></measure>\n"


def as_partwise(source: bytes, limits: Limits) -> bytes:
    """Return a MusicXML document as partwise MusicXML; one that is not timewise is returned unchanged.

    Args:
        source: The document, unpacked.

    Raises:
        UnreadableScoreError: The document is broken.
        TooMuchScoreError: The score exceeds a limit.
    """
    content = as_utf8(source)
    return partwise(content, limits) if root_tag(content) == TIMEWISE else source


def partwise(source: bytes, limits: Limits) -> bytes:
    """Return a timewise document, in UTF-8, as a partwise one; errors as in `as_partwise`."""
    score = _Parts(limits)
    for element in pieces(Feed(source), ("part-list", "part", "measure")):
        if element.tag == "part-list":
            score.take_head(element)
        elif element.tag == "part":
            score.take(element)
    return score.document()


class _Parts:
    """Collects the measures of each part."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._head: list[bytes] = []
        self._root: bytes = b""
        self._measure: Any = None
        self._starts: list[bytes] = []  # attributes of the measures so far
        self._parts: dict[str, list[bytes]] = {}

    def take_head(self, part_list: Any) -> None:
        """Take the part list and the elements before it."""
        root = part_list.getparent()
        if root is None or root.tag != TIMEWISE:
            raise UnreadableScoreError(f"Expected <part-list> in <{TIMEWISE}>, got it elsewhere.")
        self._root = _attributes(root)
        # The parser may be past the part list already.
        self._head = [_serialized(child) for child in root[: root.index(part_list) + 1]]

    def take(self, part: Any) -> None:
        """Take one measure of one part."""
        measure = part.getparent()
        if measure is None or measure.tag != "measure" or measure.getparent().tag != TIMEWISE:
            raise UnreadableScoreError(
                f"Expected <measure> in <{TIMEWISE}> and <part> in <measure>, got <part> elsewhere."
            )
        if measure is not self._measure:
            self._measure = measure
            self._starts.append(_attributes(measure))
            self._limits.check("max_measures", len(self._starts))
        measures = self._parts.setdefault(part.get("id", ""), [])
        self._limits.check("max_parts", len(self._parts))
        # Each measure of each part has a rest at least.
        self._limits.check("max_notes", len(self._parts) * len(self._starts))
        # Measures without this part are empty.
        measures += (_EMPTY % start for start in self._starts[len(measures) : -1])
        content = b"".join(_serialized(child) for child in part)
        measures.append(b"<measure%s>%s</measure>\n" % (self._starts[-1], content))

    def document(self) -> bytes:
        """Return the partwise document."""
        lines = [
            b'<?xml version="1.0" encoding="UTF-8"?>\n<score-partwise%s>\n' % self._root,
            *self._head,
        ]
        for identity, measures in self._parts.items():
            part = etree.Element("part", id=identity)
            lines += (b"<part%s>\n" % _attributes(part), *measures, b"</part>\n")
        return b"".join([*lines, b"</score-partwise>\n"])


def _attributes(element: Any) -> bytes:
    """Return the attributes of an element as they appear in its tag."""
    alone = etree.Element("x", element.attrib)
    return bytes(etree.tostring(alone, encoding="utf-8"))[len(b"<x") : -len(b"/>")]


def _serialized(element: Any) -> bytes:
    return bytes(etree.tostring(element, encoding="utf-8", with_tail=False))
