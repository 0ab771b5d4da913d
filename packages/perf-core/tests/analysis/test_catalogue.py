"""The catalogue of figures: complete, and the judge of targets before the load."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from perf_core import Expectation, Journey, Step, Target
from perf_core.analysis.catalogue import (
    PATTERNS,
    PLACEHOLDERS,
    STAGE_FIGURES,
    Labels,
    figure_names,
    labels_of,
    target_problems,
)
from perf_core.analysis.figures import figures
from perf_core.analysis.grades import held_figures
from perf_core.report.wording import figure_wording
from perf_core.results.record import MemoryTrend, ServerUse, Trend
from perf_core.shapes.registry import all_shapes

if TYPE_CHECKING:
    from conftest import Build

SERVER = ServerUse(
    rss_mb=MemoryTrend(50.0, 80.0, 70.0, 2.5, (2.0, 3.0)),
    cpu_s=2.0,
    cpu_us_per_call=400.0,
    fds=Trend(9, 12, 9),
    threads=Trend(3, 3, 3),
    processes=1,
)

LABELS = Labels(
    tools=("add",),
    kinds=(("add", "small"), ("all", "small")),
    journeys=("round trip",),
    stages=("ramp_10", "hold_10", "hold_20"),
    methods=("GET /health",),
)


@pytest.mark.parametrize("server", [SERVER, None])
@pytest.mark.parametrize("has_sessions", [True, False])
def test_catalogue_has_the_figures_of_a_run_and_no_others(
    server: ServerUse | None, has_sessions: bool, build: type[Build]
) -> None:
    latency = build.latency()
    metrics = build.metrics(
        journey_ms={"round trip": latency},
        kinds_ms={"add": {"small": latency}, "all": {"small": latency}},
        protocol_ms={"GET /health": latency},
        session_creation_ms=latency if has_sessions else None,
    )
    of_run = figures(
        metrics,
        [build.stage("ramp_10"), build.stage("hold_10")],
        LABELS.stages,
        server,
        sessions_left=None,
        uptime_percent=99.0,
    )
    # runs.assemble adds these, from analysis.grades.
    assert {*of_run, "clients_carried", *held_figures([], {})} == set(figure_names(LABELS))


def test_figures_of_the_load_shape_belong_to_the_catalogue() -> None:
    names = figure_names(Labels(("add",)), ["stress.knee_vus"])
    assert "stress.knee_vus" in names
    assert "latency_ms.add.p95" in names
    assert not [name for name in names if "@" in name or name.startswith(("journey_ms", "kinds_ms"))]


def test_every_figure_has_words() -> None:
    names = [*figure_names(LABELS), *(name for shape in all_shapes().values() for name in shape.figures)]
    assert [name for name in names if figure_wording(name).words == name] == []


def test_every_placeholder_is_explained() -> None:
    words = {word for pattern in PATTERNS for word in re.findall("[A-Z]+", pattern)}
    assert words == set(PLACEHOLDERS)


def test_figures_of_a_stage_are_those_without_its_name() -> None:
    assert "latency_ms.all.p95" in STAGE_FIGURES
    assert set(STAGE_FIGURES) == {
        name.partition("@")[0] for name in figure_names(LABELS) if name.endswith("@hold_10")
    }


def test_names_come_from_the_plan_and_from_k6(build: type[Build]) -> None:
    total = Journey("sum", (*build.journey().steps, Step("total", {}, Expectation.anything())), "large")
    plan = build.plan("load", {"mix": [build.journey(kind="small"), total]})
    sub_metrics = [
        "mcp_tool_call_duration_ms",
        "mcp_tool_call_duration_ms{stage:hold_50}",
        "mcp_tool_call_duration_ms{tool:add}",
        "mcp_errors{class:timeout,stage:ramp_50}",
        "mcp_protocol_duration_ms{method:GET /health}",
    ]
    assert labels_of(plan, sub_metrics) == Labels(
        tools=("add", "total"),
        # No journey of the kind small calls total.
        kinds=(("add", "large"), ("add", "small"), ("all", "large"), ("all", "small"), ("total", "large")),
        journeys=("sum",),
        stages=("hold_50",),
        methods=("GET /health",),
    )


@pytest.mark.parametrize(
    ("figure", "closest"),
    [
        ("latency_ms.al.p95", "latency_ms.all.p95"),
        ("latency_ms.ad.p95", "latency_ms.add.p95"),
        ("latency_ms.all.p95@hold_1", "latency_ms.all.p95@hold_10"),
        ("latency_ms.all.p96", "latency_ms.all.p9"),
        ("eror_rate", "error_rate"),
        ("errors.wrong_answers", "errors.wrong_answer"),
    ],
)
def test_misspelt_figure_has_a_near_match(figure: str, closest: str) -> None:
    (problem,) = target_problems([Target(figure, "<", 1, need="Speed.")], figure_names(LABELS), "load")
    assert problem.startswith(f"expected a figure of load, got {figure!r}; did you mean '{closest}")


def test_right_targets_have_no_problems() -> None:
    names = figure_names(LABELS)
    assert target_problems([Target(name, "<", 1, need="Speed.") for name in names], names, "load") == []


def test_every_problem_of_every_target_is_listed() -> None:
    targets = [
        Target("nonsense", "<", 1, need="Speed."),
        Target("error_rate", "<=", 1, need="Speed."),  # type: ignore[arg-type]
        Target("error_rate", "<", float("nan"), need="Speed.", stretch=float("inf")),
    ]
    assert target_problems(targets, figure_names(LABELS), "load") == [
        "expected a figure of load, got 'nonsense'",
        "error_rate: expected the comparison '<' or '>', got '<='",
        "error_rate: expected a finite level, got nan",
        "error_rate: expected a finite level, got inf",
    ]
