"""The table of results, for the terminal and as Markdown in a document; pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from checks import Result

BEGIN, END = "<!-- truth -->", "<!-- end of truth -->"


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
        "| Server | Load | Truth → lab | Verdict | |",
        "| :-- | :-- | :-- | :-- | :-- |",
    ]
    for result in results:
        figures = "<br>".join(
            f"{line.quantity}: {f'{line.truth} → ' if line.truth else ''}{line.lab}" for line in result.lines
        )
        rows.append(
            f"| {_cell(result.name)} | {result.load} | {_cell(figures)} | {result.verdict} | "
            f"{'right' if result.is_right else 'wrong'}{_attempts(result)} |"
        )
    return "\n".join(rows)


def with_table(document: str, table: str) -> str:
    """Return the document with the table between its markers.

    Raises:
        ValueError: The document has no markers.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the markers {BEGIN} and {END} in the document, got none")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _attempts(result: Result) -> str:
    return f", attempt {result.attempts}" if result.attempts > 1 else ""


def _cell(content: str) -> str:
    return content.replace("|", "\\|").replace("\n", " ")
