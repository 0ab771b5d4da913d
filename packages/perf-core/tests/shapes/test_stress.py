"""The levels carried under stress, the knee of the throughput, and how a server failed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perf_core.results.record import Stage
from perf_core.shapes import stress

if TYPE_CHECKING:
    from conftest import Build


def climb(build: type[Build], *levels: Stage) -> list[Stage]:
    """Levels one after the other, each after a ramp."""
    stages = []
    for index, level in enumerate(levels):
        at = 20.0 * index
        stages.append(build.stage(f"ramp_{level.vus}", at, at + 10))
        stages.append(replace(level, start_s=at + 10, end_s=at + 20))
    return stages


@pytest.mark.parametrize(
    ("fates", "carried", "at_least"),
    [
        # (p95, error rate) of the levels 100, 200, 400
        ([(50, 0), (100, 0), (300, 0)], 400, True),
        ([(50, 0), (100, 0), (500, 0)], 200, False),
        ([(50, 0), (100, 0), (499.9, 0.0099)], 400, True),
        ([(50, 0), (100, 0.01), (300, 0)], 100, False),
        ([(600, 0), (100, 0), (100, 0)], 0, False),
        # A failed level is the limit, even if a higher one looks good.
        ([(50, 0), (900, 0), (100, 0)], 100, False),
        ([(50, 0), (900, 0), (9000, 0.5)], 100, False),
    ],
    ids=[
        "all",
        "too slow",
        "just within",
        "too many errors",
        "none",
        "passes after a failure",
        "fails twice",
    ],
)
def test_levels_carried_end_at_the_first_that_fails(
    build: type[Build], fates: list[tuple[float, float]], carried: int, at_least: bool
) -> None:
    levels = [
        build.stage(f"hold_{vus}", p95=p95, error_rate=rate)
        for vus, (p95, rate) in zip([100, 200, 400], fates, strict=True)
    ]
    found = stress.find(build.evidence(climb(build, *levels)))
    figure = found.figures["stress.vus_carried"]
    assert (figure.value, figure.at_least) == (carried, at_least)
    assert (figure.samples, figure.duration_s) == (3000, 10)
    assert build.finding(found, "Carried").values == {"vus_carried": carried}


def test_level_without_answers_is_not_carried(build: type[Build]) -> None:
    silent = build.stage("hold_200", calls=0)
    found = stress.find(build.evidence(climb(build, build.stage("hold_100"), silent)))
    assert found.figures["stress.vus_carried"].value == 100


def test_level_in_which_the_run_ended_early_is_not_carried_despite_good_figures(
    build: type[Build],
) -> None:
    # One VU whose calls all fail ends the run before the error rate of the level shows it.
    stages = climb(build, build.stage("hold_100"), build.stage("hold_200", error_rate=0.005))
    found = stress.find(build.evidence(stages, aborted="failure in hold_200"))
    figure = found.figures["stress.vus_carried"]
    assert (figure.value, figure.at_least) == (100, False)
    assert "at 200 VUs" in build.finding(found, "Carried").text


def test_run_that_ended_early_on_a_ramp_carried_the_level_before_it(build: type[Build]) -> None:
    stages = climb(build, build.stage("hold_100"), build.stage("hold_200"))[:3]
    found = stress.find(build.evidence(stages, aborted="failure in ramp_200"))
    figure = found.figures["stress.vus_carried"]
    assert (figure.value, figure.at_least) == (100, False)
    assert "ended early in ramp_200" in build.finding(found, "Carried").text
    assert "the limit is higher" not in build.finding(found, "Carried").text


def test_interrupted_run_reports_a_lower_bound(build: type[Build]) -> None:
    stages = climb(build, build.stage("hold_100"), build.stage("hold_200"))[:2]
    found = stress.find(build.evidence(stages, planned_stages=["hold_100", "hold_200"]))
    assert found.figures["stress.vus_carried"].at_least
    nothing = stress.find(build.evidence([build.stage("ramp_100")], planned_stages=["hold_100"]))
    assert "before the first level" in nothing.figures["stress.vus_carried"].absent
    assert "before the first level" in nothing.figures["stress.knee_vus"].absent


def saturating(build: type[Build], limit: float, *, every: int = 1) -> dict[str, tuple[float | None, ...]]:
    """A ramp to 400 VUs in 80 periods; k6 reports their number in every nth period only."""
    rows = [(min(5.0 * n, limit), 0.0, 5.0, 5.0 * n if n % every == 0 else None) for n in range(1, 81)]
    return build.load_columns(rows)


@pytest.mark.parametrize("every", [1, 5])
def test_knee_is_where_throughput_stops_growing(build: type[Build], every: int) -> None:
    stages = [build.stage("ramp_400", 0, 70), build.stage("hold_400", 70, 80)]
    found = stress.find(build.evidence(stages, load=saturating(build, 100.0, every=every)))
    assert found.figures["stress.knee_vus"].value == pytest.approx(100, abs=8)
    assert f"about {found.figures['stress.knee_vus'].value:.0f} VUs" in build.finding(found, "Knee").text


def test_no_knee_while_throughput_grows_to_the_end(build: type[Build]) -> None:
    stages = [build.stage("ramp_400", 0, 70), build.stage("hold_400", 70, 80)]
    found = stress.find(build.evidence(stages, load=saturating(build, 1e9)))
    assert found.figures["stress.knee_vus"].value is None
    assert "not levelled off" in found.figures["stress.knee_vus"].absent
    assert "Knee" not in [each.title for each in found.findings]


def test_knee_counts_right_answers_and_ignores_the_ramp_down(build: type[Build]) -> None:
    # Beyond 100 VUs every further answer is an error; after 80 s the VUs finish their iterations.
    rows = [(5.0 * n, max(0.0, 5.0 * n - 100), 5.0, 5.0 * n) for n in range(1, 81)]
    down = [(0.0, 0.0, None, 400.0)] * 400
    stages = [build.stage("hold_400", 0, 80), build.stage("ramp_0", 80, 480)]
    found = stress.find(build.evidence(stages, load=build.load_columns(rows + down)))
    assert found.figures["stress.knee_vus"].value == pytest.approx(100, abs=8)


def test_no_knee_without_a_recording(build: type[Build]) -> None:
    found = stress.find(build.evidence(climb(build, build.stage("hold_100")), load=build.load_columns([])))
    assert found.figures["stress.knee_vus"].value is None


@pytest.mark.parametrize(
    ("p95", "errors", "manner"),
    [
        (50, {}, "not at all"),
        (900, {}, "gracefully"),
        (900, {"rate_limited": 50}, "gracefully"),
        (50, {"http_status": 50}, "gracefully"),
        (50, {"is_error": 50}, "gracefully"),
        (900, {"timeout": 1}, "not gracefully"),
        (900, {"http_status": 50, "transport": 1}, "not gracefully"),
        (50, {"wrong_answer": 1}, "not gracefully"),
        (50, {"jsonrpc_error": 1}, "not gracefully"),
    ],
)
def test_manner_of_failure(build: type[Build], p95: float, errors: dict[str, int], manner: str) -> None:
    stages = climb(build, build.stage("hold_100", p95=p95))
    found = stress.find(build.evidence(stages, metrics=build.metrics(errors=errors)))
    how = build.finding(found, "How it failed")
    assert how.values["manner"] == manner
    for name, count in errors.items():
        assert f"{count} {name.replace('_', ' ')}" in how.text
        assert how.values[f"errors_{name}"] == count


def test_early_end_is_reported_with_its_reason(build: type[Build]) -> None:
    stages = climb(build, build.stage("hold_100", p95=9000))
    found = stress.find(build.evidence(stages, aborted="heavy degradation in hold_100"))
    assert "heavy degradation in hold_100" in build.finding(found, "How it failed").text
