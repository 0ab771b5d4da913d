"""MEI as music21 can read it: forms of MEI 4 and 5 that it drops or refuses are replaced by older ones.

MEI guidelines 4 and 5, chapters 2 (`<keySig>`, `<meterSig>`), 4 (tuplets, endings) and 11 and 12 (readings,
editorial marks).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from music21_server.reading.xml import broken

_PREFERRED: Final = {
    "app": ("lem", "rdg"),
    "choice": ("corr", "reg", "expan", "sic", "orig", "abbr"),
    "subst": ("add", "del"),
}
"""Elements that offer several readings, with the kinds of reading, the one to take first."""

_TRANSPARENT: Final = frozenset(
    {"ending", "lem", "rdg", "corr", "sic", "reg", "orig", "expan", "abbr", "supplied", "add", "unclear"}
    | {"damage"}
)
"""Elements whose content is music like any other."""

_LEFT_OUT: Final = frozenset({"del", "gap"})
_WORD_POSITIONS: Final = frozenset({"i", "m", "t"})
_RENAMED: Final = {"keysig": "key.sig", "keysig.show": "key.sig.show"}
"""Attributes that MEI 5 names anew."""

_KEY: Final = {"sig": "key.sig", "mode": "key.mode", "pname": "key.pname", "accid": "key.accid"}
_METER: Final = {"count": "meter.count", "unit": "meter.unit", "sym": "meter.sym"}
"""Attributes of elements for signatures, and of definitions for the same."""

_USUAL_TUPLET: Final = ("3", "2")
_LIMITED: Final = frozenset({"scoreDef", "staffDef"})


@dataclass(frozen=True)
class PreparedMei:
    """A document for music21, in UTF-8, and sentences about the choices made in it."""

    source: bytes
    remarks: tuple[str, ...]


def prepared(source: bytes) -> PreparedMei:
    """Return a document that music21 reads whole.

    Endings are measures like the others; of several readings the preferred one is taken, deleted music is
    left out; signatures that are elements become attributes.

    Raises:
        UnreadableScoreError: The document is not XML.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(source, parser)
    except etree.XMLSyntaxError as error:
        raise broken(error) from error
    counts: Counter[str] = Counter()
    # Inner elements first, so that an ending within a reading is unwrapped with it.
    for element in reversed(list(root.iter(etree.Element))):
        _prepare(element, counts)
    return PreparedMei(etree.tostring(root, encoding="utf-8"), _remarks(counts))


def _prepare(element: Any, counts: Counter[str]) -> None:
    tag = etree.QName(element).localname
    for new, old in _RENAMED.items():
        if element.get(new) is not None and element.get(old) is None:
            element.set(old, element.get(new))
    if tag in _LIMITED:
        _signatures_as_attributes(element)
    elif tag == "syl" and element.get("wordpos") not in (None, *_WORD_POSITIONS):
        del element.attrib["wordpos"]
    elif tag == "tuplet":
        _complete_tuplet(element)
    elif tag in _PREFERRED:
        _choose(element, _PREFERRED[tag], counts)
    elif element.getparent() is not None and tag in _LEFT_OUT:
        counts["deleted"] += tag == "del"
        element.getparent().remove(element)
    elif element.getparent() is not None and tag in _TRANSPARENT and not _is_reading(element):
        counts[tag] += 1
        _unwrap(element)


def _is_reading(element: Any) -> bool:
    """Return whether an element is one of several readings, of which its parent chooses."""
    return etree.QName(element.getparent()).localname in _PREFERRED


def _signatures_as_attributes(element: Any) -> None:
    for child in list(element):
        tag = etree.QName(child).localname
        if tag == "keySig":
            _move(child, element, _KEY)
        elif tag == "meterSig":
            _move(child, element, _METER)


def _move(child: Any, element: Any, names: dict[str, str]) -> None:
    for own, attribute in names.items():
        value = child.get(own) or (child.get("keysig") if own == "sig" else None)
        if value is not None and element.get(attribute) is None:
            element.set(attribute, value)
    element.remove(child)


def _complete_tuplet(element: Any) -> None:
    """Give a tuplet without numbers the ones that its notes suggest: 3 in the time of 2."""
    if element.get("num") is None:
        element.set("num", _USUAL_TUPLET[0])
    if element.get("numbase") is None:
        element.set("numbase", _USUAL_TUPLET[1])


def _choose(element: Any, kinds: tuple[str, ...], counts: Counter[str]) -> None:
    children = list(element)
    chosen = next(
        (child for kind in kinds for child in children if etree.QName(child).localname == kind), None
    )
    counts["readings"] += len(children) > 1
    for child in children:
        if child is not chosen:
            element.remove(child)
    if chosen is not None and etree.QName(chosen).localname not in _LEFT_OUT:
        _unwrap(chosen)
    elif chosen is not None:
        element.remove(chosen)
    if element.getparent() is not None:
        _unwrap(element)


def _unwrap(element: Any) -> None:
    """Put the children of an element in its place."""
    parent = element.getparent()
    place = parent.index(element)
    parent[place : place + 1] = list(element)


def _remarks(counts: Counter[str]) -> tuple[str, ...]:
    remarks = []
    if counts["ending"]:
        remarks.append(f"Endings, read one after the other: {counts['ending']:,}.")
    if counts["readings"]:
        remarks.append(
            "Places with several readings, of which lemma, correction or regularisation was taken, or else "
            f"the first: {counts['readings']:,}."
        )
    if counts["deleted"]:
        remarks.append(f"Deletions, left out: {counts['deleted']:,}.")
    return tuple(remarks)
