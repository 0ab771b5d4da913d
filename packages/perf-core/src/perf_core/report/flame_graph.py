"""The flame graph of a profile in the units of an SVG, and its call tree for readers without a picture.

The outermost function is at the top, and each function stands below its caller, as wide as its share of the
samples. The colours are those of packages, so that one sees at a glance whose code ran.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from perf_core.analysis.profiles import RARE, FlameFrame, flame, name_and_file
from perf_core.report.wording import figure_value, plain
from perf_core.results.profile import Profile

WIDTH = 1200.0
ROW = 19
_CHARACTER = 6.9
"""Width of a character of the labels, which are in a font of fixed width."""

_PADDING = 3.0
_COLOURS = 6
"""Packages that have a colour of their own, those with the most samples."""

_NARROWEST = 0.6
"""Narrower rectangles are left out: on a screen they are half a pixel wide."""

_LEAST_IN_TREE = 0.005
"""Share of the samples below which the call tree leaves a function out."""


@dataclass(frozen=True)
class Box:
    """A rectangle of the flame graph.

    Attributes:
        label: As much of the function's name as fits; empty if nothing does.
        title: Name, place and shares, in full.
        colour: Number of its package's colour; None for a package without one.
    """

    x: float
    y: int
    width: float
    label: str
    title: str
    colour: int | None


@dataclass(frozen=True)
class Branch:
    """A function of the call tree with the functions that it called."""

    name: str
    place: str
    total: str
    own: str
    branches: tuple[Branch, ...]


@dataclass(frozen=True)
class FlameGraph:
    """The rectangles, the packages with their colours and shares of the samples, and the call tree."""

    boxes: tuple[Box, ...]
    height: int
    packages: tuple[tuple[int | None, str, str], ...]
    tree: tuple[Branch, ...]
    description: str


def flame_graph(profile: Profile | None) -> FlameGraph | None:
    """Return the flame graph of a profile; None without samples."""
    if profile is None or not profile.stacks:
        return None
    frames = flame(profile.stacks)
    total = sum(frame.samples for frame in frames if frame.depth == 0)
    if total <= 0:  # an edited record
        return None
    own: Counter[str] = Counter()
    for frame in frames:
        own[package_of(frame.frame)] += frame.own
    names = [name for name, samples in own.most_common(_COLOURS) if samples and name]
    colours = {name: index for index, name in enumerate(names)}
    boxes = [_box(frame, total, colours) for frame in frames if frame.samples / total * WIDTH >= _NARROWEST]
    others = 1.0 - sum(own[name] for name in names) / total
    packages: list[tuple[int | None, str, str]] = [
        (colours[name], plain(name), figure_value("share", own[name] / total)) for name in names
    ]
    if others > 0.0005:  # shown as 0 % otherwise
        packages.append((None, "others", figure_value("share", others)))
    depth = 1 + max(frame.depth for frame in frames)
    return FlameGraph(
        boxes=tuple(boxes),
        height=depth * ROW,
        packages=tuple(packages),
        tree=_branches(frames, 0, total),
        description=f"Flame graph of {len(boxes)} functions, {depth} deep; the call tree has the same.",
    )


def package_of(frame: str) -> str:
    """Return the package or the file of a frame: ``uvicorn`` of ``run (uvicorn/server.py:70)``."""
    place = name_and_file(frame)[1].rpartition(":")[0].replace("\\", "/")
    return place.lstrip("/").partition("/")[0].removesuffix(".py").strip("<>")


def _box(frame: FlameFrame, total: int, colours: dict[str, int]) -> Box:
    name, place = name_and_file(frame.frame)
    width = frame.samples / total * WIDTH
    room = int((width - 2 * _PADDING) / _CHARACTER)
    shown = plain(name)
    label = shown if len(shown) <= room else f"{shown[: room - 1]}…" if room >= 3 else ""
    share = figure_value("share", frame.samples / total)
    own = figure_value("share", frame.own / total)
    where = f", {plain(place)}" if place else ""
    return Box(
        x=round(frame.start / total * WIDTH, 2),
        y=frame.depth * ROW,
        width=round(max(width - 0.5, 0.3), 2),  # a gap between neighbours
        label=label,
        title=f"{shown}{where}: {share}, {own} of its own",
        colour=colours.get(package_of(frame.frame)),
    )


def _branches(frames: Sequence[FlameFrame], depth: int, total: int) -> tuple[Branch, ...]:
    """Return the branches of a depth, those with the most samples first.

    Args:
        frames: Frames of this depth, each followed by those that it called.
    """
    starts = [index for index, frame in enumerate(frames) if frame.depth == depth]
    ends = [*starts[1:], len(frames)][: len(starts)]
    groups = [frames[start:end] for start, end in zip(starts, ends, strict=True)]
    branches = []
    for group in sorted(groups, key=lambda each: -each[0].samples):
        frame = group[0]
        if frame.samples < _LEAST_IN_TREE * total or frame.frame == RARE:
            continue
        name, place = name_and_file(frame.frame)
        branches.append(
            Branch(
                plain(name),
                plain(place),
                figure_value("share", frame.samples / total),
                figure_value("share", frame.own / total),
                _branches(group[1:], depth + 1, total),
            )
        )
    return tuple(branches)
