"""What each scenario finds out beyond the common figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.results.record import Finding, MemoryTrend, ServerUse, Stage, Trend
from perf_core.shapes.findings import Evidence, Found, find

if TYPE_CHECKING:
    from conftest import Build


def evidence(build: type[Build], stages: list[Stage], **changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "metrics": build.metrics(),
        "stages": stages,
        "planned_stages": [stage.name for stage in stages],
        "server": None,
        "load": build.load_columns([(10.0,)] * 10),
        "period_s": 1.0,
        **changes,
    }
    return Evidence(**values)


def finding(found: Found, title: str) -> Finding:
    return next(each for each in found.findings if each.title == title)


@pytest.mark.parametrize("shape", ["quick", "load", "anything else"])
def test_shapes_without_findings_find_nothing(build: type[Build], shape: str) -> None:
    assert find(shape, evidence(build, [build.stage()])) == Found()


# --- stress: what it carried ---


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
        # A level that fails ends it, even if a higher one looks well.
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
    found = find("stress", evidence(build, climb(build, *levels)))
    figure = found.figures["stress.vus_carried"]
    assert (figure.value, figure.at_least) == (carried, at_least)
    assert (figure.samples, figure.duration_s) == (3000, 10)
    assert finding(found, "Carried").values == {"vus_carried": carried}


def test_level_without_answers_is_not_carried(build: type[Build]) -> None:
    silent = build.stage("hold_200", calls=0)
    found = find("stress", evidence(build, climb(build, build.stage("hold_100"), silent)))
    assert found.figures["stress.vus_carried"].value == 100


def test_level_in_which_the_script_gave_up_is_not_carried_however_its_figures_look(
    build: type[Build],
) -> None:
    # One user whose calls all fail ends the run before the error rate of the level shows it.
    stages = climb(build, build.stage("hold_100"), build.stage("hold_200", error_rate=0.005))
    found = find("stress", evidence(build, stages, aborted="failure in hold_200"))
    figure = found.figures["stress.vus_carried"]
    assert (figure.value, figure.at_least) == (100, False)
    assert "at 200 VUs" in finding(found, "Carried").text


def test_run_that_gave_up_on_a_ramp_found_its_limit_below_the_next_level(build: type[Build]) -> None:
    stages = climb(build, build.stage("hold_100"), build.stage("hold_200"))[:3]
    found = find("stress", evidence(build, stages, aborted="failure in ramp_200"))
    figure = found.figures["stress.vus_carried"]
    assert (figure.value, figure.at_least) == (100, False)
    assert "ended early in ramp_200" in finding(found, "Carried").text
    assert "the limit lies higher" not in finding(found, "Carried").text


def test_run_that_was_cut_short_says_only_what_it_saw(build: type[Build]) -> None:
    stages = climb(build, build.stage("hold_100"), build.stage("hold_200"))[:2]
    found = find("stress", evidence(build, stages, planned_stages=["hold_100", "hold_200"]))
    assert found.figures["stress.vus_carried"].at_least
    nothing = find("stress", evidence(build, [build.stage("ramp_100")], planned_stages=["hold_100"]))
    assert "before the first level" in nothing.figures["stress.vus_carried"].absent
    assert "before the first level" in nothing.figures["stress.knee_vus"].absent


# --- stress: the knee ---


def saturating(
    build: type[Build], limit: float, *, told_each: int = 1
) -> dict[str, tuple[float | None, ...]]:
    """A ramp to 400 users in 80 periods; k6 tells their number in every nth period only."""
    rows = [(min(5.0 * n, limit), 0.0, 5.0, 5.0 * n if n % told_each == 0 else None) for n in range(1, 81)]
    return build.load_columns(rows)


@pytest.mark.parametrize("told_each", [1, 5])
def test_knee_is_where_throughput_stops_growing(build: type[Build], told_each: int) -> None:
    stages = [build.stage("ramp_400", 0, 70), build.stage("hold_400", 70, 80)]
    found = find("stress", evidence(build, stages, load=saturating(build, 100.0, told_each=told_each)))
    assert found.figures["stress.knee_vus"].value == pytest.approx(100, abs=8)
    assert f"about {found.figures['stress.knee_vus'].value:.0f} VUs" in finding(found, "Knee").text


def test_no_knee_where_throughput_grew_to_the_end(build: type[Build]) -> None:
    stages = [build.stage("ramp_400", 0, 70), build.stage("hold_400", 70, 80)]
    found = find("stress", evidence(build, stages, load=saturating(build, 1e9)))
    assert found.figures["stress.knee_vus"].value is None
    assert "not levelled off" in found.figures["stress.knee_vus"].absent
    assert "Knee" not in [each.title for each in found.findings]


def test_knee_counts_correct_answers_and_leaves_the_way_down_out(build: type[Build]) -> None:
    # Beyond 100 users every further answer is an error; after 80 s they finish what they began.
    rows = [(5.0 * n, max(0.0, 5.0 * n - 100), 5.0, 5.0 * n) for n in range(1, 81)]
    down = [(0.0, 0.0, None, 400.0)] * 400
    stages = [build.stage("hold_400", 0, 80), build.stage("ramp_0", 80, 480)]
    found = find("stress", evidence(build, stages, load=build.load_columns(rows + down)))
    assert found.figures["stress.knee_vus"].value == pytest.approx(100, abs=8)


def test_no_knee_without_a_recording(build: type[Build]) -> None:
    found = find(
        "stress", evidence(build, climb(build, build.stage("hold_100")), load=build.load_columns([]))
    )
    assert found.figures["stress.knee_vus"].value is None


# --- stress: how it failed ---


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
def test_how_it_failed(build: type[Build], p95: float, errors: dict[str, int], manner: str) -> None:
    stages = climb(build, build.stage("hold_100", p95=p95))
    found = find("stress", evidence(build, stages, metrics=build.metrics(errors=errors)))
    how = finding(found, "How it failed")
    assert how.values["manner"] == manner
    for name, count in errors.items():
        assert f"{count} {name.replace('_', ' ')}" in how.text
        assert how.values[f"errors_{name}"] == count


def test_early_end_is_told_with_its_reason(build: type[Build]) -> None:
    stages = climb(build, build.stage("hold_100", p95=9000))
    found = find("stress", evidence(build, stages, aborted="heavy degradation in hold_100"))
    assert "heavy degradation in hold_100" in finding(found, "How it failed").text


# --- spike ---


def spikes(build: type[Build], *, recoveries: int = 2, length_s: float = 10.0) -> list[Stage]:
    stages = [build.stage("baseline", 0, length_s)]
    for turn in range(1, recoveries + 1):
        at = length_s * (2 * turn - 1)
        stages.append(build.stage(f"spike_{turn}", at, at + length_s))
        stages.append(build.stage(f"recovery_{turn}", at + length_s, at + 2 * length_s))
    return stages


def latencies(*parts: list[float | None]) -> list[tuple[float | None, ...]]:
    return [(10.0, 0.0, latency) for part in parts for latency in part]


CALM: list[float | None] = [5.0] * 10
HIGH: list[float | None] = [80.0] * 10


def after(seconds: int) -> list[float | None]:
    return [80.0] * seconds + [5.0] * (10 - seconds)


def recovery(build: type[Build], rows: list[Any], stages: list[Stage] | None = None) -> Found:
    stages = spikes(build) if stages is None else stages
    return find("spike", evidence(build, stages, load=build.load_columns(rows)))


def test_recovery_is_the_slowest_of_all_spikes(build: type[Build]) -> None:
    found = recovery(build, latencies(CALM, HIGH, after(2), HIGH, after(5)))
    figure = found.figures["spike.recovery_s"]
    assert figure.value == pytest.approx(6)
    assert (figure.samples, figure.duration_s, figure.beyond) == (2, 10, False)
    assert [each.title for each in found.findings] == ["Spike 1", "Spike 2"]
    assert [each.values["recovery_s"] for each in found.findings] == pytest.approx([3, 6])


def test_recovered_is_within_20_percent_of_the_latency_before(build: type[Build]) -> None:
    within = recovery(build, latencies(CALM, HIGH, [6.0] * 10), spikes(build, recoveries=1))
    beyond = recovery(build, latencies(CALM, HIGH, [6.1] * 10), spikes(build, recoveries=1))
    assert not within.figures["spike.recovery_s"].beyond
    assert beyond.figures["spike.recovery_s"].beyond


def test_spike_that_never_recovers_lasts_longer_than_it_was_watched(build: type[Build]) -> None:
    found = recovery(build, latencies(CALM, HIGH, after(1), HIGH, HIGH))
    figure = found.figures["spike.recovery_s"]
    assert (figure.value, figure.beyond) == (10, True)
    assert "not back within 10.0 s" in found.findings[1].text


def test_latency_before_is_that_of_the_calm_right_before_each_spike(build: type[Build]) -> None:
    # The first half of the calm still opens sessions or drains the spike before.
    start: list[float | None] = [60.0] * 5 + [5.0] * 5
    settled: list[float | None] = [80.0] * 5 + [8.0] * 5
    found = recovery(build, latencies(start, HIGH, settled, HIGH, CALM))
    assert [each.values["before_med_ms"] for each in found.findings] == [5.0, 8.0]


def test_recovery_at_once_is_no_faster_than_a_period(build: type[Build]) -> None:
    found = recovery(build, latencies(CALM, CALM, CALM), spikes(build, recoveries=1))
    assert found.figures["spike.recovery_s"].value == 1.0


@pytest.mark.parametrize("reached", [0, 1, 2], ids=["nothing", "baseline", "spike"])
def test_run_that_ended_before_a_recovery_has_none_to_judge(build: type[Build], reached: int) -> None:
    found = recovery(build, latencies(CALM, HIGH), spikes(build)[:reached])
    assert "before the first recovery" in found.figures["spike.recovery_s"].absent


def test_recovery_that_was_reached_and_could_not_be_measured_has_no_excuse(build: type[Build]) -> None:
    silent: list[float | None] = [None] * 10
    found = recovery(build, latencies(silent, HIGH, CALM), spikes(build, recoveries=1))
    figure = found.figures["spike.recovery_s"]
    assert (figure.value, figure.absent) == (None, "")


# --- endurance ---


def held(build: type[Build], medians: list[float | None], **changes: Any) -> Found:
    stages = [build.stage("ramp_up", 0, 5), build.stage("hold", 5, 5 + len(medians))]
    rows = latencies([500.0] * 5, medians, [500.0] * 5)
    return find("endurance", evidence(build, stages, load=build.load_columns(rows), **changes))


def test_drift_compares_the_last_tenth_of_the_hold_with_the_first(build: type[Build]) -> None:
    found = held(build, [10.0] * 10 + [99.0] * 80 + [12.0] * 10)
    figure = found.figures["endurance.latency_drift"]
    assert figure.value == pytest.approx(0.2)
    assert figure.duration_s == 100
    assert "+20.0%" in finding(found, "Latency drift").text


def test_faster_at_the_end_is_a_negative_drift(build: type[Build]) -> None:
    assert held(build, [10.0] * 10 + [5.0] * 10).figures["endurance.latency_drift"].value == -0.5


@pytest.mark.parametrize("medians", [[], [10.0] * 9, [None] * 50])
def test_too_few_periods_have_no_drift(build: type[Build], medians: list[float | None]) -> None:
    figure = held(build, medians or [None]).figures["endurance.latency_drift"]
    assert figure.value is None
    assert "too few periods" in figure.absent


def test_memory_sessions_and_uptime_are_told(build: type[Build]) -> None:
    server = ServerUse(
        MemoryTrend(60.0, 66.0, 65.0, 2.5, (2.25, 2.75)), 1.0, 10.0, Trend(1, 1, 1), Trend(1, 1, 1), 1
    )
    metrics = build.metrics(sessions_opened=50, sessions_closed=48)
    found = held(build, [10.0] * 20, server=server, metrics=metrics, sessions_left=2, uptime_percent=99.25)
    memory = finding(found, "Memory")
    assert "+2.50 MB/h (95 % interval +2.25 to +2.75)" in memory.text
    assert memory.values == {"slope_mb_per_h": 2.5}
    sessions = finding(found, "Sessions")
    assert "50 opened, 48 deleted; the server holds 2" in sessions.text
    assert sessions.values == {"opened": 50, "closed": 48, "left_on_server": 2}
    assert finding(found, "Uptime").values == {"uptime_percent": 99.25}


def test_what_cannot_be_known_is_not_told(build: type[Build]) -> None:
    found = held(build, [10.0] * 20)
    assert {each.title for each in found.findings} == {"Latency drift", "Sessions"}
    assert "does not tell" in finding(found, "Sessions").text
    stateless = held(build, [10.0] * 20, metrics=build.metrics(session_creation_ms=None))
    assert finding(stateless, "Sessions").text == "This wire has no sessions."


# --- benchmark ---


@pytest.mark.parametrize("empty", ["ping", "server/discover"])
def test_protocol_overhead_is_what_an_empty_request_costs_beyond_http(build: type[Build], empty: str) -> None:
    protocol = {
        "GET /health": build.latency(2.0),
        "tools/list": build.latency(9.0),
        empty: build.latency(5.0),
    }
    found = find("benchmark", evidence(build, [], metrics=build.metrics(protocol_ms=protocol)))
    overhead = finding(found, "Protocol overhead")
    assert overhead.values == {"http_med_ms": 1.0, "empty_request_med_ms": 2.5}
    assert "1.50 ms" in overhead.text


@pytest.mark.parametrize("missing", ["GET /health", "ping"])
def test_protocol_overhead_needs_both_sides(build: type[Build], missing: str) -> None:
    protocol = {"GET /health": build.latency(2.0), "ping": build.latency(5.0)}
    del protocol[missing]
    assert find("benchmark", evidence(build, [], metrics=build.metrics(protocol_ms=protocol))) == Found()
