"""Tables of calls that were drawn: how strictly each tool's answers were checked, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable

from perf_core.report.table import Table, table_of
from perf_core.report.wording import DASH, count, plain, significant
from perf_core.results.record import RunRecord
from perf_core.server.checks import STRICTNESSES, LeftOut, ToolCheck

_ARGUMENTS_CHARACTERS = 60
_ANSWER_CHARACTERS = 80
_REASON_CHARACTERS = 160
_NAMED_TOOLS = 12

_CHECK_NOTE = (
    "Exact: the whole answer, as on the idle server. Members: the parts of it that were stable there. "
    "Schema: its types. No error: only that it is none."
)


def check_table(record: RunRecord) -> Table | None:
    """Return how strictly the answers of each tool were checked, with one call as an example."""
    checks = record.discovery.checks if record.discovery else ()
    headings = ("tool", "checked", "calls", "idle ms", "arguments", "answer")
    rows = [_check_row(check) for check in checks]
    # Everything may wrap: an example that is cut to one line would say nothing.
    return table_of(
        "Drawn calls", headings, rows, labels=len(headings), note=_CHECK_NOTE, minor=("idle ms", "arguments")
    )


def _check_row(check: ToolCheck) -> tuple[str, ...]:
    strictness = [name for name in STRICTNESSES if check.calls.get(name)]
    numbers = [f"{name} {count(check.calls[name])}" for name in strictness]
    return (
        plain(check.tool),
        (strictness[0] if len(strictness) == 1 else ", ".join(numbers)) or DASH,
        count(sum(check.calls.values())),
        significant(check.call_s * 1000),
        _cut(check.arguments, _ARGUMENTS_CHARACTERS),
        _cut(check.answer, _ANSWER_CHARACTERS),
    )


def left_out_table(record: RunRecord) -> Table | None:
    """Return the tools that the load did not call; those with the same reason share a row."""
    tools = record.discovery.left_out if record.discovery else ()
    rows = [(_named(group), _reason(group)) for group in _by_reason(tools)]
    return table_of("Tools left out", ("tools", "reason"), rows, labels=2)


def _by_reason(tools: Iterable[LeftOut]) -> list[list[LeftOut]]:
    groups: dict[str, list[LeftOut]] = {}
    for tool in tools:
        groups.setdefault(tool.reason, []).append(tool)
    return list(groups.values())


def _named(group: list[LeftOut]) -> str:
    names = ", ".join(plain(each.tool) or DASH for each in group[:_NAMED_TOOLS])
    return names if len(group) <= _NAMED_TOOLS else f"{names} and {count(len(group) - _NAMED_TOOLS)} more"


def _reason(group: list[LeftOut]) -> str:
    first = group[0]
    parts = [_cut(first.reason, _REASON_CHARACTERS)]
    if len(group) == 1 and first.tries:
        tries = "1 try" if first.tries == 1 else f"{count(first.tries)} tries"
        parts.append(f"{tries}, such as {_cut(first.arguments, _ARGUMENTS_CHARACTERS)}")
    advice = first.advice
    if len(group) > 1:
        advice = advice.replace(f"--tool {first.tool}", "--tool NAME")
    if advice:
        parts.append(plain(advice))
    return "; ".join(parts)


def _cut(text: str, longest: int) -> str:
    # Indentation would fill the few characters with nothing.
    line = plain(" ".join(text.split()))
    if len(line) <= longest:
        return line or DASH
    return f"{line[: longest - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
