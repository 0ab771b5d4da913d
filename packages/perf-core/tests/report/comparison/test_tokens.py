"""Tokens of compared servers' tools in every report."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from perf_core.comparison.model import Bars, ComparedServer, Comparison, Design, Pairing
from perf_core.comparison.schedule import Side
from perf_core.report import comparison as report
from perf_core.report.comparison.tokens import token_table
from perf_core.report.wording import DASH, MINUS
from perf_core.results.token_cost import TokenCost, ToolTokens


def cost(**tokens: int) -> TokenCost:
    tools = tuple(ToolTokens(name, each, 0, 0, 3, each) for name, each in tokens.items())
    return TokenCost("o200k_base", False, sum(tokens.values()), 7, tools)


def comparison(**costs: TokenCost | None) -> Comparison:
    sides: tuple[Side, ...] = tuple(costs)  # type: ignore[arg-type] # a, b, c
    return Comparison(
        run_id="run",
        started_at="2026-03-02",
        duration_s=1.0,
        verdict="same",
        reasons=(),
        servers={side: ComparedServer(f"server-{side}", "s", "1", token_cost=costs[side]) for side in sides},
        design=Design("quick", dict.fromkeys(sides, "session"), 10, 1, 2, 2, 1.0, 0.1, False, (2,), Bars()),
        pairings=tuple(Pairing(side, "same", (), ()) for side in sides[1:]),
        launches=(),
        manifest={},
    )


def test_each_server_has_a_row_and_changes_are_named() -> None:
    table = token_table(comparison(a=cost(add=50, old=20), b=cost(add=60, new=5), c=cost(add=50, old=20)))
    assert table is not None
    assert table.rows == (
        ("a server-a", "2", "70", DASH, "6", "7"),
        ("b server-b", "2", "65", f"{MINUS}5", "6", "7"),
        ("c server-c", "2", "70", "none", "6", "7"),
    )
    assert table.remarks == (f"b server-b: removed old ({MINUS}20), heavier add (+10), added new (+5).",)
    assert "o200k_base" in table.note


def test_many_changes_are_shortened() -> None:
    table = token_table(comparison(a=cost(x=1), b=cost(**{f"t{n}": n for n in range(10, 18)})))
    assert table is not None
    assert table.remarks[0].endswith(" and 4 more.")


def test_servers_whose_tools_were_not_counted_have_no_row() -> None:
    assert token_table(comparison(a=None, b=None)) is None
    table = token_table(comparison(a=None, b=cost(add=5)))
    assert table is not None
    assert [row[:4] for row in table.rows] == [("b server-b", "1", "5", DASH)]


@pytest.mark.parametrize("sides", ["ab", "abc"])
def test_every_report_shows_them(sides: str) -> None:
    costs = {side: cost(add=50 + number) for number, side in enumerate(sides)}
    compared = comparison(**costs)
    console = Console(file=io.StringIO(), width=120, force_terminal=False, _environ={})
    report.terminal(compared, console)
    assert isinstance(console.file, io.StringIO)
    for text in (console.file.getvalue(), report.markdown(compared), report.html_page(compared)):
        assert "Tokens of the tools" in text
        assert "b server-b: heavier add (+1)." in text.replace("\\", "")
    assert "Tokens of the tools" not in report.markdown(
        replace(
            compared,
            servers={side: replace(server, token_cost=None) for side, server in compared.servers.items()},
        )
    )
