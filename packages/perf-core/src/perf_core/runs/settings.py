"""Settings of a load as typed, checked before a server is asked anything."""

from __future__ import annotations

from collections.abc import Sequence

from perf_core.adapter import Expectation, Journey, Pools, Scenario, Step, Wire
from perf_core.errors import UsageError
from perf_core.load.plan import Settings, parse_duration_s
from perf_core.runs.questions import wires_of
from perf_core.scenarios import further_scenarios, with_pools_by_tool
from perf_core.server.subject import DerivedAdapter, Subject
from perf_core.shapes.registry import plan_scenario
from perf_core.targets.bare import is_bare
from perf_core.targets.discovery.mix import SCENARIOS


def settings_of(
    *,
    time_scale: float | None,
    duration: str | None,
    vus: int | None = None,
    rate_per_s: int | None = None,
    think_time_s: float = 0.0,
    session_per_iteration: bool = False,
    seed: int = 1,
) -> Settings:
    """Return the settings of a load.

    Raises:
        UsageError: The duration is none, or both it and the scale set the length.
    """
    if duration is not None and time_scale is not None:
        raise UsageError(
            f"--time-scale: expected no value beside --duration (each sets the length), got {time_scale:g}",
            "Leave one of them out; the environment variable TEST_DURATION counts as --duration.",
        )
    return Settings(
        time_scale=1.0 if time_scale is None else time_scale,
        duration_s=None if duration is None else parse_duration_s(duration),
        vus=vus,
        rate_per_s=rate_per_s,
        think_time_s=think_time_s,
        session_per_iteration=session_per_iteration,
        seed=seed,
    )


def expect_usable(subject: Subject, names: Sequence[str], settings: Settings, wire: Wire | None) -> None:
    """Check scenarios and settings as far as possible without the calls of a bare subject.

    Asking a server what it can do takes up to a minute, which a misspelt name should not cost.

    Raises:
        UsageError: A scenario does not exist, or cannot run with these settings.
    """
    if not is_bare(subject):
        for name in names:
            subject.scenario(name)
        return
    for name in names:
        scenario = without_calls(subject, name)
        for each, _ in wires_of(scenario, wire):
            plan_scenario(scenario, each, settings)


def without_calls(subject: Subject, name: str) -> Scenario:
    """Return a scenario of a bare subject before its calls are drawn: all but the calls is as it will be.

    Raises:
        UsageError: There is no such scenario.
    """
    scenarios = further_scenarios(dict.fromkeys(SCENARIOS, _any_journey))
    return Subject(DerivedAdapter(subject.name, None, subject.adapter.launch, scenarios)).scenario(name)


def _any_journey(_seed: int) -> Pools:
    return with_pools_by_tool([Journey("any", (Step("any", {}, Expectation.anything()),))])
