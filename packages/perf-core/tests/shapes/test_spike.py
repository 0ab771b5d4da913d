"""Recovery after spikes of the load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from perf_core.analysis.evidence import ShapeFindings
from perf_core.results.record import Stage
from perf_core.shapes import spike

if TYPE_CHECKING:
    from conftest import Build


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


def recovery(build: type[Build], rows: list[Any], stages: list[Stage] | None = None) -> ShapeFindings:
    stages = spikes(build) if stages is None else stages
    return spike.find(build.evidence(stages, load=build.load_columns(rows)))


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


def test_missing_recovery_takes_at_least_the_time_observed(build: type[Build]) -> None:
    found = recovery(build, latencies(CALM, HIGH, after(1), HIGH, HIGH))
    figure = found.figures["spike.recovery_s"]
    assert (figure.value, figure.beyond) == (10, True)
    assert "not back within 10.0 s" in found.findings[1].text


def test_latency_before_is_that_of_the_settled_half_of_the_first_calm(build: type[Build]) -> None:
    # The first half of the calm still opens sessions.
    start: list[float | None] = [60.0] * 5 + [5.0] * 5
    settled: list[float | None] = [80.0] * 5 + [8.0] * 5
    found = recovery(build, latencies(start, HIGH, settled, HIGH, CALM))
    assert [each.values["before_med_ms"] for each in found.findings] == [5.0, 5.0]
    assert [each.values["after_med_ms"] for each in found.findings] == [8.0, 5.0]


def test_server_that_is_slower_after_each_spike_has_not_recovered(build: type[Build]) -> None:
    # Each calm is within 20 % of the one before it: 104 ms becomes 212 ms unnoticed.
    medians = [104.0 * 1.153**turn for turn in range(6)]
    rows: list[list[float | None]] = [[median] * 10 for median in medians]
    parts = [part for calm in rows for part in (HIGH, calm)][1:]
    found = recovery(build, latencies(*parts), spikes(build, recoveries=5))
    assert found.figures["spike.recovery_s"].beyond
    backs = ["not back" not in each.text for each in found.findings]
    assert backs == [True, False, False, False, False]
    assert found.findings[-1].values["after_med_ms"] == pytest.approx(212, rel=0.01)


def test_immediate_recovery_takes_one_period(build: type[Build]) -> None:
    found = recovery(build, latencies(CALM, CALM, CALM), spikes(build, recoveries=1))
    assert found.figures["spike.recovery_s"].value == 1.0


@pytest.mark.parametrize("reached", [0, 1, 2], ids=["nothing", "baseline", "spike"])
def test_recovery_is_absent_when_the_run_ended_before_one(build: type[Build], reached: int) -> None:
    found = recovery(build, latencies(CALM, HIGH), spikes(build)[:reached])
    assert "before the first recovery" in found.figures["spike.recovery_s"].absent


def test_recovery_without_samples_is_missing_and_not_absent(build: type[Build]) -> None:
    silent: list[float | None] = [None] * 10
    found = recovery(build, latencies(silent, HIGH, CALM), spikes(build, recoveries=1))
    figure = found.figures["spike.recovery_s"]
    assert (figure.value, figure.absent) == (None, "")


def test_recovery_in_less_than_a_period_takes_a_period(build: type[Build]) -> None:
    # The load drops at 19.4 s, and the next period ends at 20 s.
    stages = spikes(build, recoveries=1, length_s=9.7)
    found = recovery(build, latencies(CALM, CALM, CALM), stages)
    assert found.figures["spike.recovery_s"].value == 1.0
