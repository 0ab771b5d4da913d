"""Timewise MusicXML, which has parts in measures, made partwise, which has measures in parts.

The same as the stylesheet that MusicXML brings (`timepart.xsl`), a measure at a time.
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
    """Return a MusicXML document as partwise MusicXML; what is not timewise, as it came.

    Args:
        source: The document, unpacked.
        limits: How large the score may be.

    Raises:
        UnreadableScoreError: It is broken.
        TooMuchScoreError: It is beyond a limit.
    """
    content = as_utf8(source)
    return partwise(content, limits) if root_tag(content) == TIMEWISE else source


def partwise(source: bytes, limits: Limits) -> bytes:
    """Return a timewise document, in UTF-8, as a partwise one; errors as `as_partwise`."""
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
        """Take the list of parts, and what stands before it."""
        root = part_list.getparent()
        if root is None or root.tag != TIMEWISE:
            raise UnreadableScoreError(f"Expected <part-list> in <{TIMEWISE}>, got it elsewhere.")
        self._root = _attributes(root)
        # What stands behind may have been parsed as well.
        self._head = [_written(child) for child in root[: root.index(part_list) + 1]]

    def take(self, part: Any) -> None:
        """Take the measure of a part."""
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
        # Measures in which this part did not stand are empty.
        measures += (_EMPTY % start for start in self._starts[len(measures) : -1])
        content = b"".join(_written(child) for child in part)
        measures.append(b"<measure%s>%s</measure>\n" % (self._starts[-1], content))

    def document(self) -> bytes:
        """Return the document."""
        made = [
            b'<?xml version="1.0" encoding="UTF-8"?>\n<score-partwise%s>\n' % self._root,
            *self._head,
        ]
        for identity, measures in self._parts.items():
            part = etree.Element("part", id=identity)
            made += (b"<part%s>\n" % _attributes(part), *measures, b"</part>\n")
        return b"".join([*made, b"</score-partwise>\n"])


def _attributes(element: Any) -> bytes:
    """Return the attributes of an element as they stand in its tag."""
    alone = etree.Element("x", element.attrib)
    return bytes(etree.tostring(alone, encoding="utf-8"))[len(b"<x") : -len(b"/>")]


def _written(element: Any) -> bytes:
    return bytes(etree.tostring(element, encoding="utf-8", with_tail=False))
