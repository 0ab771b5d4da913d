"""Comparisons of several servers as people see them."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from perf_core.comparison.model import (
    Bars,
    ComparedServer,
    Comparison,
    Design,
    Launch,
    MetricComparison,
    OwnFigure,
    Pairing,
    Rank,
    Ranking,
    SliceFigures,
)
from perf_core.report import comparison as report
from perf_core.report.comparison import several

NAMES = {"a": "calculator", "b": "reference-asgi", "c": "reference-fastmcp", "d": "reference-typescript"}
COSTS = {"a": 180.0, "b": 240.0, "c": 2400.0, "d": 2300.0}


def metric(name: str, side: str, ratio: float, unit: str = "µs") -> MetricComparison:
    interval = (ratio, ratio * 0.95, ratio * 1.05)
    return MetricComparison(
        name, unit, "lower", 0.05, True, COSTS["a"], COSTS[side], *interval, 0.99, "worse"
    )


ERRORS = MetricComparison(
    "error_rate", "share", "lower", 0.001, True, 0.0, 0.005, None, 0.003, 0.007, 0.99, "worse", 0.005
)


@pytest.fixture(scope="session")
def one() -> Comparison:
    slices = tuple(
        SliceFigures(f"pair_1_{side}", side, 1, 100, 0, 1.0, {"cpu_us_per_call": cost})  # type: ignore[arg-type]
        for side, cost in COSTS.items()
    )
    pairings = tuple(
        Pairing(
            side,  # type: ignore[arg-type]
            "worse",
            ("CPU per call worse by 33 % to 40 %",),
            (
                metric("cpu_us_per_call", side, COSTS[side] / COSTS["a"]),
                metric("latency_ms.med", side, COSTS[side] / COSTS["a"], "ms"),
                ERRORS,
            ),
        )
        for side in "bcd"
    )
    own = [
        OwnFigure(side, name, value, 0.9 * value, 1.1 * value)  # type: ignore[arg-type]
        for side, cost in COSTS.items()
        for name, value in (
            ("cpu_us_per_call", cost),
            ("latency_ms.med", cost / 100),
            ("latency_ms.mean", cost / 100),
            ("tool_calls_per_s", 390_000 / cost),
        )
    ]
    ranks = (Rank("a", 1, 1, 1), Rank("b", 2, 2, 2), Rank("d", 3, 4, 3), Rank("c", 3, 4, 3))
    return Comparison(
        run_id="r",
        started_at="2026-01-01T00:00:00+00:00",
        duration_s=71.2,
        verdict="worse",
        reasons=tuple(f"{side} is worse: CPU per call worse by 33 % to 40 %" for side in "bcd"),
        servers={side: ComparedServer(name, name, "1.0") for side, name in NAMES.items()},  # type: ignore[misc]
        design=Design(
            scenario="quick",
            wires=dict.fromkeys("abcd", "session"),  # type: ignore[arg-type]
            vus=4,
            seed=1,
            launches=4,
            pairs_per_launch=1,
            slice_s=1.0,
            turn_s=0.032,
            pinned=True,
            looks=(4,),
            bars=Bars(),
        ),
        pairings=pairings,
        launches=(Launch(slices, {side: {} for side in "abcd"}),) * 4,  # type: ignore[misc]
        manifest={"machine": {"cpu": "A CPU"}},
        own_figures=tuple(own),
        rankings=(Ranking("cpu_us_per_call", ranks),),
    )


def in_terminal(one: Comparison, width: int = 80) -> str:
    out = io.StringIO()
    report.terminal(one, Console(file=out, width=width))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_terminal_shows_all_servers_without_breaking_a_number(one: Comparison, width: int) -> None:
    text = in_terminal(one, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "3 servers compared with calculator" in text
    for word in ("2,400", "2,167", "13 times", "+0.50 pp", "a, then b, then d and c"):
        assert word in text, f"{word}:\n{text}"


def test_calls_in_flight_are_told_beside_the_users(one: Comparison) -> None:
    assert "3.90 of 4" in in_terminal(one, 140)


def test_summary_says_what_became_of_each_server(one: Comparison) -> None:
    asgi, *others = one.pairings
    mixed = replace(one, pairings=(replace(asgi, verdict="better"), *others))
    assert several.summary(mixed) == (
        "Beside calculator, worse: reference-fastmcp, reference-typescript; better: reference-asgi"
    )


def test_wires_are_named_where_they_differ(one: Comparison) -> None:
    wires = {"a": "session", "b": "session", "c": "stateless", "d": "session"}
    mixed = replace(one, design=replace(one.design, wires=wires))  # type: ignore[arg-type]
    assert "reference-fastmcp (stateless)," in several.summary(mixed)
    assert "stateless" in report.markdown(mixed)


def test_markdown_is_made_of_tables_that_names_cannot_break(one: Comparison) -> None:
    servers = {**one.servers, "b": ComparedServer("a|b<script>*x*", "n", "1")}
    text = report.markdown(replace(one, servers=servers))  # type: ignore[arg-type]
    assert text.startswith("## ❌ WORSE: 3 servers compared with calculator")
    assert "a\\|b&lt;script&gt;\\*x\\*" in text
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(line.endswith(" |") for line in tables)


def test_page_draws_every_metric_with_a_ratio_and_requests_nothing(one: Comparison) -> None:
    servers = {**one.servers, "c": ComparedServer("<img src=x onerror=alert(1)>", "n", "1")}
    html = report.html_page(replace(one, servers=servers))  # type: ignore[arg-type]
    assert "<img" not in html
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert set(re.findall(r'(?:src|href)="([^"]+)"', html)) == {"comparison.json", "summary.md"}
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawings) == 2, "the error rate has no ratio"
    for svg in drawings:
        ElementTree.fromstring(svg)  # noqa: S314 - our own text
        assert svg.count('class="ratio"') == 3


def test_terminal_leaves_out_the_long_table_of_many_servers(one: Comparison) -> None:
    further = replace(one.pairings[0], side="e")
    many = replace(
        one,
        servers={**one.servers, "e": ComparedServer("another", "n", "1")},  # type: ignore[dict-item]
        pairings=(*one.pairings, further),
    )
    assert "Against a calculator" in in_terminal(one)
    assert "Against a calculator" not in in_terminal(many)
    assert "Against a calculator" in report.markdown(many)
