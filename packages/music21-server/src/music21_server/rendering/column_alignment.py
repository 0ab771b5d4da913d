"""Pictures of the same bars in other staves: what begins together comes to stand in one column.

Each picture says how much room it needs from one moment to the next; the common columns are the closest
that give each its room. What stands from one column to the next is moved with it. Nothing changes its shape
but what reaches over columns, as lines, beams and slurs do.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from music21_server.rendering.staff_groups import Moment, is_grace, moment_of

END: Final = 1 << 62
"""Ticks of the barline at the end of a bar."""

_CLOSEST: Final = 100.0
"""Between two columns, in the unit of all lengths here, Verovio's: a head of a note is 217 wide."""

_REACH: Final = 55.0
"""So far to the left of its column a sign belongs to it, if there is room: ledger lines begin there."""

_G: Final = "{http://www.w3.org/2000/svg}g"
_PLACE: Final = re.compile(r"translate\((-?[\d.]+)")
_PAIR: Final = re.compile(r"(-?[\d.]+)([ ,]+)(-?[\d.]+)")
_NOTE_AT_START: Final = "data-startid"
_MOVED_WHOLE: Final = {"note", "chord", "rest"}
_OF_THEIR_NOTES: Final = {"beam", "tuplet"}

Places = dict[Moment, float]
"""Where columns are, from the left."""


def places_of(system: Any) -> Places:
    """Return where the moments of a picture are: the beginning, notes, rests, and barlines.

    Args:
        system: The element of Verovio's SVG that holds the bars.

    Returns:
        In order of time; empty if a bar has no staff lines, or not as many staves as the others.
    """
    found: dict[Moment, list[float]] = defaultdict(list)
    measures = measures_of(system)
    if len({len(staves_of(measure)) for measure in measures}) != 1:
        return {}
    for index, measure in enumerate(measures):
        ends = _ends(measure)
        if ends is None:
            return {}
        if index == 0:
            found[Moment(0, -1)].append(ends[0])
        found[Moment(index, END)].append(ends[1])
        for group in measure.iter(_G):
            moment = moment_of(group.get("id", ""))
            if moment and _kind(group) in _MOVED_WHOLE and not is_grace(group.get("id")):
                use = next(group.iter("{*}use"), None)
                match = _PLACE.match(use.get("transform", "")) if use is not None else None
                if match:
                    found[moment].append(float(match[1]))
    places: Places = {}
    latest = float("-inf")
    for moment, all_x in sorted(found.items()):
        latest = places[moment] = max(latest, sorted(all_x)[len(all_x) // 2])
    return places


def measures_of(system: Any) -> list[Any]:
    """Return the bars of a system."""
    return [each for each in system.iterchildren(_G) if _kind(each) == "measure"]


def common_places(pictures: Sequence[Places]) -> Places:
    """Return columns for all pictures; the first is where it is in the picture with the longest names."""
    needs: dict[Moment, list[tuple[Moment, float]]] = defaultdict(list)
    for places in pictures:
        for (before, left), (moment, x) in pairwise(places.items()):
            needs[moment].append((before, x - left))
    start = Moment(0, -1)
    common = {start: max(places[start] for places in pictures)}
    latest = common[start]
    for moment in sorted(needs):
        rooms = [common[before] + room for before, room in needs[moment]]
        latest = common[moment] = max(latest + _CLOSEST, *rooms)
    return common


@dataclass(frozen=True)
class _Columns:
    """Where columns of a picture begin, and by how much they move."""

    begins: tuple[float, ...]
    shifts: tuple[float, ...]

    def shift(self, x: float) -> float:
        return self.shifts[max(0, bisect_right(self.begins, x) - 1)]


def move(system: Any, places: Places, common: Mapping[Moment, float]) -> None:
    """Move what stands in a picture to the common columns.

    Args:
        system: The element, which is changed.
        places: Where its columns are.
        common: Where they shall be.
    """
    shifts = {moment: common[moment] - x for moment, x in places.items()}
    begins: dict[Moment, float] = {}
    before = float("-inf")
    for moment, x in places.items():
        begins[moment] = x - min(_REACH, (x - before) / 2)
        before = x
    barlines = [moment for moment in places if moment.ticks in (-1, END)]
    measures = measures_of(system)
    staves = [staves_of(measure) for measure in measures]
    by_staff = [
        _columns(
            {*barlines, *(moment for each in of_bars for moment in _moments(each, shifts))}, begins, shifts
        )
        for of_bars in zip(*staves, strict=True)
    ]
    middles: dict[int, float] = {}
    for moment in places:
        if moment.ticks != -1:
            middles.setdefault(moment.measure, shifts[moment])
    middles = {index: (shift + shifts[Moment(index, END)]) / 2 for index, shift in middles.items()}
    mover = _Mover(begins, shifts, middles)
    staff_of = {
        each.get("id"): index
        for in_bar in staves
        for index, staff in enumerate(in_bar)
        for each in staff.iter(_G)
    }
    for child in system:
        if child not in measures:
            mover.element(child, _columns(barlines, begins, shifts))
    for measure, in_bar in zip(measures, staves, strict=True):
        heights = [_middle(staff) for staff in in_bar]
        for staff, columns in zip(in_bar, by_staff, strict=True):
            mover.group(staff, columns)
        for child in measure:
            if child not in in_bar:
                begin = staff_of.get(child.get(_NOTE_AT_START, "").removeprefix("#"))
                mover.element(child, by_staff[_nearest(child, heights) if begin is None else begin])


def _columns(
    moments: Iterable[Moment], begins: Mapping[Moment, float], shifts: Mapping[Moment, float]
) -> _Columns:
    ordered = sorted(moments)
    return _Columns(tuple(begins[each] for each in ordered), tuple(shifts[each] for each in ordered))


@dataclass(frozen=True)
class _Mover:
    begins: Mapping[Moment, float]
    shifts: Mapping[Moment, float]
    middles: Mapping[int, float]

    def group(self, group: Any, columns: _Columns) -> None:
        for child in group:
            self.element(child, columns)

    def element(self, element: Any, columns: _Columns) -> None:
        if element.tag != _G:
            _move_shape(element, columns)
            return
        kind = _kind(element)
        if kind in _MOVED_WHOLE and (moment := next(_moments(element, self.shifts), None)):
            element.set("transform", f"translate({self.shifts[moment]:.0f}, 0)")
        elif kind == "mRest" and (of_bar := moment_of(element.get("id", ""))):
            element.set("transform", f"translate({self.middles[of_bar.measure]:.0f}, 0)")
        elif kind in _OF_THEIR_NOTES and (own := set(_moments(element, self.shifts))):
            # The stem of the one may stand where in other voices the next has begun.
            self.group(element, _columns(own, self.begins, self.shifts))
        else:
            self.group(element, columns)


def _moments(group: Any, known: Container[Moment]) -> Iterator[Moment]:
    """Return when the notes and rests of a group begin."""
    for each in group.iter(_G):
        moment = moment_of(each.get("id", ""))
        if moment is not None and moment in known:
            yield moment


def _kind(group: Any) -> str:
    return str(group.get("class", "")).partition(" ")[0]


def staves_of(measure: Any) -> list[Any]:
    """Return the staves of a bar."""
    return [each for each in measure.iterchildren(_G) if _kind(each) == "staff"]


def lines_of(staff: Any) -> tuple[float, float] | None:
    """Return where the first and the last line of a staff are, from above."""
    pairs = [_PAIR.search(path.get("d", "")) for path in staff.iterchildren("{*}path")]
    heights = [float(pair[3]) for pair in pairs if pair]
    return (heights[0], heights[-1]) if heights else None


def _middle(staff: Any) -> float:
    top, bottom = lines_of(staff) or (math.inf, math.inf)
    return (top + bottom) / 2


def _nearest(group: Any, heights: Sequence[float]) -> int:
    """Return the index of the staff that a sign is closest to."""
    for shape in group.iter():
        pair = _PAIR.search(shape.get("d") or shape.get("points") or shape.get("transform") or "")
        y = pair[3] if pair else shape.get("y")
        if y is not None:
            distances = [abs(height - float(y)) for height in heights]
            return distances.index(min(distances))
    return 0


def _ends(measure: Any) -> tuple[float, float] | None:
    """Return where the lines of a bar's first staff begin and end."""
    for staff in measure.iterchildren(_G):
        for path in staff.iterchildren("{*}path"):
            points = _PAIR.findall(path.get("d", ""))
            return float(points[0][0]), float(points[-1][0])
    return None


def _move_shape(shape: Any, columns: _Columns) -> None:
    kind = shape.tag.rpartition("}")[2]
    if kind == "use":
        match = _PLACE.match(shape.get("transform", ""))
        if match:
            x = float(match[1])
            shape.set(
                "transform", f"translate({x + columns.shift(x):.0f}{shape.get('transform')[match.end() :]}"
            )
    elif kind in ("path", "polygon", "polyline"):
        name = "d" if kind == "path" else "points"
        shape.set(name, _moved_points(shape.get(name, ""), columns))
    elif kind == "rect":
        left, width = float(shape.get("x", 0)), float(shape.get("width", 0))
        right = left + width + columns.shift(left + width)
        left += columns.shift(left)
        shape.set("x", f"{left:.0f}")
        shape.set("width", f"{right - left:.0f}")
    else:
        name = "cx" if kind == "ellipse" else "x"
        for each in shape.iter():
            if each.get(name):
                x = float(each.get(name))
                each.set(name, f"{x + columns.shift(x):.0f}")


def _moved_points(points: str, columns: _Columns) -> str:
    """Return points with both ends moved as their columns are, and the others in proportion."""
    every_x = [float(pair[0]) for pair in _PAIR.findall(points)]
    if not every_x:
        return points
    left, right = min(every_x), max(every_x)
    at_left, at_right = columns.shift(left), columns.shift(right)
    slope = (at_right - at_left) / (right - left) if right > left else 0.0

    def moved(pair: re.Match[str]) -> str:
        x = float(pair[1])
        return f"{x + at_left + slope * (x - left):.0f}{pair[2]}{pair[3]}"

    return _PAIR.sub(moved, points)
