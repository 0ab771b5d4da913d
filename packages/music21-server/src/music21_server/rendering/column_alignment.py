"""Align pictures of the same bars on different staves, so that simultaneous notes share a column.

Each picture requires a certain distance from one moment to the next; the common columns are the narrowest
that satisfy all pictures. Everything between two columns moves with the left one. Only shapes that span
columns, such as lines, beams and slurs, are stretched.
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

BAR_END: Final = 1 << 62
"""Ticks of the barline at the end of a bar."""

_MIN_DISTANCE: Final = 100.0
"""Least distance of two columns in Verovio's unit, as all lengths here; a notehead is 217 wide."""

_MAX_OVERHANG: Final = 55.0
"""Distance to the left of a column within which shapes belong to it; ledger lines begin there."""

_G: Final = "{http://www.w3.org/2000/svg}g"
_TRANSLATION: Final = re.compile(r"translate\((-?[\d.]+)")
_PAIR: Final = re.compile(r"(-?[\d.]+)([ ,]+)(-?[\d.]+)")
_START_NOTE: Final = "data-startid"
_MOVED_WHOLE: Final = {"note", "chord", "rest"}
_MOVED_WITH_NOTES: Final = {"beam", "tuplet"}

Positions = dict[Moment, float]
"""Horizontal position of each column."""


def column_positions(system: Any) -> Positions:
    """Return the positions of all moments of a picture: its start, notes, rests and barlines.

    Args:
        system: Element of Verovio's SVG that contains the bars.

    Returns:
        Positions in order of time; empty if a bar has no staff lines or another number of staves.
    """
    all_x: dict[Moment, list[float]] = defaultdict(list)
    measures = measures_in(system)
    if len({len(staves_in(measure)) for measure in measures}) != 1:
        return {}
    for index, measure in enumerate(measures):
        ends = _line_ends(measure)
        if ends is None:
            return {}
        if index == 0:
            all_x[Moment(0, -1)].append(ends[0])
        all_x[Moment(index, BAR_END)].append(ends[1])
        for group in measure.iter(_G):
            moment = moment_of(group.get("id", ""))
            if moment and _kind(group) in _MOVED_WHOLE and not is_grace(group.get("id")):
                use = next(group.iter("{*}use"), None)
                match = _TRANSLATION.match(use.get("transform", "")) if use is not None else None
                if match:
                    all_x[moment].append(float(match[1]))
    positions: Positions = {}
    latest = float("-inf")
    for moment, xs in sorted(all_x.items()):
        latest = positions[moment] = max(latest, sorted(xs)[len(xs) // 2])
    return positions


def measures_in(system: Any) -> list[Any]:
    """Return the bars of a system."""
    return [each for each in system.iterchildren(_G) if _kind(each) == "measure"]


def common_positions(pictures: Sequence[Positions]) -> Positions:
    """Return columns for all pictures; the first is that of the picture with the longest instrument names."""
    needs: dict[Moment, list[tuple[Moment, float]]] = defaultdict(list)
    for positions in pictures:
        for (before, left), (moment, x) in pairwise(positions.items()):
            needs[moment].append((before, x - left))
    start = Moment(0, -1)
    common = {start: max(positions[start] for positions in pictures)}
    latest = common[start]
    for moment in sorted(needs):
        least = [common[before] + distance for before, distance in needs[moment]]
        latest = common[moment] = max(latest + _MIN_DISTANCE, *least)
    return common


@dataclass(frozen=True)
class _Columns:
    """Left edges of columns and the shift of each."""

    edges: tuple[float, ...]
    shifts: tuple[float, ...]

    def shift(self, x: float) -> float:
        return self.shifts[max(0, bisect_right(self.edges, x) - 1)]


def move_to_columns(system: Any, positions: Positions, common: Mapping[Moment, float]) -> None:
    """Move the contents of a picture to common columns.

    Args:
        system: Element with the bars, changed in place.
        positions: Present columns.
        common: Columns to move to.
    """
    shifts = {moment: common[moment] - x for moment, x in positions.items()}
    edges: dict[Moment, float] = {}
    before = float("-inf")
    for moment, x in positions.items():
        edges[moment] = x - min(_MAX_OVERHANG, (x - before) / 2)
        before = x
    barlines = [moment for moment in positions if moment.ticks in (-1, BAR_END)]
    measures = measures_in(system)
    staves = [staves_in(measure) for measure in measures]
    by_staff = [
        _columns(
            {*barlines, *(moment for each in bars_of_staff for moment in _moments(each, shifts))},
            edges,
            shifts,
        )
        for bars_of_staff in zip(*staves, strict=True)
    ]
    first_shifts: dict[int, float] = {}
    for moment in positions:
        if moment.ticks != -1:
            first_shifts.setdefault(moment.measure, shifts[moment])
    middle_shifts = {
        index: (shift + shifts[Moment(index, BAR_END)]) / 2 for index, shift in first_shifts.items()
    }
    mover = _Mover(edges, shifts, middle_shifts)
    staff_by_id = {
        each.get("id"): index
        for staves_of_bar in staves
        for index, staff in enumerate(staves_of_bar)
        for each in staff.iter(_G)
    }
    for child in system:
        if child not in measures:
            mover.element(child, _columns(barlines, edges, shifts))
    for measure, staves_of_bar in zip(measures, staves, strict=True):
        heights = [_middle(staff) for staff in staves_of_bar]
        for staff, columns in zip(staves_of_bar, by_staff, strict=True):
            mover.group(staff, columns)
        for child in measure:
            if child not in staves_of_bar:
                index = staff_by_id.get(child.get(_START_NOTE, "").removeprefix("#"))
                mover.element(child, by_staff[_nearest(child, heights) if index is None else index])


def _columns(
    moments: Iterable[Moment], edges: Mapping[Moment, float], shifts: Mapping[Moment, float]
) -> _Columns:
    ordered = sorted(moments)
    return _Columns(tuple(edges[each] for each in ordered), tuple(shifts[each] for each in ordered))


@dataclass(frozen=True)
class _Mover:
    """Moves SVG elements, given the left edge and shift of each column and the shift of each bar's middle."""

    edges: Mapping[Moment, float]
    shifts: Mapping[Moment, float]
    middle_shifts: Mapping[int, float]

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
        elif kind == "mRest" and (moment := moment_of(element.get("id", ""))):
            element.set("transform", f"translate({self.middle_shifts[moment.measure]:.0f}, 0)")
        elif kind in _MOVED_WITH_NOTES and (moments := set(_moments(element, self.shifts))):
            # Only the columns of its own notes: a stem may overlap the next column of another voice.
            self.group(element, _columns(moments, self.edges, self.shifts))
        else:
            self.group(element, columns)


def _moments(group: Any, columns: Container[Moment]) -> Iterator[Moment]:
    """Yield the moments of the notes and rests in a group that have a column."""
    for each in group.iter(_G):
        moment = moment_of(each.get("id", ""))
        if moment is not None and moment in columns:
            yield moment


def _kind(group: Any) -> str:
    return str(group.get("class", "")).partition(" ")[0]


def staves_in(measure: Any) -> list[Any]:
    """Return the staves of a bar."""
    return [each for each in measure.iterchildren(_G) if _kind(each) == "staff"]


def outer_lines(staff: Any) -> tuple[float, float] | None:
    """Return the vertical positions of the top and bottom line of a staff."""
    pairs = [_PAIR.search(path.get("d", "")) for path in staff.iterchildren("{*}path")]
    heights = [float(pair[3]) for pair in pairs if pair]
    return (heights[0], heights[-1]) if heights else None


def _middle(staff: Any) -> float:
    top, bottom = outer_lines(staff) or (math.inf, math.inf)
    return (top + bottom) / 2


def _nearest(group: Any, heights: Sequence[float]) -> int:
    """Return the index of the staff nearest to a group of shapes."""
    for shape in group.iter():
        pair = _PAIR.search(shape.get("d") or shape.get("points") or shape.get("transform") or "")
        y = pair[3] if pair else shape.get("y")
        if y is not None:
            distances = [abs(height - float(y)) for height in heights]
            return distances.index(min(distances))
    return 0


def _line_ends(measure: Any) -> tuple[float, float] | None:
    """Return where the staff lines of a bar begin and end horizontally."""
    for staff in measure.iterchildren(_G):
        for path in staff.iterchildren("{*}path"):
            points = _PAIR.findall(path.get("d", ""))
            return float(points[0][0]), float(points[-1][0])
    return None


def _move_shape(shape: Any, columns: _Columns) -> None:
    kind = shape.tag.rpartition("}")[2]
    if kind == "use":
        match = _TRANSLATION.match(shape.get("transform", ""))
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
    """Shift the outermost points with their columns and interpolate the others."""
    xs = [float(pair[0]) for pair in _PAIR.findall(points)]
    if not xs:
        return points
    left, right = min(xs), max(xs)
    at_left, at_right = columns.shift(left), columns.shift(right)
    slope = (at_right - at_left) / (right - left) if right > left else 0.0

    def moved(pair: re.Match[str]) -> str:
        x = float(pair[1])
        return f"{x + at_left + slope * (x - left):.0f}{pair[2]}{pair[3]}"

    return _PAIR.sub(moved, points)
