"""Examples of failed calls, for reports that show them in full and for those with one line for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from perf_core.report.wording import DASH, count, duration, error_class, plain, plain_lines
from perf_core.results.record import Failure, Metrics, RunRecord

BLOCK_CHARACTERS = 1200
"""Longest text of a block; a page with many examples must stay small."""

LINE_CHARACTERS = 200
LINES = 5
_WORTH_A_CUT = 40


@dataclass(frozen=True)
class Example:
    """One failed call in words.

    Attributes:
        where: Time of its start and its stage.
    """

    tool: str
    error: str
    where: str
    arguments: str
    expected: str
    received: str


@dataclass(frozen=True)
class Group:
    """The examples of one tool and class of error; ``count`` is empty when the record does not have it."""

    tool: str
    error: str
    count: str
    examples: tuple[Example, ...]


def groups(record: RunRecord) -> tuple[Group, ...]:
    """Return all examples by tool and class of error, the most frequent first; texts keep their lines."""
    metrics = record.metrics
    if metrics is None:
        return ()
    by_kind: dict[tuple[str, str], list[Failure]] = {}
    for failure in metrics.failures:
        by_kind.setdefault((failure.tool, failure.error_class), []).append(failure)
    kinds = sorted(by_kind, key=lambda kind: -_number(metrics, *kind))
    return tuple(
        Group(
            plain(tool),
            error_class(name),
            _calls(_number(metrics, tool, name)),
            tuple(_example(failure, BLOCK_CHARACTERS, plain_lines) for failure in by_kind[tool, name]),
        )
        for tool, name in kinds
    )


def first_of_each_class(record: RunRecord) -> tuple[tuple[str, Example], ...]:
    """Return the number of errors and the first example of the most frequent classes, on single lines."""
    metrics = record.metrics
    if metrics is None:
        return ()
    first: dict[str, Failure] = {}
    for failure in sorted(metrics.failures, key=lambda each: each.at_s):
        first.setdefault(failure.error_class, failure)
    frequent = sorted(first, key=lambda name: -metrics.errors.get(name, 0))[:LINES]
    return tuple(
        (_calls(metrics.errors.get(name, 0)), _example(first[name], LINE_CHARACTERS, plain))
        for name in frequent
    )


def _example(failure: Failure, limit: int, clean: Callable[[str], str]) -> Example:
    place = f"at {duration(failure.at_s)}"
    return Example(
        tool=plain(failure.tool),
        error=error_class(failure.error_class),
        where=f"{place} in {plain(failure.stage)}" if failure.stage else place,
        arguments=_shortened(clean(failure.arguments), limit),
        expected=_shortened(clean(failure.expected), limit),
        received=_shortened(clean(failure.received), limit),
    )


def _shortened(text: str, limit: int) -> str:
    # A few more characters are shorter than the words that they are missing.
    if len(text) <= limit + _WORTH_A_CUT:
        return text or DASH
    return f"{text[:limit].rstrip()} … ({count(len(text) - limit)} more characters)"


def _number(metrics: Metrics, tool: str, name: str) -> int:
    return metrics.errors_by_tool.get(tool, {}).get(name, 0)


def _calls(number: int) -> str:
    if not number:
        return ""
    return "1 call" if number == 1 else f"{count(number)} calls"
