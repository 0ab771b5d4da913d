"""The tables of the league: figures with intervals, places, Little's law and circumstances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from entrants import DIVISIONS
from standings import Circumstances, catalogue_table, section, with_table

from perf_core.comparison.model import (
    Bars,
    ComparedServer,
    Comparison,
    Design,
    MetricComparison,
    OwnFigure,
    Pairing,
    Rank,
    Ranking,
)

GO = next(division for division in DIVISIONS if division.name == "go")
HOW = Circumstances(load_before=0.3, others_cores=0.05, left_out={})
COSTS = {"a": 133.0, "b": 2640.0, "c": 103.0}


@pytest.fixture
def comparison() -> Comparison:
    sides: Any = "abc"
    servers: Any = {
        side: ComparedServer(entrant.name, "n", "1") for side, entrant in zip(sides, GO.entrants, strict=True)
    }
    own = [
        OwnFigure(side, name, value, 0.9 * value, 1.1 * value)  # type: ignore[arg-type]
        for side, cost in COSTS.items()
        for name, value in (
            ("cpu_us_per_call", cost),
            ("latency_ms.med", cost / 100),
            ("latency_ms.mean", cost / 100),
            ("tool_calls_per_s", 380_000 / cost),
        )
    ]
    pairings = [
        Pairing(side, "worse", (), (_cpu(COSTS[side] / COSTS["a"]), _errors()))  # type: ignore[arg-type]
        for side in "bc"
    ]
    order = (Rank("c", 1, 2, 1), Rank("a", 1, 2, 1), Rank("b", 3, 3, 2))
    return Comparison(
        run_id="r",
        started_at="2026-11-30T22:52:00+00:00",
        duration_s=120.0,
        verdict="worse",
        reasons=(),
        servers=servers,
        design=Design("quick", dict.fromkeys(sides, "session"), 4, 1, 6, 6, 0.5, 0.01, True, (6,), Bars()),  # type: ignore[arg-type]
        pairings=tuple(pairings),
        launches=(),
        manifest={"machine": {"cpu": "A CPU", "cpus": 2, "system": "Linux 6"}, "k6": "k6 v1"},
        own_figures=tuple(own),
        rankings=(Ranking("tool_calls_per_s", order), Ranking("cpu_us_per_call", order)),
    )


def _cpu(ratio: float) -> MetricComparison:
    return MetricComparison(
        name="cpu_us_per_call",
        unit="µs",
        better="lower",
        bar=0.05,
        judged=True,
        a=133.0,
        b=133.0 * ratio,
        ratio=ratio,
        low=0.9 * ratio,
        high=1.1 * ratio,
        level=0.99,
        verdict="worse",
    )


def _errors() -> MetricComparison:
    return replace(_cpu(1.0), name="error_rate", unit="share", a=0.0, b=0.002, ratio=None)


def test_servers_stand_in_the_order_of_their_calls_per_second(comparison: Comparison) -> None:
    rows = [line for line in section(GO, comparison, HOW).splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| 1 to 2", "mcp-time (Go)"],
        ["| 1 to 2", "FastMCP app on server-core"],
        ["| 3", "the same app on plain FastMCP"],
    ]
    assert "3,690 (3,320 to 4,060)" in rows[0]
    assert "0.774 (0.697 to 0.852)" in rows[0]
    assert "0.2 %" in rows[2]


def test_calls_in_flight_are_beside_the_users(comparison: Comparison) -> None:
    assert section(GO, comparison, HOW).count("3.80 of 4") == 3


def test_groups_and_circumstances_are_told(comparison: Comparison) -> None:
    text = section(GO, comparison, replace(HOW, left_out={"nginx": "it is missing"}))
    assert "* Calls/s: 1. mcp-time (Go), FastMCP app on server-core; 2. the same app on plain FastMCP" in text
    assert "2 CPUs (A CPU), Linux 6, k6 v1" in text
    assert "Health: sound; 0 of 0 pairs count" in text
    assert "load average before: 0.3; CPUs used by others: 0.05" in text
    assert "Not measured: nginx: it is missing." in text


def test_busy_machine_is_named(comparison: Comparison) -> None:
    assert "Health: **disturbed**: others" in section(GO, comparison, replace(HOW, others_cores=1.7))
    assert "Health: unknown" in section(GO, comparison, replace(HOW, others_cores=None))


def test_comparison_without_an_order_keeps_the_order_of_the_catalogue(comparison: Comparison) -> None:
    text = section(GO, replace(comparison, rankings=(), own_figures=()), HOW)
    assert "| 1 to 3 | FastMCP app on server-core | - |" in text
    assert "Groups" not in text


def test_table_of_servers_tells_origin_and_differences() -> None:
    text = catalogue_table([GO], {"compare-time-go": "mcp-time v0.4.0"}, {"compare-time-go": "Go"})
    row = "| mcp-time (Go) | mcp-time v0.4.0 | Go | mcp-time-linux-x64@0.4.0 (npm) | revision 2025-03-26 |"
    assert row in text.splitlines()


def test_table_stands_between_markers() -> None:
    page = Path(__file__).parents[2] / "docs" / "league.md"
    document = with_table(page.read_text(encoding="utf-8"), "| a table |")
    assert "<!-- league -->\n| a table |\n<!-- end of league -->" in document
    with pytest.raises(ValueError, match="expected the markers"):
        with_table("no markers", "")
