"""Slurs, hairpins and other signs with two ends: those that lack one are removed from an excerpt.

Verovio draws nothing sensible for an open one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_SPANNERS: Final = {
    "tie", "tied", "slur", "wedge", "dashes", "bracket", "octave-shift", "pedal", "glissando", "slide",
    "wavy-line",
    "ending", "tuplet",
}  # fmt: skip

_TIES: Final = {"tie", "tied"}
_ENDS: Final = {"stop", "discontinue"}
_MIDDLES: Final = {"continue", "change", "resume"}
_WHOLE: Final = {"let-ring"}

_EMPTY_WITHOUT: Final = {"direction-type", "direction", "ornaments", "notations"}
"""Elements that mean nothing, or are wrong, without what was in them."""


@dataclass(frozen=True)
class _Sign:
    """One end, or the middle, of a spanner.

    Attributes:
        element: The element.
        key: What its two ends have in common.
        measure: Index of the bar in the excerpt.
        time: Divisions since the beginning of the bar.
    """

    element: Any
    key: tuple[str, str]
    measure: int
    time: float

    @property
    def kind(self) -> str:
        return str(self.element.get("type", ""))


def remove_open_spanners(part: Any) -> None:
    """Remove the signs of a part that begin or end outside of it.

    Args:
        part: The element, which is changed.
    """
    # By time, as a slur may end in a voice that stands in the document before that in which it begins.
    signs = sorted(_signs(part), key=lambda sign: (sign.measure, sign.time))
    open_ends: dict[tuple[str, str], list[_Sign]] = defaultdict(list)
    lone: list[_Sign] = []
    for sign in signs:
        if sign.kind in _WHOLE:
            continue
        if sign.kind in _ENDS or sign.kind in _MIDDLES:
            if not open_ends[sign.key]:
                lone.append(sign)
            elif sign.kind in _ENDS:
                open_ends[sign.key].pop()
        else:
            open_ends[sign.key].append(sign)
    for sign in [*lone, *(sign for signs in open_ends.values() for sign in signs)]:
        _remove(sign.element)


def _signs(part: Any) -> Iterator[_Sign]:
    for index, measure in enumerate(part):
        owners: dict[Any, list[Any]] = {}
        for each in measure.iter(*_SPANNERS):
            owner = each.getparent()
            while owner.getparent() is not measure:
                owner = owner.getparent()
            owners.setdefault(owner, []).append(each)
        if owners:
            # Without steps back, what stands in order comes in order.
            is_in_order = next(measure.iterchildren("backup"), None) is None
            times = {} if is_in_order else _times(measure)
            for owner, found in owners.items():
                yield from _of_owner(owner, found, index, times.get(owner, 0.0))


def _times(measure: Any) -> dict[Any, float]:
    """Return the divisions since the beginning of the bar at which its elements stand."""
    times = {}
    now = chord = 0.0
    for child in measure:
        duration = _number(child.findtext("duration"))
        times[child] = now
        if child.tag == "note":
            if child.find("chord") is None:
                chord = now
                now += 0.0 if child.find("grace") is not None else duration
            times[child] = chord
        elif child.tag == "backup":
            now -= duration
        elif child.tag == "forward":
            now += duration
    return times


def _of_owner(owner: Any, found: list[Any], measure: int, time: float) -> Iterator[_Sign]:
    """Yield the signs of a note, a direction or a barline."""
    if owner.tag != "note":
        for each in found:
            yield _Sign(each, (each.tag, each.get("number", "1")), measure, time)
        return
    # A tie goes from pitch to pitch, whatever its number.
    pitch = ""
    if any(each.tag in _TIES for each in found):
        names = (each.text or "" for name in ("pitch", "unpitched") for each in owner.iterfind(f"{name}/*"))
        pitch = " ".join((*names, owner.findtext("staff") or ""))
    # What ends on a note ends before the next begins on it.
    for each in sorted(found, key=lambda each: each.get("type") not in _ENDS):
        mark = pitch if each.tag in _TIES else each.get("number", "1")
        yield _Sign(each, (each.tag, mark), measure, time)


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def _remove(element: Any) -> None:
    """Remove an element, and what is empty without it."""
    parent = element.getparent()
    parent.remove(element)
    while parent.tag in _EMPTY_WITHOUT and not _means_something(parent):
        element, parent = parent, parent.getparent()
        parent.remove(element)


def _means_something(element: Any) -> bool:
    if element.tag == "direction":
        return element.find("direction-type") is not None
    return len(element) > 0
