"""Objectives as typed."""

from __future__ import annotations

import pytest

from perf_core.analysis.capacity.objectives import Objective, longest_ms, parse_objectives
from perf_core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected", "budget"),
    [
        ("p99<200ms", Objective("p99", 200.0), 0.01),
        ("p99 < 0.2s", Objective("p99", 200.0), 0.01),
        ("p99.9<=1s", Objective("p99.9", 1000.0), 0.001),
        ("med<20ms", Objective("p50", 20.0), 0.5),
        ("avg<50ms", Objective("avg", 50.0), None),
        ("max<1s", Objective("max", 1000.0), None),
        ("errors<0.1%", Objective("errors", 0.001), 0.001),
        ("errors<0.001", Objective("errors", 0.001), 0.001),
    ],
)
def test_objective_has_level_and_budget(text: str, expected: Objective, budget: float | None) -> None:
    (objective,) = parse_objectives([text])
    assert objective == expected
    assert objective.budget == pytest.approx(budget)


def test_without_any_the_published_levels_hold() -> None:
    assert [each.text for each in parse_objectives([])] == ["p99<200ms", "errors<0.1%"]


def test_text_of_an_objective_can_be_typed_again() -> None:
    objectives = parse_objectives(["p95<0.5s", "errors<2%", "avg<3ms"])
    assert parse_objectives([each.text for each in objectives]) == objectives
    assert longest_ms(objectives) == 500.0


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("p99<200", "ms or s"),
        ("p99>200ms", "an objective"),
        ("p100<1s", "an objective"),
        ("p0<1s", "can keep"),
        ("p99<0ms", "can keep"),
        ("errors<5ms", "share"),
        ("errors<100%", "share"),
        ("errors<0%", "share"),
        ("calls<5ms", "an objective"),
        ("", "an objective"),
    ],
)
def test_other_texts_are_refused_with_an_example(text: str, part: str) -> None:
    with pytest.raises(UsageError, match=part) as refused:
        parse_objectives([text])
    assert "p99<200ms" in refused.value.hint


def test_one_figure_has_one_objective() -> None:
    with pytest.raises(UsageError, match="one objective for p99, got 2"):
        parse_objectives(["p99<200ms", "p99<300ms"])
