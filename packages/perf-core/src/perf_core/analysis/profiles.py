"""From the stacks that py-spy recorded to the functions that used the CPU; pure functions.

py-spy's raw format has one line for each stack and its number of samples, outermost frame first::

    process 7:"python -m shop";main (shop/app.py:3);total (shop/cart.py:12) 41

It begins with the processes above and of the stack, if child processes are sampled, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from perf_core.results.profile import ProfiledFunction

MOST_FUNCTIONS = 25

RARE = "(rare)"
"""Stands for frames that were seen too rarely to be shown one by one."""

RARE_SHARE = 0.001
"""Share of all samples below which a frame is rare: narrower than a pixel of the flame graph."""

MOST_DEPTH = 150
"""Frames of a stack that are kept; a function that calls itself without end fills no page."""

_WAITS = frozenset(
    {
        *(("wait", "threading.py"), ("_wait_for_tstate_lock", "threading.py")),
        *(("select", "selectors.py"), ("_recv", "connection.py"), ("_try_wait", "subprocess.py")),
    }
)
"""Functions of the standard library that wait, with their files."""

_FIRST_PROCESS = re.compile(r'(?m)^(?=process \d+:")')
_PROCESSES = re.compile(r'(?:^|";)process (\d+):"')


@dataclass(frozen=True)
class Stack:
    """Frames from the outermost to the one that ran, such as ``add (shop/cart.py:12)``."""

    frames: tuple[str, ...]
    samples: int
    pid: int | None = None


def read_stacks(text: str) -> Iterator[Stack]:
    """Yield the stacks in py-spy's raw format; lines that are none are left out.

    The command lines of processes, which may hold secrets, are dropped.
    """
    # A command line may have several lines.
    lines = _FIRST_PROCESS.split(text) if text.startswith("process ") else text.splitlines()
    for line in lines:
        stack, _, samples = line.rstrip("\r\n").rpartition(" ")
        if not stack or not samples.isdigit():
            continue
        pid = None
        if stack.startswith("process "):
            # A command line may hold anything, also what looks like a frame; frames end with a bracket.
            head, _, stack = f"{stack};".rpartition('";')
            pids = _PROCESSES.findall(f'{head}";')
            pid = int(pids[-1]) if pids else None
        frames = tuple(frame for frame in stack.rstrip(";").split(";") if frame)
        yield Stack(frames, int(samples), pid)


def of_server(stacks: Iterable[Stack], apart: Collection[int]) -> list[Stack]:
    """Return the stacks of a server that ran.

    A thread that waits in the kernel is woken by the stop of its process, and seems to run until it has gone
    back to wait. py-spy leaves such stacks out by the names of their functions, but not the qualified names
    that Python has had since 3.11.

    Args:
        apart: Processes that are none of the server's, such as the bridge to one on stdio.
    """
    return [
        stack
        for stack in stacks
        if stack.frames and stack.pid not in apart and not _is_waiting(stack.frames[-1])
    ]


def _is_waiting(frame: str) -> bool:
    name, place = name_and_file(frame)
    file = place.rpartition(":")[0].replace("\\", "/").rpartition("/")[2]
    return (name.rpartition(".")[2], file) in _WAITS


def merged(stacks: Sequence[Stack]) -> tuple[str, ...]:
    """Return the stacks of all processes together, the most frequent first, with rare frames put together."""
    total = sum(stack.samples for stack in stacks)
    below: Counter[tuple[str, ...]] = Counter()
    for stack in stacks:
        for depth in range(1, len(stack.frames) + 1):
            below[stack.frames[:depth]] += stack.samples
    least = RARE_SHARE * total
    counts: Counter[tuple[str, ...]] = Counter()
    for stack in stacks:
        depth = next(
            (depth for depth in range(len(stack.frames)) if below[stack.frames[: depth + 1]] < least),
            len(stack.frames),
        )
        depth = min(depth, MOST_DEPTH)
        rest = (RARE,) if depth < len(stack.frames) else ()
        counts[(*stack.frames[:depth], *rest)] += stack.samples
    return tuple(f"{';'.join(frames)} {samples}" for frames, samples in counts.most_common())


def top_functions(stacks: Sequence[Stack], most: int = MOST_FUNCTIONS) -> tuple[ProfiledFunction, ...]:
    """Return the functions with the largest share of their own.

    A function that calls itself counts once in a stack.
    """
    total = sum(stack.samples for stack in stacks)
    own: Counter[str] = Counter()
    inclusive: Counter[str] = Counter()
    for stack in stacks:
        own[stack.frames[-1]] += stack.samples
        for frame in set(stack.frames):
            inclusive[frame] += stack.samples
    return tuple(
        ProfiledFunction(*name_and_file(frame), samples / total, inclusive[frame] / total)
        for frame, samples in sorted(own.items(), key=lambda item: (-item[1], -inclusive[item[0]], item[0]))[
            :most
        ]
    )


def name_and_file(frame: str) -> tuple[str, str]:
    """Return the name of a function and the place of its definition; an empty place if there is none.

    Example::

        name_and_file("add (shop/cart.py:12)")   # ("add", "shop/cart.py:12")
    """
    if not frame.endswith(")") or " (" not in frame:
        return frame, ""
    name, _, place = frame[:-1].rpartition(" (")
    return name, place


@dataclass(frozen=True)
class FlameFrame:
    """A rectangle of the flame graph.

    Attributes:
        depth: Number of frames below it.
        start: Samples left of it.
        samples: Samples in it and in what it called.
        own: Samples in it alone.
    """

    frame: str
    depth: int
    start: int
    samples: int
    own: int


def flame(stacks: Sequence[str]) -> list[FlameFrame]:
    """Return the rectangles of the stacks of a profile, outermost first; siblings by name.

    Example::

        flame(["main (a.py:1);add (b.py:7) 3", "main (a.py:1) 1"])
        # [FlameFrame("main (a.py:1)", 0, 0, 4, 1), FlameFrame("add (b.py:7)", 1, 0, 3, 3)]
    """
    rows = sorted((stack.frames, stack.samples) for text in stacks for stack in read_stacks(text))
    frames: list[FlameFrame] = []
    _add(rows, 0, 0, frames)
    return frames


def _add(
    rows: Sequence[tuple[tuple[str, ...], int]], depth: int, start: int, frames: list[FlameFrame]
) -> None:
    index = 0
    while index < len(rows):
        if len(rows[index][0]) <= depth:
            index += 1  # the own samples of the frame below, drawn by itself
            continue
        name = rows[index][0][depth]
        group = []
        while index < len(rows) and len(rows[index][0]) > depth and rows[index][0][depth] == name:
            group.append(rows[index])
            index += 1
        samples = sum(count for _, count in group)
        own = sum(count for names, count in group if len(names) == depth + 1)
        frames.append(FlameFrame(name, depth, start, samples, own))
        _add(group, depth + 1, start, frames)
        start += samples
