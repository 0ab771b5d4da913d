"""Cost of the tools in tokens, as a table, as lines, and as a difference."""

from __future__ import annotations

from perf_core.analysis.token_cost import TokenChange, ToolChange
from perf_core.report.table import Table, table_of
from perf_core.report.wording import DASH, MINUS, count, figure_value, plain
from perf_core.results.record import RunRecord
from perf_core.results.token_cost import TokenCost, ToolTokens

_MOST_TOOLS = 10
"""The heaviest ones; what the others cost is in one row."""

_MOST_LINES = 5
_NAME_WIDTH = 30
_MOST_CHANGES = 10

NOTE = (
    "A client sends these with each request to the model: name, description and input schema as JSON. "
    "Description and schema are what the tool would cost less without them. The output schema is not part of "
    "the tokens, since few clients hand it on."
)


def token_table(record: RunRecord) -> Table | None:
    """Return the heaviest tools of a run's server; None if they were not counted."""
    return cost_table(record.token_cost) if record.token_cost is not None else None


def cost_table(cost: TokenCost) -> Table | None:
    """Return the heaviest tools, with the shares of description and schema."""
    heaviest, others = cost.tools[:_MOST_TOOLS], cost.tools[_MOST_TOOLS:]
    rows = [_row(plain(each.tool) or DASH, cost.tokens, (each,)) for each in heaviest]
    if others:
        rows.append(_row(f"{count(len(others))} others", cost.tokens, others))
    if len(cost.tools) > 1:
        rows.append(_row("all tools", cost.tokens, cost.tools))
    headings = ("tool", "tokens", "share", "description", "schema", "output schema", "bytes")
    note = f"{_how(cost)} {NOTE}"
    if cost.instructions:
        note += f" The server's instructions cost {count(cost.instructions)} tokens more."
    return table_of(
        "What the tools cost a model", headings, rows, note=note, minor=("bytes", "output schema")
    )


def summary_line(cost: TokenCost) -> str:
    """Return the whole cost in one sentence without a full stop."""
    number = len(cost.tools)
    tools = "the tool costs" if number == 1 else f"the {count(number)} tools cost"
    tokens = f"about {count(cost.tokens)}" if cost.is_estimate else count(cost.tokens)
    text = f"{tools} a model {tokens} tokens in each request ({plain(cost.tokenizer)})"
    if cost.instructions:
        text += f", and the instructions {count(cost.instructions)}"
    return text


def _how(cost: TokenCost) -> str:
    if cost.is_estimate:
        return f"An estimate, {plain(cost.tokenizer)}: mcp-perf-core[tokens] has a real tokenizer."
    return f"Counted with the vocabulary {plain(cost.tokenizer)}; other models have others."


def _row(name: str, all_tokens: int, tools: tuple[ToolTokens, ...]) -> tuple[str, ...]:
    tokens = sum(each.tokens for each in tools)
    output = sum(each.output_schema for each in tools)
    return (
        name,
        count(tokens),
        figure_value("share", tokens / all_tokens) if all_tokens else DASH,
        count(sum(each.description for each in tools)),
        count(sum(each.schema for each in tools)),
        count(output) if output else DASH,
        count(sum(each.size_bytes for each in tools)),
    )


def change_table(change: TokenChange) -> Table | None:
    """Return the tools whose cost changed, the largest change first; None if none did."""
    shown, hidden = change.tools[:_MOST_CHANGES], change.tools[_MOST_CHANGES:]
    rows = [_change_row(each) for each in shown]
    if hidden:
        growth = sum(each.growth for each in hidden)
        rows.append((f"{count(len(hidden))} others", "", DASH, DASH, signed(growth)))
    headings = ("tool", "is", "before", "after", "change")
    return table_of("Tokens of the tools that changed", headings, rows, labels=2)


def change_line(change: TokenChange) -> str:
    """Return how the whole cost changed, in one sentence without a full stop."""
    about = "about " if change.is_estimate else ""
    if change.before == change.after and not change.tools:
        tokens = f"{about}{count(change.after)} tokens"
        return f"the tools cost a model {tokens}, as before ({plain(change.tokenizer)})"
    text = (
        f"the tools cost a model {about}{count(change.after)} tokens, {count(change.before)} before: "
        f"{signed(change.after - change.before)} ({plain(change.tokenizer)})"
    )
    if change.instructions_before != change.instructions_after:
        grown = change.instructions_after - change.instructions_before
        text += f"; the instructions {count(change.instructions_after)}: {signed(grown)}"
    return text


def _change_row(change: ToolChange) -> tuple[str, ...]:
    return (
        plain(change.tool) or DASH,
        change.kind,
        DASH if change.before is None else count(change.before),
        DASH if change.after is None else count(change.after),
        signed(change.growth),
    )


def signed(number: int) -> str:
    """Return a difference with its sign; ``none`` for zero."""
    if number == 0:
        return "none"
    return f"+{count(number)}" if number > 0 else f"{MINUS}{count(-number)}"


def token_lines(cost: TokenCost) -> tuple[str, ...]:
    """Return the whole cost and that of the heaviest tools, a line each."""
    heaviest = cost.tools[:_MOST_LINES] if len(cost.tools) > 1 else ()
    names = [plain(each.tool) or DASH for each in heaviest]
    width = min(_NAME_WIDTH, max(map(len, names), default=0))
    lines = [f"tokens: {summary_line(cost)}"]
    for name, each in zip(names, heaviest, strict=True):
        share = figure_value("share", each.tokens / cost.tokens) if cost.tokens else DASH
        lines.append(
            f"  {name:<{width}} {count(each.tokens):>7}  {share:>6}  description {count(each.description)}, "
            f"schema {count(each.schema)}"
        )
    if len(cost.tools) > len(heaviest) > 0:
        rest = sum(each.tokens for each in cost.tools[_MOST_LINES:])
        others = f"{count(len(cost.tools) - len(heaviest))} others"
        lines.append(f"  {others:<{width}} {count(rest):>7}")
    return tuple(lines)
