"""The rules for the verdict of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_core import Target
from perf_core.analysis.figures import Figure
from perf_core.analysis.verdict import DROPPED_SHARE, Judgement, judge
from perf_core.errors import ExitCode
from perf_core.results.record import Health, TargetResult

if TYPE_CHECKING:
    from conftest import Build

NAME = "latency_ms.all.p95"


def below(level: float = 100.0, **more: Any) -> Target:
    return Target(NAME, "<", level, need="People wait for it.", **more)


def above(level: float = 100.0, **more: Any) -> Target:
    return Target(NAME, ">", level, need="It must suffice.", **more)


def measured(value: float | None, samples: int = 1000, duration_s: float = 60.0, **more: Any) -> Figure:
    return Figure(value, samples, duration_s, **more)


def one(build: type[Build], target: Target, figure: Figure | None, **more: Any) -> TargetResult:
    """Return the result of one target."""
    saturated = more.pop("saturated", False)
    figures = {} if figure is None else {target.figure: figure}
    judged = judge([target], figures, build.generator(saturated=saturated), (), **more)
    assert len(judged.targets) == 1
    return judged.targets[0]


# --- met and missed ---


@pytest.mark.parametrize(
    ("target", "value", "outcome"),
    [
        (below(), 99.9, "met"),
        (below(), 100.0, "missed"),
        (below(), 100.1, "missed"),
        (above(), 100.1, "met"),
        (above(), 100.0, "missed"),
        (above(), 0.0, "missed"),
        (below(0.001), 0.0, "met"),
    ],
)
def test_target_is_met_strictly_on_its_side_of_the_level(
    build: type[Build], target: Target, value: float, outcome: str
) -> None:
    result = one(build, target, measured(value))
    assert (result.outcome, result.value, result.samples, result.reason) == (outcome, value, 1000, "")
    assert not result.bound


@pytest.mark.parametrize(
    ("target", "value", "outcome", "stretch_met"),
    [
        (below(stretch=75), 70.0, "met", True),
        (below(stretch=75), 80.0, "met", False),
        (below(stretch=75), 110.0, "missed", False),
        (above(stretch=200), 250.0, "met", True),
        (above(stretch=200), 150.0, "met", False),
        (below(), 70.0, "met", None),
    ],
)
def test_stretch_is_reported_and_decides_nothing(
    build: type[Build], target: Target, value: float, outcome: str, stretch_met: bool | None
) -> None:
    result = one(build, target, measured(value))
    assert (result.outcome, result.stretch_met) == (outcome, stretch_met)


@given(
    value=st.floats(allow_nan=False, allow_infinity=False),
    level=st.floats(allow_nan=False, allow_infinity=False),
)
def test_figure_is_never_on_both_sides_of_a_level(value: float, level: float) -> None:
    results = judge([below(level), above(level)], {NAME: measured(value)}, None, ()).targets
    outcomes = [result.outcome for result in results]
    assert outcomes.count("met") == (0 if value == level else 1)
    assert outcomes.count("missed") == (2 if value == level else 1)


def test_result_repeats_the_target(build: type[Build]) -> None:
    result = one(build, below(stretch=75), measured(80.0))
    assert (result.figure, result.comparison, result.target, result.stretch) == (NAME, "<", 100.0, 75)
    assert result.need == "People wait for it."


# --- not judged ---


@pytest.mark.parametrize(
    ("target", "figure", "says"),
    [
        (
            below(min_duration_s=30),
            measured(50.0, duration_s=29.9),
            "30 s of load, got 29.9 s",
        ),
        (below(min_duration_s=30), measured(500.0, duration_s=29.9), "expected at least 30 s"),
        # The short duration explains the missing samples.
        (below(min_duration_s=30), measured(None, samples=0, duration_s=1), "expected at least 30 s"),
        (below(min_samples=200), measured(500.0, samples=199), "expected at least 200 samples, got 199"),
        (below(), measured(None, 0, 0, absent="this wire has no sessions"), "this wire has no sessions"),
        (above(300), measured(200.0, at_least=True), "the server carried the highest"),
    ],
)
def test_target_is_not_judged_without_enough_data(
    build: type[Build], target: Target, figure: Figure, says: str
) -> None:
    result = one(build, target, figure)
    assert result.outcome == "not judged"
    assert says in result.reason
    assert result.stretch_met is None


@pytest.mark.parametrize(("duration_s", "samples"), [(30, 200), (31, 201)])
def test_target_is_judged_at_its_minimum_duration_and_samples(
    build: type[Build], duration_s: float, samples: int
) -> None:
    target = below(min_duration_s=30, min_samples=200)
    assert one(build, target, measured(50.0, samples, duration_s)).outcome == "met"


def test_all_levels_carried_meets_a_target_below_them(build: type[Build]) -> None:
    result = one(build, above(300, stretch=500), measured(400.0, at_least=True))
    assert (result.outcome, result.stretch_met) == ("met", False)


def test_event_that_did_not_happen_misses_at_every_level(build: type[Build]) -> None:
    # After 10 s of observation the value is 10, below 30, but the recovery took longer.
    assert one(build, below(30), measured(10.0, beyond=True)).outcome == "missed"
    assert one(build, below(30), measured(10.0)).outcome == "met"


def test_stage_replaced_by_other_levels_is_not_judged(build: type[Build]) -> None:
    target = Target(f"{NAME}@hold_100", "<", 100, need="People wait.")
    figures = {f"{NAME}@hold_20": measured(5.0)}

    def result(target: Target, *, changed_levels: bool) -> TargetResult:
        judged = judge([target], figures, build.generator(), (), changed_levels=changed_levels)
        return judged.targets[0]

    assert result(target, changed_levels=True).outcome == "not judged"
    assert "no stage hold_100" in result(target, changed_levels=True).reason
    assert result(target, changed_levels=False).outcome == "invalid"
    # The stage exists, the figure does not: --vus does not explain that.
    typo = Target("latency_ms.al.p95@hold_20", "<", 100, need="People wait.")
    assert result(typo, changed_levels=True).outcome == "invalid"


# --- invalid ---


def test_unknown_figure_is_invalid(build: type[Build]) -> None:
    result = one(build, below(), None)
    assert result.outcome == "invalid"
    assert "no such figure" in result.reason


@pytest.mark.parametrize("figure", [measured(None, 1000), measured(5.0, 0), measured(None, 0)])
def test_figure_without_samples_is_invalid(build: type[Build], figure: Figure) -> None:
    judged = judge([below()], {NAME: figure}, build.generator(), ())
    assert judged.targets[0].outcome == "invalid"
    assert judged.verdict == "invalid"
    assert NAME in judged.reasons[0]


@pytest.mark.parametrize(
    ("dropped", "scheduled", "verdict"),
    [(0, 0, "pass"), (5, 1000, "pass"), (6, 1000, "fail"), (1, 1, "fail")],
)
def test_more_than_half_a_percent_of_calls_that_could_not_begin_is_a_failure(
    build: type[Build], dropped: int, scheduled: int, verdict: str
) -> None:
    assert DROPPED_SHARE == 0.005
    generator = build.generator(dropped_iterations=dropped, scheduled_iterations=scheduled)
    judged = judge([below()], {NAME: measured(50.0)}, generator, ())
    assert judged.verdict == verdict
    if verdict == "fail":
        assert f"{dropped} of {scheduled}" in judged.reasons[0]
        assert "the server kept every virtual user busy" in judged.reasons[0]


def test_saturated_generator_that_dropped_iterations_makes_a_run_invalid(build: type[Build]) -> None:
    generator = build.generator(dropped_iterations=10, scheduled_iterations=1000, saturated=True)
    judged = judge([below()], {NAME: measured(50.0)}, generator, ())
    assert judged.verdict == "invalid"
    assert "k6 was saturated" in judged.reasons[0]


def test_iteration_that_each_started_user_costs_is_no_failure(build: type[Build]) -> None:
    generator = build.generator(dropped_iterations=55, scheduled_iterations=1000, started_vus=50)
    assert judge([below()], {NAME: measured(50.0)}, generator, ()).verdict == "pass"
    lost = replace(generator, dropped_iterations=56)
    judged = judge([below()], {NAME: measured(50.0)}, lost, ())
    assert judged.verdict == "fail"
    assert judged.reasons[0].startswith("6 of 1000 scheduled iterations")


def test_rate_that_was_not_reached_fails_without_any_target(build: type[Build]) -> None:
    behind = ["hold_50: expected 100 calls/s as offered, got 80: the server fell behind"]
    judged = judge([], {}, build.generator(), (), behind=behind)
    assert (judged.verdict, judged.reasons) == ("fail", tuple(behind))
    assert judge([], {}, build.generator(saturated=True), (), behind=behind).verdict == "invalid"


def test_what_a_busy_machine_excuses_is_listed_after_one_reason(build: type[Build]) -> None:
    names = [NAME, f"{NAME}@hold_50"]
    judged = judge(
        [replace(below(), figure=name) for name in names],
        {name: measured(500.0) for name in names},
        build.generator(saturated=True, dropped_iterations=100, scheduled_iterations=1000),
        (),
        silent={"hold_50": 2.04, "hold_60": 1.0},
    )
    assert judged.verdict == "invalid"
    excuse, dropped, first, second, missed = judged.reasons
    assert excuse.startswith("k6 was saturated")
    assert "scheduled iterations could not begin" in dropped
    assert first.startswith("hold_50: silent for 2.0 s")
    assert second.startswith("hold_60: silent for 1.0 s")
    assert missed == f"targets missed meanwhile: {NAME}, {NAME}@hold_50"
    assert sum("saturated" in reason for reason in judged.reasons) == 1


def test_silent_server_fails_without_any_target(build: type[Build]) -> None:
    judged = judge([], {}, build.generator(), (), silent={"hold_50": 2.04})
    assert judged.verdict == "fail"
    assert judged.reasons == ("hold_50: silent for 2.0 s: no call was answered, although calls were offered",)


def test_silence_proves_nothing_while_k6_was_saturated(build: type[Build]) -> None:
    judged = judge([], {}, build.generator(saturated=True), (), silent={"hold_50": 2.04})
    assert judged.verdict == "invalid"
    assert "saturated" in judged.reasons[0]
    assert judged.reasons[1].startswith("hold_50: silent for 2.0 s")


def test_silence_that_no_busy_machine_explains_fails_on_a_busy_machine(build: type[Build]) -> None:
    busy = Health("bounded", ("the machine was busy: others used 1.6 of 2 CPUs",), 0.0, 0.3, None, 0.0, 1.6)
    judged = judge(
        [below()],
        {NAME: measured(500.0)},
        build.generator(),
        (),
        silent={"hold_50": 22.04, "hold_60": 1.0},
        certainly_silent={"hold_50"},
        health=busy,
    )
    assert judged.verdict == "fail"
    first, excuse, second, missed = judged.reasons
    assert first.startswith("hold_50: silent for 22.0 s")
    assert excuse.startswith("the machine was busy")
    assert second.startswith("hold_60: silent for 1.0 s")
    assert missed == f"targets missed meanwhile: {NAME}"
    assert judged.targets[0].outcome == "invalid", "the target alone would prove nothing"


def test_target_that_is_surely_missed_fails_whatever_else_is_excused(build: type[Build]) -> None:
    wrong = replace(measured(0.4), sure=0.3)
    judged = judge(
        [replace(below(), figure="error_rate", target=0.01, stretch=None)],
        {"error_rate": wrong},
        build.generator(saturated=True),
        (),
        silent={"hold_50": 2.04},
    )
    assert judged.verdict == "fail"
    assert judged.reasons[0].startswith("error_rate: expected < 0.01, got 0.4")
    assert judged.reasons[1].startswith("k6 was saturated")


def test_a_fault_of_the_lab_comes_before_a_certain_silence(build: type[Build]) -> None:
    judged = judge(
        [], {}, build.generator(), ["k6 lost a call"], silent={"hold_50": 22.0}, certainly_silent={"hold_50"}
    )
    assert (judged.verdict, judged.reasons) == ("invalid", ("k6 lost a call",))


def test_figures_of_a_silent_stage_cannot_meet_a_target(build: type[Build]) -> None:
    names = [NAME, f"{NAME}@hold_50", f"{NAME}@hold_100", "error_rate", "server.rss_peak_mb"]
    targets = [replace(below(), figure=name) for name in names]
    figures = {name: measured(50.0) for name in names}
    figures["error_rate"] = replace(figures["error_rate"], timed=False)
    figures["server.rss_peak_mb"] = replace(figures["server.rss_peak_mb"], timed=False)
    judged = judge(targets, figures, build.generator(), (), silent={"hold_50": 2.0})
    outcomes = {target.figure: target.outcome for target in judged.targets}
    assert outcomes == {
        NAME: "missed",
        f"{NAME}@hold_50": "missed",
        f"{NAME}@hold_100": "met",
        "error_rate": "missed",
        "server.rss_peak_mb": "met",
    }
    assert judged.targets[0].reason == "the server was silent for 2.0 s"
    assert len(judged.reasons) == 1  # the silence is said once


def test_fault_makes_a_run_with_missed_targets_invalid(build: type[Build]) -> None:
    judged = judge([below()], {NAME: measured(500.0)}, build.generator(), ["the server was restarted"])
    assert judged.verdict == "invalid"
    assert judged.reasons == ("the server was restarted",)
    assert judged.targets[0].outcome == "missed"


def test_run_without_a_summary_of_k6_is_invalid() -> None:
    judged = judge([], {}, None, ["the server ended"])
    assert judged.verdict == "invalid"
    assert judged.reasons == ("the server ended", "k6 left no figures: nothing was measured")


# --- saturated ---


@pytest.mark.parametrize(
    ("target", "value", "timed", "outcome", "bound"),
    [
        (below(), 50.0, True, "met", True),
        (above(), 500.0, True, "met", True),
        (below(), 500.0, True, "invalid", True),
        (above(), 50.0, True, "invalid", True),
        # Wrong answers and memory do not depend on how slow k6 was.
        (below(), 50.0, False, "met", False),
        (below(), 500.0, False, "missed", False),
    ],
)
def test_saturated_generator_makes_met_targets_bounds_and_missed_ones_invalid(
    build: type[Build], *, target: Target, value: float, timed: bool, outcome: str, bound: bool
) -> None:
    result = one(build, target, measured(value, timed=timed), saturated=True)
    assert (result.outcome, result.bound) == (outcome, bound)
    assert ("saturated" in result.reason) == (outcome == "invalid")


def test_saturated_run_that_meets_its_targets_passes_with_a_remark(build: type[Build]) -> None:
    judged = judge([below()], {NAME: measured(50.0)}, build.generator(saturated=True), ())
    assert judged.verdict == "pass"
    assert any("bounds" in reason for reason in judged.reasons)


def test_saturated_run_with_one_missed_target_is_invalid(build: type[Build]) -> None:
    figures = {NAME: measured(150.0)}
    judged = judge([below(200), below(100)], figures, build.generator(saturated=True), ())
    assert [result.outcome for result in judged.targets] == ["met", "invalid"]
    assert judged.verdict == "invalid"


# --- the verdict of the run ---


def test_pass_has_no_reasons(build: type[Build]) -> None:
    judged = judge([below()], {NAME: measured(50.0)}, build.generator(), ())
    assert (judged.verdict, judged.reasons) == ("pass", ())


def test_fail_names_each_missed_target(build: type[Build]) -> None:
    judged = judge([below(100), below(600), above(900)], {NAME: measured(512.3456)}, build.generator(), ())
    assert judged.verdict == "fail"
    assert judged.reasons == (
        f"{NAME}: expected < 100, got 512.3",
        f"{NAME}: expected > 900, got 512.3",
    )


def test_unjudged_target_does_not_fail_the_run_but_is_mentioned(build: type[Build]) -> None:
    targets = [below(), below(min_duration_s=600)]
    judged = judge(targets, {NAME: measured(50.0)}, build.generator(), ())
    assert judged.verdict == "pass"
    assert judged.reasons == ("1 of 2 targets could not be judged; each gives its reason",)


def test_interrupted_run_keeps_its_faults(build: type[Build]) -> None:
    judged = judge(
        [below()], {NAME: measured(500.0)}, build.generator(), ["the server ended"], interrupted=True
    )
    assert judged.verdict == "interrupted"
    assert "interrupted" in judged.reasons[0]
    assert judged.reasons[1:] == ("the server ended",)


@pytest.mark.parametrize(
    ("verdict", "exit_code"),
    [
        ("pass", ExitCode.PASS),
        ("fail", ExitCode.TARGETS_MISSED),
        ("invalid", ExitCode.INVALID),
        ("interrupted", ExitCode.INVALID),
    ],
)
def test_each_verdict_has_its_exit_code(verdict: Any, exit_code: ExitCode) -> None:
    assert Judgement(verdict, (), ()).exit_code == exit_code


# --- lower bounds ---


def test_lower_bound_is_reported_as_at_least(build: type[Build]) -> None:
    slow = one(build, below(), measured(60.0, beyond=True))
    assert (slow.outcome, slow.at_least) == ("missed", True)
    carried = one(build, above(), measured(800.0, at_least=True))
    assert (carried.outcome, carried.at_least) == ("met", True)
    assert not one(build, below(), measured(60.0)).at_least


def test_errors_that_no_busy_machine_causes_are_missed_beside_those_that_it_may_cause(
    build: type[Build],
) -> None:
    target = Target("error_rate", "<", 0.001, need="Answers are right.")
    mixed = measured(0.5, sure=0.4)
    assert one(build, target, mixed, saturated=True).outcome == "missed"
    assert one(build, target, measured(0.5, sure=0.0005), saturated=True).outcome == "invalid"
