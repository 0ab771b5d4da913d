"""Comparisons as people see them: numbers that cannot be misread, and nothing that breaks a page."""

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
    Pairing,
    SliceFigures,
)
from perf_core.report.comparison import forest, page
from perf_core.report.comparison import text as report


def a_metric(name: str = "cpu_us_per_call", **changes: object) -> MetricComparison:
    usual = MetricComparison(
        name, "µs", "lower", 0.05, True, 914.2, 990.0, 1.083, 1.061, 1.104, 0.99, "worse"
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


ERRORS = MetricComparison(
    "error_rate",
    "share",
    "lower",
    0.001,
    True,
    a=0.0,
    b=0.00511,
    ratio=None,
    low=0.0031,
    high=0.0075,
    level=0.99,
    verdict="worse",
    difference=0.00511,
)


def a_comparison(*metrics: MetricComparison, name: str = "calculator@HEAD~1") -> Comparison:
    slices = tuple(
        SliceFigures(f"pair_1_{side}", side, 1, 100, 0, 1.0, {"cpu_us_per_call": cost})  # type: ignore[arg-type]
        for side, cost in (("a", 900.0), ("b", 990.0))
    )
    return Comparison(
        run_id="r",
        started_at="2026-01-01T00:00:00+00:00",
        duration_s=71.2,
        verdict="worse",
        reasons=("CPU per call worse by 6.1 % to 10.4 %",),
        servers={
            "a": ComparedServer(name, "calculator", "1.0", "calculator-server 1.0", "0123456789abcdef"),
            "b": ComparedServer(
                "calculator", "calculator", "1.1", "calculator-server 1.1", "fedcba9876543210+changes"
            ),
        },
        design=Design(
            scenario="quick",
            wires={"a": "session", "b": "session"},
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
        pairings=(Pairing("b", "worse", ("CPU per call worse by 6.1 % to 10.4 %",), metrics),),
        launches=(Launch(slices, {"a": {}, "b": {}}),) * 4,
        manifest={"machine": {"cpu": "A CPU"}},
    )


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.083, "+8.3 %"),
        (0.9, "-10.0 %"),
        (0.99999, "+0.0 %"),
        (1.999, "+99.9 %"),
        (2.5, "2.5 times"),
        (0.04, "0.04 times"),
        (340.0, "340 times"),
        (5000.0, "over 1,000 times"),
        (1e-9, "under 0.001 times"),
    ],
)
def test_change_in_words(ratio: float, text: str) -> None:
    assert report.change(ratio) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (1.04, 1.081, "+4.0 to +8.1 %"),
        (0.95, 1.02, "-5.0 to +2.0 %"),
        (0.3, 1.2, "0.3 to 1.2 times"),
        (1e-9, 1e9, "under 0.001 to over 1,000 times"),
    ],
)
def test_interval_keeps_one_unit(low: float, high: float, text: str) -> None:
    assert report.interval(low, high) == text


def test_terminal_fits_eighty_columns_uncut() -> None:
    rows = [
        a_metric("latency_ms.p99", unit="ms", judged=False),
        a_metric(),
        a_metric("latency_ms.max", unit="ms", a=12345.6, b=23456.7, verdict="inconclusive", low=0.001),
        ERRORS,
        a_metric(
            "latency_ms.med", unit="ms", a=12345.6, b=23456.7, verdict="inconclusive", low=0.5, high=2.9
        ),
        a_metric("tool_calls_per_s", unit="/s", better="higher", a=12345.6, b=1.0),
        a_metric("ready_s", unit="s", judged=False, verdict="inconclusive"),
    ]
    out = io.StringIO()
    report.terminal(a_comparison(*rows), Console(file=out, width=80))
    text = out.getvalue()
    assert "…" not in text
    assert "WORSE" in text
    assert "calculator compared with calculator@HEAD~1" in text
    assert "+6.1 to +10.4 %" in text
    assert "not judged" in text
    assert "commit 0123456789ab)" in text
    assert "commit fedcba987654+changes" in text
    assert "4 pairs of 1 s in turns of 32 ms over 4 launches" in " ".join(text.split())
    assert (
        "A difference counts beyond 5 % in CPU per call, 25 % in the slowest 2 %, 50 % in p99, 100 % in the "
        "maximum, 10 % in all else"
    ) in " ".join(text.split())
    assert "+0.31 to +0.75 pp" in text
    assert text.index("CPU per call, ") < text.index("latency p99"), "what decides comes first"
    assert max(map(len, text.splitlines())) <= 80


def test_widest_numbers_are_whole_at_eighty_columns_without_a_terminal() -> None:
    rows = [
        a_metric("latency_ms.max", unit="ms", a=123456.7, b=234567.8, ratio=5000.0, low=1e-9, high=1e9),
        a_metric("tool_calls_per_s", unit="/s", a=123456.7, b=12.0, ratio=1e-9, low=1e-9, high=1e9),
    ]
    out = io.StringIO()
    report.terminal(
        a_comparison(*(replace(row, verdict="inconclusive") for row in rows)), Console(file=out, width=80)
    )
    text = out.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for word in ("123,457", "234,568", "over 1,000 times", "under 0.001 times", "inconclusive"):
        assert word in text, f"{word} is cut or broken:\n{text}"


def test_markdown_is_a_table_that_names_cannot_break() -> None:
    text = report.markdown(a_comparison(a_metric(), name="a|b<script>*x*"))
    assert text.startswith("## ❌ worse: calculator compared with a\\|b&lt;script&gt;\\*x\\*")
    (row,) = [line for line in text.splitlines() if line.startswith("| CPU per call")]
    assert row == "| CPU per call, µs | 914.2 | 990 | +8.3 % | +6.1 to +10.4 % | ❌ worse |"
    assert text.count("| :-- |") == 2, "one rule, names and verdicts to the left"


def test_failed_calls_are_in_percent_and_percentage_points() -> None:
    text = report.markdown(a_comparison(ERRORS))
    (row,) = [line for line in text.splitlines() if line.startswith("| failed calls")]
    assert row == "| failed calls, % | 0 | 0.511 | +0.51 pp | +0.31 to +0.75 pp | ❌ worse |"


def test_example_of_an_error_stands_in_every_report_and_cannot_break_it() -> None:
    reason = "41 of 8,017 calls of b failed: add({}): expected <b>3</b>, got <script>"
    one = replace(a_comparison(a_metric(), ERRORS), reasons=(reason,))
    out = io.StringIO()
    report.terminal(one, Console(file=out, width=80))
    assert reason in " ".join(out.getvalue().split())
    assert "expected &lt;b&gt;3&lt;/b&gt;, got &lt;script&gt;" in page.render(one)
    assert "expected &lt;b&gt;3&lt;/b&gt;, got &lt;script&gt;" in report.markdown(one)


def test_metric_without_a_ratio_is_in_the_table_and_not_in_the_drawing() -> None:
    one = a_comparison(a_metric(), ERRORS)
    assert [mark.label for mark in page.draw(one).marks] == ["CPU per call, µs"]
    assert "+0.31 to +0.75 pp" in page.render(one)


def test_different_wires_are_named() -> None:
    one = a_comparison(a_metric())
    one = replace(one, design=replace(one.design, wires={"a": "session", "b": "stateless"}))
    assert report.title(one) == "calculator (stateless wire) compared with calculator@HEAD~1 (session wire)"


def test_without_metrics_there_is_no_table() -> None:
    one = replace(a_comparison(), verdict="invalid", reasons=("24 of 24 pairs were dropped",))
    out = io.StringIO()
    report.terminal(one, Console(file=out, width=80))
    assert "metric" not in out.getvalue()
    assert "INVALID" in out.getvalue()
    assert "| metric" not in report.markdown(one)
    assert "<svg" not in page.render(one)


def test_page_draws_each_metric_at_its_figures() -> None:
    drawing = page.draw(
        a_comparison(
            a_metric("ready_s", judged=False, ratio=1.0, low=0.98, high=1.02), a_metric("cpu_us_per_call")
        )
    )
    cpu, ready = drawing.marks
    assert cpu.label.startswith("CPU"), "what decides comes first"
    assert cpu.band is not None
    assert ready.band is None
    one = next(x for x, words in drawing.ticks if words == "equal")
    assert ready.ratio == pytest.approx(one)
    assert one < cpu.band[1] < cpu.interval[0] < cpu.ratio < cpu.interval[1], "worse lies beyond the band"
    assert one - cpu.band[0] == pytest.approx(cpu.band[1] - one, abs=0.2), "up and down are equally far"
    assert cpu.launches == (cpu.launches[0],) * 4
    assert cpu.ratio < cpu.launches[0] < cpu.interval[1]
    assert all(forest.LABEL_WIDTH < x < forest.WIDTH for x, _ in drawing.ticks)


@pytest.mark.parametrize("wide", [3.0, 1e12])
def test_drawing_stays_within_its_frame(wide: float) -> None:
    mark = page.draw(a_comparison(a_metric(low=1 / wide, high=wide))).marks[0]
    for x in (*mark.interval, mark.ratio, *mark.launches):
        assert forest.LABEL_WIDTH <= x <= forest.WIDTH


def test_page_requests_nothing_and_is_well_formed() -> None:
    html = page.render(a_comparison(a_metric(), name="<img src=x onerror=alert(1)>"))
    assert "<img" not in html
    assert "&lt;img" in html
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert re.findall(r'(?:src|href)="([^"]+)"', html) == ["comparison.json", "summary.md"]
    (svg,) = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    ElementTree.fromstring(svg)  # noqa: S314 - our own text
