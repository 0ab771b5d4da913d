"""The levels carried under stress, the knee of the throughput, and how a server failed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from perf_core.results.record import Failure, Finding, Health, HealthState, Stage
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
    assert set(nothing.figures) == set(stress.SHAPE.figures)
    assert all("before the first level" in figure.absent for figure in nothing.figures.values())


def saturating(build: type[Build], limit: float, *, every: int = 1) -> dict[str, tuple[float | None, ...]]:
    """A ramp to 400 VUs in 80 periods; k6 reports their number in every nth period only."""
    rows = [(min(5.0 * n, limit), 0.0, 5.0, 5.0 * n if n % every == 0 else None) for n in range(1, 81)]
    return build.load_columns(rows)


def rising(build: type[Build]) -> list[Stage]:
    """A ramp to 400 users in 70 s with a level at 50 of them."""
    return [
        build.stage("ramp_50", 0, 9),
        build.stage("hold_50", 9, 11),
        build.stage("ramp_400", 11, 70),
        build.stage("hold_400", 70, 80),
    ]


@pytest.mark.parametrize("every", [1, 5])
def test_knee_is_where_throughput_stops_growing(build: type[Build], every: int) -> None:
    found = stress.find(build.evidence(rising(build), load=saturating(build, 100.0, every=every)))
    assert found.figures["stress.knee_vus"].value == pytest.approx(100, abs=8)
    assert f"about {found.figures['stress.knee_vus'].value:.0f} VUs" in build.finding(found, "Knee").text
    assert "does not fall" in found.figures["stress.peak_vus"].absent


def test_peak_is_reported_where_throughput_falls_beyond_it(build: type[Build]) -> None:
    # 5 users more in each period: those at its end are 2.5 more than in its middle.
    rows = [(10 * n / (1 + 0.01 * n + n * n / 150**2), 0.0, 5.0, n + 2.5) for n in np.arange(2.5, 400, 5)]
    found = stress.find(build.evidence(rising(build), load=build.load_columns(rows)))
    assert found.figures["stress.peak_vus"].value == pytest.approx(150, rel=0.05)
    assert found.figures["stress.knee_vus"].value == found.figures["stress.peak_vus"].value
    assert found.figures["stress.peak_calls_per_s"].value == pytest.approx(1500 / 3.5, rel=0.05)
    knee = build.finding(found, "Knee")
    assert "falls beyond" in knee.text
    assert knee.values["contention"] == pytest.approx(0.01, rel=0.1)


def test_growth_and_collapse_has_its_knee_before_the_collapse(build: type[Build]) -> None:
    rows = [(5.0 * n - 2.5 if n <= 40 else 0.0, 0.0, 5.0, 5.0 * n) for n in range(1, 81)]
    found = stress.find(build.evidence(rising(build), load=build.load_columns(rows)))
    assert found.figures["stress.knee_vus"].value == pytest.approx(200, rel=0.1)
    assert "collapses beyond about 195 VUs" in build.finding(found, "Knee").text


def test_no_knee_while_throughput_grows_to_the_end(build: type[Build]) -> None:
    found = stress.find(build.evidence(rising(build), load=saturating(build, 1e9)))
    assert found.figures["stress.knee_vus"].value is None
    assert "not levelled off" in found.figures["stress.knee_vus"].absent
    assert "Knee" not in [each.title for each in found.findings]


def test_no_knee_below_the_lowest_level(build: type[Build]) -> None:
    found = stress.find(build.evidence(rising(build), load=saturating(build, 20.0)))
    figure = found.figures["stress.knee_vus"]
    assert (figure.value, figure.absent) == (None, "throughput no longer grew at 50 VUs, the lowest level")
    assert build.finding(found, "Knee").values == {"knee_vus": None, "below_vus": 50}


def test_knee_at_the_lowest_level_is_told(build: type[Build]) -> None:
    found = stress.find(build.evidence(rising(build), load=saturating(build, 50.0)))
    assert found.figures["stress.knee_vus"].value == pytest.approx(50, abs=8)


def test_periods_of_a_saturated_generator_make_no_knee(build: type[Build]) -> None:
    load = saturating(build, 100.0)
    saturated = [vus is not None and vus > 100 for vus in load["vus"]]
    found = stress.find(build.evidence(rising(build), load=load, saturated=saturated))
    absent = found.figures["stress.knee_vus"].absent
    assert absent == "throughput had not levelled off at the most users; from 102 VUs on k6 was saturated"
    # Two of three periods beyond the knee: the others show the same plateau, and it is k6's.
    flapping = [vus is not None and vus > 100 and vus % 15 > 0 for vus in load["vus"]]
    found = stress.find(build.evidence(rising(build), load=load, saturated=flapping))
    assert "k6 was saturated beyond it" in found.figures["stress.knee_vus"].absent


@pytest.mark.parametrize("more", [{"saturated": [True] * 80}, {}], ids=["each period", "the whole run"])
def test_no_knee_of_a_generator_that_was_always_saturated(
    build: type[Build], more: dict[str, list[bool]]
) -> None:
    found = stress.find(
        build.evidence(
            rising(build),
            load=saturating(build, 100.0),
            generator=build.generator(saturated=True),
            **more,
        )
    )
    assert found.figures["stress.knee_vus"].absent == "k6 was saturated, so a knee could be its own"


@pytest.mark.parametrize(("state", "has_knee"), [("bounded", False), ("invalid", False), ("sound", True)])
def test_no_knee_of_a_busy_machine(build: type[Build], state: HealthState, has_knee: bool) -> None:
    found = stress.find(build.evidence(rising(build), load=saturating(build, 100.0), health=Health(state)))
    figure = found.figures["stress.knee_vus"]
    assert (figure.value is not None) is has_knee
    assert ("busy" in figure.absent) is not has_knee


def test_knee_counts_right_answers_and_ignores_the_ramp_down(build: type[Build]) -> None:
    # Beyond 100 VUs every further answer is an error; after 80 s the VUs finish their iterations.
    rows = [(5.0 * n, max(0.0, 5.0 * n - 100), 5.0, 5.0 * n) for n in range(1, 81)]
    down = [(0.0, 0.0, None, 400.0)] * 400
    stages = [*rising(build), build.stage("ramp_0", 80, 480)]
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
        (50, {"http_status": 50}, "not gracefully"),
        (50, {"unanswered": 1}, "not gracefully"),
        (50, {"session_lost": 1}, "not gracefully"),
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


def failing(build: type[Build], error_class: str, *received: str) -> Finding:
    failures = tuple(Failure("add", error_class, "hold_100", 1.0, "{}", "{}", text) for text in received)
    metrics = build.metrics(errors={error_class: 50}, failures=failures)
    found = stress.find(build.evidence(climb(build, build.stage("hold_100")), metrics=metrics))
    return build.finding(found, "How it failed")


def test_server_error_with_a_traceback_is_not_graceful_and_is_shown(build: type[Build]) -> None:
    how = failing(build, "http_status", "HTTP 500: Traceback (most recent call last):\n  File …")
    assert how.values["manner"] == "not gracefully"
    assert "such as HTTP 500: Traceback (most recent call last): File …" in how.text


@pytest.mark.parametrize(
    ("error_class", "received", "manner"),
    [
        ("http_status", ["HTTP 503: busy", "HTTP 503: busy"], "gracefully"),
        ("http_status", ["HTTP 503: busy", "HTTP 500: error"], "not gracefully"),
        ("http_status", ["HTTP 502: bad gateway"], "not gracefully"),
        ("is_error", ['{"content":[{"type":"text","text":"too many users"}],"isError":true}'], "gracefully"),
        ("is_error", ['{"content":[{"type":"text","text":" "}],"isError":true}'], "not gracefully"),
        ("is_error", ['{"content":[],"isError":true}'], "not gracefully"),
        ("is_error", ['{"text":"Traceback (most recent call last)"}'], "not gracefully"),
    ],
)
def test_only_a_clear_refusal_is_graceful(
    build: type[Build], error_class: str, received: list[str], manner: str
) -> None:
    assert failing(build, error_class, *received).values["manner"] == manner


def test_collapse_of_the_throughput_is_not_graceful(build: type[Build]) -> None:
    # Late but correct answers, at a twentieth of the throughput before.
    levels = [build.stage("hold_100", calls=1000), build.stage("hold_200", calls=50, p95=900)]
    how = build.finding(stress.find(build.evidence(climb(build, *levels))), "How it failed")
    assert how.values["manner"] == "not gracefully"
    assert "throughput fell from 100 to 5.0 calls per second in hold_200" in how.text


def test_stage_that_is_over_before_its_calls_is_no_collapse(build: type[Build]) -> None:
    levels = [build.stage("hold_100", calls=1000), build.stage("hold_200", calls=50, p95=6000)]
    how = build.finding(stress.find(build.evidence(climb(build, *levels))), "How it failed")
    assert how.values["manner"] == "gracefully"


def test_ramp_down_is_no_collapse(build: type[Build]) -> None:
    stages = climb(build, build.stage("hold_100"))
    stages.append(replace(build.stage("ramp_0", 20, 40, calls=1), vus=0))
    how = build.finding(stress.find(build.evidence(stages)), "How it failed")
    assert how.values["manner"] == "not at all"


def test_silence_is_not_graceful_and_its_level_not_carried(build: type[Build]) -> None:
    silent = replace(build.stage("hold_200"), longest_silence_s=7.25, is_silent=True)
    found = stress.find(build.evidence(climb(build, build.stage("hold_100"), silent)))
    assert found.figures["stress.vus_carried"].value == 100
    how = build.finding(found, "How it failed")
    assert how.values["manner"] == "not gracefully"
    assert "no answer for 7.2 s in hold_200" in how.text


def test_levels_of_an_arrival_rate_are_named_by_it(build: type[Build]) -> None:
    levels = [
        replace(build.stage("hold_100", 0, 10), rate_per_s=50.0, vus=100),
        replace(build.stage("hold_200", 10, 20, p95=900.0), rate_per_s=100.0, vus=100),
    ]
    results = stress.find(build.evidence(levels))
    carried = results.findings[0]
    assert "50 iterations per second is the highest level that held" in carried.text
    assert "at 100 iterations per second p95 was 900 ms" in carried.text
    assert carried.values == {"rate_carried_per_s": 50.0}
    assert all(figure.absent for figure in results.figures.values())
