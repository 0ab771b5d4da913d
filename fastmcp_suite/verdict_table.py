"""The report of a run of FastMCP's suite, as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from verdicts import Verdict

_ROWS: Final[Mapping[str, Callable[[Verdict], int]]] = {
    "passed": lambda verdict: verdict.passed,
    "skipped": lambda verdict: verdict.left_out,
    "fail without the lane too": lambda verdict: len(verdict.fail_anyway),
    "unsteady": lambda verdict: len(verdict.unsteady),
    "expected differences": lambda verdict: len(verdict.expected),
    "unexplained differences": lambda verdict: len(verdict.unexplained),
    "passed with the lane's answers": lambda verdict: verdict.through_lane,
    "requests": lambda verdict: verdict.requests,
    "answered by the lane": lambda verdict: verdict.answered,
}


def table(verdicts: Mapping[str, Verdict]) -> str:
    """Return a table in Markdown with a row for each figure and a column for each way."""
    head = f"| FastMCP's tests | {' | '.join(verdicts)} |"
    rows = [
        f"| {name} | {' | '.join(f'{figure(verdict):,}' for verdict in verdicts.values())} |"
        for name, figure in _ROWS.items()
    ]
    return "\n".join([head, "|---" * (len(verdicts) + 1) + "|", *rows])


def problems(verdicts: Mapping[str, Verdict]) -> list[str]:
    """Return one line for each reason to fail."""
    lines = []
    for way, verdict in verdicts.items():
        lines += [
            f"{way}: fails with the lane only: {test}: {message}"
            for test, message in verdict.unexplained.items()
        ]
        lines += [f"{way}: listed as a difference, but is none: {test}" for test in verdict.stale]
        lines += [
            f"{way}: cannot be imported: {module}: install its packages or leave it out"
            for module in verdict.uncollected
        ]
        if verdict.answered == 0:
            lines.append(f"{way}: expected requests that the lane answers, got none of {verdict.requests:,}")
    return lines


def remarks(verdicts: Mapping[str, Verdict]) -> list[str]:
    """Return one line for each test that says nothing about the lane."""
    return [
        f"{way}: {kind}: {test}"
        for way, verdict in verdicts.items()
        for kind, tests in (
            ("unsteady", verdict.unsteady),
            ("fails without the lane too", verdict.fail_anyway),
        )
        for test in tests
    ]
