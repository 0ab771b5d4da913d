"""Cost of the tools of compared servers in tokens, and which tools make the difference."""

from __future__ import annotations

from perf_core.analysis.token_cost import TokenChange, token_change
from perf_core.comparison.model import Comparison
from perf_core.comparison.schedule import BASELINE, Side
from perf_core.report.table import Table, table_of
from perf_core.report.token_cost import signed
from perf_core.report.wording import DASH, count, plain
from perf_core.results.token_cost import TokenCost

_NAMED_TOOLS = 5


def token_table(comparison: Comparison) -> Table | None:
    """Return the tokens of each server, with the tools that changed; None if they were not counted."""
    costs = {
        side: server.token_cost
        for side, server in comparison.servers.items()
        if server.token_cost is not None
    }
    if not costs:
        return None
    base = costs.get(BASELINE)
    changes = {
        side: token_change(base, cost)
        for side, cost in costs.items()
        if base is not None and side != BASELINE
    }
    rows = [_row(comparison, side, cost, changes.get(side)) for side, cost in costs.items()]
    remarks = [
        f"{_label(comparison, side)}: {_words(change)}."
        for side, change in changes.items()
        if change and change.tools
    ]
    tokenizer = next(iter(costs.values())).tokenizer
    note = f"Counted with {plain(tokenizer)}, for each request to a model; no part of the verdict."
    headings = ("server", "tools", "tokens", "change", "output schemas", "instructions")
    return table_of("Tokens of the tools", headings, rows, note=note, remarks=tuple(remarks))


def _row(comparison: Comparison, side: Side, cost: TokenCost, change: TokenChange | None) -> tuple[str, ...]:
    return (
        _label(comparison, side),
        count(len(cost.tools)),
        count(cost.tokens),
        DASH if change is None else signed(change.after - change.before),
        count(sum(tool.output_schema for tool in cost.tools)),
        count(cost.instructions),
    )


def _label(comparison: Comparison, side: Side) -> str:
    return plain(f"{side} {comparison.servers[side].name}")


def _words(change: TokenChange) -> str:
    named = [f"{each.kind} {plain(each.tool) or DASH} ({signed(each.growth)})" for each in change.tools]
    more = len(named) - _NAMED_TOOLS
    return ", ".join(named[:_NAMED_TOOLS]) + (f" and {count(more)} more" if more > 0 else "")
