"""Remove slurs, hairpins and other spanners that an excerpt cuts off.

Verovio draws nonsense for a spanner with only one end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from music21_server.editing.elements import onsets, remove

_SPANNERS: Final = {
    "tie", "tied", "slur", "wedge", "dashes", "bracket", "octave-shift", "pedal", "glissando", "slide",
    "wavy-line",
    "ending", "tuplet",
}  # fmt: skip

_TIES: Final = {"tie", "tied"}
_ENDS: Final = {"stop", "discontinue"}
_MIDDLES: Final = {"continue", "change", "resume"}
_WHOLE: Final = {"let-ring"}


@dataclass(frozen=True)
class _Sign:
    """The start, the end or a middle of a spanner.

    Attributes:
        element: The XML element.
        key: Tag and number (for ties, pitch) that start and end have in common.
        measure: Index of the bar in the excerpt.
        time: Onset in divisions from the start of the bar.
    """

    element: Any
    key: tuple[str, str]
    measure: int
    time: float

    @property
    def kind(self) -> str:
        return str(self.element.get("type", ""))


def remove_open_spanners(part: Any) -> None:
    """Remove the spanners of a `<part>` that begin or end outside it, in place."""
    # In order of time: a slur may end in a voice that the document has before the one where it begins.
    signs = sorted(_signs(part), key=lambda sign: (sign.measure, sign.time))
    open_starts: dict[tuple[str, str], list[_Sign]] = defaultdict(list)
    unmatched: list[_Sign] = []
    for sign in signs:
        if sign.kind in _WHOLE:
            continue
        if sign.kind in _ENDS or sign.kind in _MIDDLES:
            if not open_starts[sign.key]:
                unmatched.append(sign)
            elif sign.kind in _ENDS:
                open_starts[sign.key].pop()
        else:
            open_starts[sign.key].append(sign)
    for sign in [*unmatched, *(sign for starts in open_starts.values() for sign in starts)]:
        remove(sign.element)


def _signs(part: Any) -> Iterator[_Sign]:
    for index, measure in enumerate(part):
        owners: dict[Any, list[Any]] = {}
        for each in measure.iter(*_SPANNERS):
            owner = each.getparent()
            while owner.getparent() is not measure:
                owner = owner.getparent()
            owners.setdefault(owner, []).append(each)
        if owners:
            # Without <backup>, document order is time order.
            is_in_order = next(measure.iterchildren("backup"), None) is None
            times = {} if is_in_order else onsets(measure)
            for owner, elements in owners.items():
                yield from _signs_of_owner(owner, elements, index, times.get(owner, 0.0))


def _signs_of_owner(owner: Any, elements: list[Any], measure: int, time: float) -> Iterator[_Sign]:
    """Yield the signs of a note, a direction or a barline."""
    if owner.tag != "note":
        for each in elements:
            yield _Sign(each, (each.tag, each.get("number", "1")), measure, time)
        return
    # A tie connects equal pitches, whatever its number.
    pitch = ""
    if any(each.tag in _TIES for each in elements):
        names = (each.text or "" for name in ("pitch", "unpitched") for each in owner.iterfind(f"{name}/*"))
        pitch = " ".join((*names, owner.findtext("staff") or ""))
    # On one note, the old spanner ends before the next one begins.
    for each in sorted(elements, key=lambda each: each.get("type") not in _ENDS):
        label = pitch if each.tag in _TIES else each.get("number", "1")
        yield _Sign(each, (each.tag, label), measure, time)
