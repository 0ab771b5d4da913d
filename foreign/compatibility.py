"""The table of docs/compatibility.md, and lines for the terminal; pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from marked_tables import header, row
from outcome import Outcome

from perf_core.server.checks import STRICTNESSES

NAME = "compatibility"
"""Name of the table in its document."""

HEADER = (
    "Server",
    "Version",
    "Transport",
    "Protocol",
    "Tools",
    "Answers checked",
    "Verdict",
    "Median",
    "Bridge",
    "Took",
    "Remark",
)


def text(outcome: Outcome) -> str:
    """Return one result as lines for a terminal."""
    mark = "ok   " if outcome.is_right else "WRONG"
    lines = [
        f"{mark} {outcome.name}: {outcome.verdict}, {outcome.transport}, {outcome.revision or '-'}, "
        f"{_tools(outcome)}, {_checked(outcome)}, {_bridge(outcome)}{outcome.took_s:.0f} s"
    ]
    lines += [f"        {problem}" for problem in outcome.problems]
    lines += [f"        warning: {warning}" for warning in outcome.warnings]
    return "\n".join(lines)


def markdown(outcomes: Sequence[Outcome], machine: str) -> str:
    """Return all results as one table, under lines that sum them up."""
    right = sum(outcome.is_right for outcome in outcomes)
    read_only = sum(outcome.read_only for outcome in outcomes)
    called = sum(outcome.called for outcome in outcomes)
    rows = [
        f"{len(outcomes)} servers, {right} of them measured rightly. {called} of {read_only} tools that only "
        f"read have a call that succeeds ({share(called, read_only)} %). Machine: {machine}.",
        "",
        *header(HEADER),
    ]
    for outcome in outcomes:
        cells = (
            outcome.name,
            outcome.version,
            outcome.transport,
            outcome.revision or "-",
            _tools(outcome),
            _checked(outcome),
            outcome.verdict + ("" if outcome.is_right else ", wrong"),
            "-" if outcome.median_ms is None else f"{outcome.median_ms:.3g} ms",
            "-" if outcome.bridge_us is None else f"{outcome.bridge_us:.0f} µs",
            f"{outcome.took_s:.0f} s",
            outcome.remark,
        )
        rows.append(row(cells))
    return "\n".join(rows)


def share(part: int, whole: int) -> int:
    """Return a share in percent, rounded down: 89.9 % is not 90 %."""
    return 100 if whole == 0 else 100 * part // whole


def _tools(outcome: Outcome) -> str:
    left = f", {outcome.not_permitted} may write" if outcome.not_permitted else ""
    return f"{outcome.called} of {outcome.read_only} called{left}"


def _checked(outcome: Outcome) -> str:
    counts = [f"{outcome.strictness[name]} {name}" for name in STRICTNESSES if outcome.strictness.get(name)]
    return ", ".join(counts) or "none"


def _bridge(outcome: Outcome) -> str:
    return "" if outcome.bridge_us is None else f"bridge {outcome.bridge_us:.0f} µs, "
