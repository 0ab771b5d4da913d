"""The table of results, for the terminal and as Markdown in a document; pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from checks import Result
from marked_tables import header, row

NAME = "truth"
"""Name of the table in its document."""


def text(result: Result) -> str:
    """Return one result as lines for a terminal."""
    mark = "ok   " if result.is_right else "WRONG"
    lines = [
        f"{mark} {result.name} ({result.load}, {result.duration_s:.0f} s{_attempts(result)}): "
        f"{result.verdict}, expected {' or '.join(result.expected)}"
    ]
    if not result.is_right:
        lines += [f"        reason: {reason}" for reason in result.reasons]
        lines += [f"        {result.remark}"] if result.remark else []
    for line in result.lines:
        note = "" if line.is_right else "   <-- wrong"
        lines.append(f"        {line.quantity}: truth {line.truth or '-'}, lab {line.lab}{note}")
    return "\n".join(lines)


def markdown(results: Sequence[Result], machine: str, minutes: float) -> str:
    """Return all results as one table, under a line with the machine and the time that all took."""
    right = sum(result.is_right for result in results)
    rows = [
        f"{len(results)} servers, {right} of them reported rightly; {minutes:.1f} minutes, {machine}.",
        "",
        *header(("Server", "Load", "Truth → lab", "Verdict", "")),
    ]
    for result in results:
        figures = "<br>".join(
            f"{line.quantity}: {f'{line.truth} → ' if line.truth else ''}{line.lab}" for line in result.lines
        )
        outcome = f"{'right' if result.is_right else 'wrong'}{_attempts(result)}"
        rows.append(row((result.name, result.load, figures, result.verdict, outcome)))
    return "\n".join(rows)


def _attempts(result: Result) -> str:
    return f", attempt {result.attempts}" if result.attempts > 1 else ""
