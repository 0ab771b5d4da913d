"""Costs from ladders and endings: what belongs to sessions, to requests, and what is only a bound."""

from __future__ import annotations

import pytest

from perf_core.results.session_costs import Ending, Ladder, LadderName, Step
from perf_core.runs.session_cost.costs import costs_of


def ladder(name: LadderName, kb_per_unit: float, requests: int = 2, units: int = 160) -> Ladder:
    steps = tuple(Step(each, 1000 + kb_per_unit * each) for each in range(0, units + 1, 4))
    return Ladder(name, units, requests, 1.0, "precise", steps)


def kb_by_name(
    *ladders: Ladder, endings: tuple[Ending, ...] = (), on_stdio: bool = False
) -> dict[str, float]:
    return {cost.name: round(cost.kb, 6) for cost in costs_of(ladders, endings, on_stdio=on_stdio)}


def test_what_requests_cost_alone_is_no_cost_of_sessions() -> None:
    found = kb_by_name(
        ladder("control", 2.0),
        ladder("abandoned", 52.0),
        ladder("deleted", 3.0, requests=3),
        ladder("streams", 83.0, requests=3),
    )
    assert found == {"abandoned": 50.0, "deleted": 0.0, "streams": 80.0}


def test_refused_requests_cost_what_they_leave_beyond_other_requests() -> None:
    found = kb_by_name(
        ladder("control", 2.0), ladder("refused", 4.0), ladder("refused_open", 1.0, requests=1)
    )
    assert found == {"refused": 1.0, "refused_open": 0.0}
    assert kb_by_name(ladder("request", 1.0)) == {"request": 0.5}


def test_on_stdio_a_session_is_a_process() -> None:
    assert kb_by_name(ladder("abandoned", 40_000.0), on_stdio=True) == {"child": 40_000.0}


def test_what_is_left_of_ended_sessions_is_an_upper_bound() -> None:
    endings = (
        Ending("disconnect", 100, 1000.0, 9000.0, 2000.0, 1.0),
        Ending("expiry", 100, 1000.0, 9000.0, 1500.0, 1.0),
        Ending("delete", 100, 1000.0, 9000.0, 2000.0, 1.0),
    )
    (expired,) = costs_of((), endings, on_stdio=False)
    assert (expired.name, expired.kb, expired.high_kb, expired.is_upper_bound) == ("expired", 5.0, 5.0, True)


def test_a_control_that_had_not_settled_leaves_an_upper_bound() -> None:
    (cost,) = costs_of((ladder("control", 100.0), ladder("abandoned", 30.0)), (), on_stdio=False)
    assert cost.is_upper_bound
    assert cost.kb == pytest.approx(30.0, abs=2)
    assert cost.low_kb == 0.0


def test_invisible_memory_has_no_cost() -> None:
    unseen = Ladder("abandoned", 8, 2, 1.0, "sessions", tuple(Step(each, None) for each in range(9)))
    endings = (Ending("disconnect", 8, None, None, None, 1.0),)
    assert costs_of((unseen,), endings, on_stdio=False) == ()


def test_the_control_is_shown_beside_the_cost() -> None:
    (cost,) = costs_of((ladder("control", 2.0), ladder("abandoned", 52.0)), (), on_stdio=False)
    assert cost.requests_kb == pytest.approx(2.0)
