"""Deviations of a rate limit from its promised burst, rate, replenishment and Retry-After."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from perf_core import Journey, Limits
from perf_core.analysis.evidence import Evidence
from perf_core.analysis.k6_summary import Summary
from perf_core.errors import UsageError
from perf_core.load.plan import Settings
from perf_core.shapes.rate_limit import StageOutcome, find, off_by_burst, off_by_refill, rate_off_by_percent
from perf_core.shapes.registry import plan_scenario

if TYPE_CHECKING:
    from conftest import Build

LIMITS = Limits(rate_per_s=2.0, burst=20)


@pytest.mark.parametrize(
    ("let_through", "until_s", "off_by"),
    [
        (20, 0.04, 0.0),
        (19, 0.04, 1.0),
        (21, 0.04, 0.92),
        # In 0.6 s one token was added, which a message may or may not have used.
        (20, 0.6, 0.0),
        (21, 0.6, 0.0),
        (22, 0.6, 0.8),
    ],
)
def test_burst_from_a_full_bucket(let_through: int, until_s: float, off_by: float) -> None:
    outcome = StageOutcome(let_through, 100.0, 100.0 + until_s, 1, 100.0 + until_s)
    assert off_by_burst(outcome, LIMITS) == pytest.approx(off_by)


def test_burst_without_a_refusal_has_no_deviation() -> None:
    assert off_by_burst(StageOutcome(500, 0.0, 1.0, 0, 0.0), LIMITS) is None
    assert off_by_burst(StageOutcome(0, 0.0, 0.0, 3, 1.0), LIMITS) is None


@pytest.mark.parametrize(
    ("let_through", "off_by"), [(9, 0), (10, 0), (11, 0), (12, 1), (8, 1), (0, 9), (20, 9)]
)
def test_refill_after_a_pause(let_through: int, off_by: float) -> None:
    before = StageOutcome(120, 0.0, 60.0, 50, 0.1)
    after = StageOutcome(let_through, 65.0, 65.0, 1, 65.0)
    assert off_by_refill(before, after, LIMITS) == pytest.approx(off_by)


def test_rate_is_measured_from_the_first_to_the_last_message() -> None:
    assert rate_off_by_percent(StageOutcome(121, 0.0, 60.0, 9, 1.0), LIMITS) == pytest.approx(0.0)
    assert rate_off_by_percent(StageOutcome(127, 0.0, 60.0, 9, 1.0), LIMITS) == pytest.approx(5.0)
    assert rate_off_by_percent(StageOutcome(115, 0.0, 60.0, 9, 1.0), LIMITS) == pytest.approx(5.0)
    assert rate_off_by_percent(StageOutcome(1, 0.0, 0.0, 9, 1.0), LIMITS) is None


def evidence(
    build: type[Build], changes: Mapping[str, Any] | None = None, limits: Limits = LIMITS
) -> Evidence:
    """Two clients held exactly to their limits; times in seconds from the start of the load."""
    names = ("burst", "sustained", "replenished_half", "replenished_whole", "retry")
    stages = [build.stage(name, 100.0 * index, 100.0 * index + 60) for index, name in enumerate(names)]
    summary = build.summary(("burst", 0, 60))
    through = {
        "burst": (20, 11.0, 11.02),
        "sustained": (121, 100.0, 160.0),
        "replenished_half": (10, 165.0, 165.01),
        "replenished_whole": (20, 300.0, 300.02),
    }
    refused = {"burst": 11.03, "sustained": 100.01, "replenished_half": 165.02, "replenished_whole": 300.03}
    for client in ("client_1", "client_2"):
        for stage, (count, first_s, last_s) in through.items():
            given = {"count": count, "min": first_s * 1000, "max": last_s * 1000}
            name = f"mcp_let_through_at_ms{{client:{client},stage:{stage}}}"
            summary.document["metrics"][name] = {"values": given}
            name = f"mcp_refused_at_ms{{client:{client},stage:{stage}}}"
            summary.document["metrics"][name] = {"values": {"count": 1, "min": refused[stage] * 1000}}
        summary.counter(f"mcp_retries{{client:{client},kept:yes}}", 9)
        summary.counter(f"mcp_retries{{client:{client},kept:no}}", 0)
    summary.document["metrics"]["mcp_retry_after_s"] = {"values": {"count": 18, "max": 1}}
    for name, values in (changes or {}).items():
        summary.document["metrics"][name] = {"values": values}
    planned = [stage.name for stage in stages]
    columns = build.load_columns([(1.0,)])
    return Evidence(
        build.metrics(), stages, planned, None, columns, 1.0, summary=Summary(summary.document), limits=limits
    )


def values(evidence: Evidence) -> dict[str, float | None]:
    return {name.removeprefix("rate_limit."): figure.value for name, figure in find(evidence).figures.items()}


def test_exact_limits(build: type[Build]) -> None:
    assert values(evidence(build)) == {
        "burst_off_by": 0.0,
        "rate_off_by_percent": pytest.approx(0.0),
        "replenished_off_by": 0.0,
        "retry_after_broken": 0,
        "clients": 2,
    }
    findings = {each.title: each.text for each in find(evidence(build)).findings}
    assert "client 2 got 20 at the start and 20 after a long pause" in findings["Burst"]
    assert "client 1 got 2.000/s over 121 messages" in findings["Sustained rate"]


def test_worst_client_is_the_figure(build: type[Build]) -> None:
    # One bucket shared by both clients: each gets half.
    half = {"count": 61, "min": 100_000, "max": 160_000}
    shared = evidence(build, {"mcp_let_through_at_ms{client:client_2,stage:sustained}": half})
    assert find(shared).figures["rate_limit.rate_off_by_percent"].samples == 61
    found = values(shared)
    assert found["rate_off_by_percent"] == pytest.approx(50.0)
    few = {"count": 3, "min": 11_000, "max": 11_020}
    found = values(evidence(build, {"mcp_let_through_at_ms{client:client_2,stage:burst}": few}))
    assert found["burst_off_by"] == 17


def test_overfull_bucket_is_a_deviation(build: type[Build]) -> None:
    more = {"count": 30, "min": 300_000, "max": 300_020}
    found = values(evidence(build, {"mcp_let_through_at_ms{client:client_1,stage:replenished_whole}": more}))
    assert found["burst_off_by"] == pytest.approx(10, abs=0.1)


def test_retry_after_that_is_too_short_or_too_long_is_broken(build: type[Build]) -> None:
    assert (
        values(evidence(build, {"mcp_retries{client:client_1,kept:no}": {"count": 2}}))["retry_after_broken"]
        == 2
    )
    assert values(evidence(build, {"mcp_retry_after_s": {"count": 9, "max": 2}}))["retry_after_broken"] == 1
    slow = Limits(rate_per_s=0.4, burst=20)  # a token takes 2.5 s, so 3 s is exact in whole seconds
    assert (
        values(evidence(build, {"mcp_retry_after_s": {"count": 9, "max": 3}}, slow))["retry_after_broken"]
        == 0
    )


def test_server_that_never_refuses_has_no_deviations(build: type[Build]) -> None:
    never = {
        f"mcp_refused_at_ms{{client:client_1,stage:{stage}}}": {"count": 0}
        for stage in ("burst", "replenished_half")
    }
    kept = {f"mcp_retries{{client:client_{n},kept:yes}}": {"count": 0} for n in (1, 2)}
    found = values(evidence(build, {**never, **kept}))
    assert found["burst_off_by"] is None
    assert found["replenished_off_by"] is None
    assert found["retry_after_broken"] is None


def test_journeys_must_have_one_step(build: type[Build]) -> None:
    long = Journey("long", (*build.journey().steps, *build.journey().steps))
    scenario = replace(build.scenario("rate-limit", {"mix": [build.journey(), long]}), limits=LIMITS)
    with pytest.raises(UsageError, match="expected journeys of one step, got one of 2"):
        plan_scenario(scenario, "session", Settings())
