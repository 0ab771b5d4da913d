"""The cost of tools in tokens, in the reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from perf_core.analysis.token_cost import token_change
from perf_core.report.token_cost import (
    change_line,
    change_table,
    cost_table,
    summary_line,
    token_lines,
    token_table,
)
from perf_core.report.wording import DASH, MINUS
from perf_core.results.record import RunRecord
from perf_core.results.token_cost import TokenCost, ToolTokens

COST = TokenCost(
    "o200k_base", False, 150, 12, (ToolTokens("a", 90, 40, 30, 0, 360), ToolTokens("b", 60, 0, 40, 9, 250))
)


def test_table_has_the_heaviest_tools_the_others_together_and_all(sample: Callable[..., RunRecord]) -> None:
    table = token_table(sample("stalled"))
    assert table is not None
    assert [row[0] for row in table.rows] == [*(f"tool_{n}" for n in range(10)), "2 others", "all tools"]
    assert table.rows[0] == ("tool_0", "200", "14.2 %", "90", "80", "35", "900")
    assert table.rows[-1][1] == "1,410"
    assert "o200k_base" in table.note
    assert "instructions cost 21 tokens more" in table.note
    assert token_table(sample("load")) is None


def test_single_tool_needs_no_sum() -> None:
    table = cost_table(replace(COST, tools=COST.tools[:1]))
    assert table is not None
    assert [row[0] for row in table.rows] == ["a"]


def test_summary_tells_an_estimate() -> None:
    assert summary_line(COST) == (
        "the 2 tools cost a model 150 tokens in each request (o200k_base), and the instructions 12"
    )
    estimate = replace(COST, is_estimate=True, tokenizer="4 bytes per token", instructions=0)
    assert (
        summary_line(estimate)
        == "the 2 tools cost a model about 150 tokens in each request (4 bytes per token)"
    )
    table = cost_table(estimate)
    assert table is not None
    assert "mcp-perf-core[tokens]" in table.note


def test_lines_have_the_heaviest_tools() -> None:
    assert token_lines(COST)[1:] == (
        "  a      90    60 %  description 40, schema 30",
        "  b      60    40 %  description 0, schema 40",
    )
    many = replace(COST, tools=tuple(ToolTokens(f"t{n}", 10, 1, 1, 1, 40) for n in range(15)))
    assert len(token_lines(many)) == 7
    assert token_lines(many)[-1] == "  10 others     100"
    assert token_lines(replace(COST, tools=COST.tools[:1])) == (
        f"tokens: {summary_line(replace(COST, tools=COST.tools[:1]))}",
    )


def test_change_names_what_was_added_and_removed() -> None:
    after = replace(
        COST, tokens=300, tools=(replace(COST.tools[0], tokens=100), ToolTokens("c", 200, 0, 0, 0, 0))
    )
    change = token_change(COST, after)
    assert change is not None
    assert change_line(change) == "the tools cost a model 300 tokens, 150 before: +150 (o200k_base)"
    table = change_table(change)
    assert table is not None
    assert table.rows == (
        ("c", "added", DASH, "200", "+200"),
        ("b", "removed", "60", DASH, f"{MINUS}60"),
        ("a", "heavier", "90", "100", "+10"),
    )


def test_no_change_is_told_in_a_line() -> None:
    change = token_change(COST, COST)
    assert change is not None
    assert change_line(change) == "the tools cost a model 150 tokens, as before (o200k_base)"
    assert change_table(change) is None


def test_changed_instructions_are_told() -> None:
    change = token_change(COST, replace(COST, instructions=2, tokens=140))
    assert change is not None
    assert change_line(change).endswith(f"150 before: {MINUS}10 (o200k_base); the instructions 2: {MINUS}10")
