"""Health of the measurement, from samples of processes and machine and from the heartbeat of k6."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from perf_core import Target
from perf_core.analysis.figures import Figure
from perf_core.analysis.health import (
    GAP_LIMIT_S,
    HEALTH_COLUMNS,
    OTHERS_LIMIT,
    WAIT_LIMIT,
    health,
    health_columns,
    kept_from_cpu_s,
    late_periods,
    taken_cores,
)
from perf_core.analysis.k6_summary import Window
from perf_core.analysis.resource_use import generator_use
from perf_core.analysis.verdict import Judgement, judge
from perf_core.results.record import Health
from perf_core.sampling.machine import MachineReading
from perf_core.sampling.pulse import Still
from perf_core.sampling.sampler import Reading, Sample

if TYPE_CHECKING:
    from conftest import Build

HELD = (5.0, 20.0)
SERVER_CORES, GENERATOR_CORES, LAB_CORES = 0.5, 0.3, 0.05


@pytest.fixture
def samples(build: type[Build]) -> Callable[..., tuple[Sample, ...]]:
    """Return a function that makes samples of a machine on which others use some cores.

    The shares of waiting are of the time that the threads ran or waited.
    """

    def make(
        others_cores: float = 0.0,
        *,
        server_wait: float | None = 0.0,
        generator_wait: float | None = 0.0,
        steal_cores: float = 0.0,
        pressure: float | None = 0.0,
        cpus: int = 2,
        ramp_others_cores: float | None = None,
    ) -> tuple[Sample, ...]:
        made = []
        plain = build.samples(range(21), lambda t: SERVER_CORES * t, lambda t: GENERATOR_CORES * t)
        for sample in plain:
            t = sample.at_s - build.started_at_s
            before_hold = others_cores if ramp_others_cores is None else ramp_others_cores
            others_s = before_hold * min(t, HELD[0]) + others_cores * max(t - HELD[0], 0)
            busy_s = others_s + (SERVER_CORES + GENERATOR_CORES + LAB_CORES) * t
            machine = MachineReading(
                cpus=cpus,
                busy_s=1000 + busy_s,
                steal_s=50 + steal_cores * t,
                pressure_s=None if pressure is None else 7 + pressure * t,
                lab_cpu_s=3 + LAB_CORES * t,
            )
            assert sample.server is not None
            assert sample.generator is not None
            made.append(
                Sample(
                    sample.at_s,
                    replace(sample.server, wait_s=waited_s(server_wait, SERVER_CORES * t)),
                    replace(sample.generator, wait_s=waited_s(generator_wait, GENERATOR_CORES * t)),
                    machine,
                )
            )
        return tuple(made)

    return make


def waited_s(share: float | None, ran_s: float) -> float | None:
    return None if share is None else share / (1 - share) * ran_s


Examined = Callable[..., Health]


@pytest.fixture
def examined(build: type[Build], samples: Callable[..., tuple[Sample, ...]]) -> Examined:
    """Return a function that makes samples and returns their health."""

    def examine(
        *others_cores: float,
        stills: Sequence[tuple[float, float]] = (),
        server_elsewhere: bool = False,
        without: Sequence[str] = (),
        **shares: Any,
    ) -> Health:
        start_s = build.started_at_s
        made = [
            replace(sample, **dict.fromkeys(without, None)) for sample in samples(*others_cores, **shares)
        ]
        return health(
            made,
            Window(start_s, start_s + 20),
            Window(start_s + HELD[0], start_s + HELD[1]),
            [Still(start_s + begin, start_s + end) for begin, end in stills],
            server_elsewhere=server_elsewhere,
        )

    return examine


def test_quiet_machine_is_sound(examined: Examined) -> None:
    result = examined(stills=[(3.0, 3.1)])
    assert (result.state, result.problems) == ("sound", ())
    assert result.others_cores == pytest.approx(0, abs=1e-9)
    assert result.steal_share == 0
    assert result.generator_gap_s == pytest.approx(0.1)


def test_shares_are_those_of_the_hold(examined: Examined) -> None:
    result = examined(
        0.8, ramp_others_cores=2.0, server_wait=0.4, generator_wait=0.25, steal_cores=0.1, pressure=0.9
    )
    assert result.others_cores == pytest.approx(0.8)
    assert result.server_wait_share == pytest.approx(0.4)
    assert result.generator_wait_share == pytest.approx(0.25)
    assert result.steal_share == pytest.approx(0.05)
    assert result.cpu_pressure_share == pytest.approx(0.9)
    assert taken_cores(result, 2) == pytest.approx(0.9)


def test_busy_machine_bounds_the_figures(examined: Examined) -> None:
    result = examined(1.3, server_wait=0.4, generator_wait=0.05)
    assert result.state == "bounded"
    assert result.problems == (
        "the machine was busy: others used 1.3 of 2 CPUs, the server waited for a CPU for 40% of its time",
    )
    assert examined(1.3, generator_wait=0.4).state == "bounded"


def test_host_that_takes_the_cpu_is_a_busy_machine(examined: Examined) -> None:
    assert examined(steal_cores=0.5, server_wait=0.3).state == "bounded"


def test_waiting_for_each_other_is_no_fault_of_the_machine(examined: Examined) -> None:
    # Server and k6 need all cores by themselves; `GeneratorUse.saturated` is about that.
    assert examined(0.1, server_wait=0.5, generator_wait=0.5, pressure=1.0).state == "sound"


def test_others_that_nobody_waits_for_do_no_harm(examined: Examined) -> None:
    assert examined(6.0, cpus=16, server_wait=0.02, generator_wait=0.02).state == "sound"


@pytest.mark.parametrize(("more", "state"), [(-0.01, "sound"), (0.01, "bounded")])
def test_limits(more: float, state: str, examined: Examined) -> None:
    assert examined(2 * (OTHERS_LIMIT + more), server_wait=0.9).state == state
    assert examined(2.0, server_wait=WAIT_LIMIT + more).state == state
    gap = examined(stills=[(6, 6 + GAP_LIMIT_S + more)])
    assert gap.state == ("invalid" if state == "bounded" else "sound")


def test_others_alone_count_where_waiting_is_not_known(examined: Examined) -> None:
    result = examined(1.0, server_wait=None, generator_wait=None)
    assert result.state == "bounded"
    assert result.problems == ("the machine was busy: others used 1.0 of 2 CPUs",)


def test_k6_that_stood_still_makes_the_run_invalid(examined: Examined) -> None:
    result = examined(1.0, server_wait=0.5, stills=[(2, 2.3), (9, 13), (14, 15)])
    assert result.state == "invalid"
    assert result.generator_gap_s == pytest.approx(4)
    assert [(round(stop.start_s, 3), round(stop.end_s, 3)) for stop in result.stops] == [
        (2, 2.3),
        (9, 13),
        (14, 15),
    ]
    stood_still, busy = result.problems
    assert stood_still.startswith("k6 stood still for 4.0 s, from 9.0 s after the start")
    assert busy.startswith("the machine was busy")


def test_only_stills_during_the_load_count(examined: Examined) -> None:
    # Before it, k6 loads the plan; after it, k6 deletes sessions and may wait for the lab.
    assert examined(stills=[(-5, -1), (21, 30)]).generator_gap_s == 0
    assert examined(stills=[(-5, -1), (21, 30)]).stops == ()
    assert examined(stills=[(-5, 0.5), (19.8, 30)]).generator_gap_s == pytest.approx(0.5)


def test_invisible_server_on_this_machine_is_not_told_from_others(examined: Examined) -> None:
    # Such as one in a container.
    result = examined(0.0, without=["server"], generator_wait=0.5)
    assert result.others_cores is None
    # k6 waited, and nobody knows for whom.
    assert result.state == "unknown"
    assert examined(0.0, without=["server"], generator_wait=0.05).state == "sound"
    assert examined(without=["server"], steal_cores=1.0, generator_wait=0.5).state == "bounded"


def test_server_on_another_machine_uses_nothing_of_this_one(examined: Examined) -> None:
    result = examined(without=["server"], server_elsewhere=True)
    # The samples contain a server: on this machine, it is another process like any other.
    assert result.others_cores == pytest.approx(SERVER_CORES)
    assert result.server_wait_share is None


@pytest.mark.parametrize("without", [["machine"], ["machine", "server"]])
def test_system_without_counters_has_the_heartbeat_only(without: list[str], examined: Examined) -> None:
    result = examined(2.0, without=without, server_wait=None, generator_wait=None)
    assert result == Health("unknown", generator_gap_s=0.0)
    assert examined(without=without, stills=[(3, 5)]).state == "invalid"


def test_health_without_samples_is_unknown(build: type[Build]) -> None:
    window = Window(build.started_at_s, build.started_at_s + 20)
    assert health((), window, window, (), server_elsewhere=False) == Health("unknown")
    no_generator = build.samples(range(21), lambda t: t)
    assert health(no_generator, window, window, (), server_elsewhere=False) == Health("unknown")


ENDS_S = (10.0, 10.2, 10.4, 13.4, 13.6)


def test_late_period_is_a_still(build: type[Build]) -> None:
    ends_s = [build.started_at_s + end_s for end_s in ENDS_S]
    # k6 works before and after, but not in between.
    samples = build.samples(range(21), None, lambda t: 0.5 * min(t, 10) + 0.5 * max(t - 14, 0))
    (still,) = late_periods(ends_s, 0.2, samples)
    # In the first second k6 may have had nothing to tell.
    assert still.start_s - build.started_at_s == pytest.approx(11.6)
    assert still.end_s - build.started_at_s == pytest.approx(13.4)


def test_k6_that_had_nothing_to_tell_did_not_stand_still(build: type[Build]) -> None:
    # Users wait for a second between two bursts; k6 tells their number in between, and uses no CPU.
    ends_s = [build.started_at_s + end_s for end_s in (2.0, 2.2, 3.3, 3.5, 4.6)]
    assert list(late_periods(ends_s, 0.2, build.samples(range(21), None, lambda t: 0.001 * t))) == []


def test_late_period_of_a_busy_k6_is_no_still(build: type[Build]) -> None:
    # With 800 users on two cores, a period was 1.4 s late although k6 worked all the time.
    ends_s = [build.started_at_s + end_s for end_s in ENDS_S]
    assert list(late_periods(ends_s, 0.2, build.samples(range(21), None, lambda t: t))) == []


def test_late_periods_need_samples_of_k6(build: type[Build]) -> None:
    ends_s = [build.started_at_s + end_s for end_s in ENDS_S]
    assert list(late_periods(ends_s, 0.2, build.samples(range(21)))) == []
    assert list(late_periods((), 0.2, build.samples(range(21), None, lambda t: t))) == []


def test_columns_are_in_step_with_the_samples(
    build: type[Build], samples: Callable[..., tuple[Sample, ...]]
) -> None:
    made = samples(0.8, ramp_others_cores=0.4, server_wait=0.5, generator_wait=None, pressure=0.3)
    columns = health_columns(made, build.started_at_s, 10)
    assert tuple(columns) == HEALTH_COLUMNS
    assert columns["others_cores"] == pytest.approx([0.4] * 5 + [0.8] * 5)
    assert columns["server_wait_share"] == pytest.approx([0.5] * 10)
    assert columns["generator_wait_share"] == (None,) * 10
    assert columns["cpu_pressure_share"] == pytest.approx([0.3] * 10)
    assert health_columns((), build.started_at_s, 10) == dict.fromkeys(HEALTH_COLUMNS, ())


# --- the verdict of a disturbed run ---

P95 = Target("latency_ms.all.p95", "<", 100, need="People wait for it.")
ERRORS = Target("error_rate", "<", 0.001, need="Answers must be right.")
BUSY = Health("bounded", ("the machine was busy: others used 1.3 of 2 CPUs",))
STOPPED = Health("invalid", ("k6 stood still for 4.0 s",))


def judged(
    build: type[Build], state: Health | None, p95: float, error_rate: float = 0.0, **generator: Any
) -> Judgement:
    measured = {
        P95.figure: Figure(p95, 1000, 60.0),
        ERRORS.figure: Figure(error_rate, 1000, 60.0, timed=False),
    }
    return judge([P95, ERRORS], measured, build.generator(**generator), (), health=state)


def test_met_target_stands_on_a_busy_machine(build: type[Build]) -> None:
    judgement = judged(build, BUSY, 99)
    assert (judgement.verdict, judgement.exit_code) == ("pass", 0)
    assert [(result.outcome, result.bound) for result in judgement.targets] == [
        ("met", True),
        ("met", False),
    ]
    assert judgement.reasons == (
        "the machine was busy: others used 1.3 of 2 CPUs; figures of time are bounds",
    )


def test_missed_target_on_time_is_invalid_on_a_busy_machine(build: type[Build]) -> None:
    judgement = judged(build, BUSY, 250)
    assert (judgement.verdict, judgement.exit_code) == ("invalid", 5)
    assert judgement.reasons == (
        "the machine was busy: others used 1.3 of 2 CPUs",
        "targets missed meanwhile: latency_ms.all.p95",
    )
    assert judged(build, Health("sound"), 250).verdict == "fail"
    assert judged(build, None, 250).verdict == "fail"


def test_wrong_answers_fail_on_a_busy_machine(build: type[Build]) -> None:
    assert judged(build, BUSY, 99, error_rate=0.01).verdict == "fail"


def test_busy_machine_is_named_before_the_saturation_that_it_causes(build: type[Build]) -> None:
    reasons = judged(build, BUSY, 250, saturated=True).reasons
    assert "the machine was busy" in reasons[0]
    assert not any("saturated" in reason for reason in reasons)
    reasons = judged(build, Health("sound"), 250, saturated=True).reasons
    assert "k6 was saturated" in reasons[0]


def test_dropped_iterations_are_not_blamed_on_the_server_of_a_busy_machine(build: type[Build]) -> None:
    judgement = judged(build, BUSY, 99, dropped_iterations=500)
    assert judgement.verdict == "invalid"
    assert "the machine was busy" in judgement.reasons[0]


@pytest.mark.parametrize("p95", [99, 250])
def test_run_whose_k6_stood_still_is_invalid(p95: float, build: type[Build]) -> None:
    judgement = judged(build, STOPPED, p95)
    assert (judgement.verdict, judgement.exit_code) == ("invalid", 5)
    assert "k6 stood still for 4.0 s" in judgement.reasons


# --- the cores that are left to k6 ---


def test_cores_that_others_use_are_not_available_to_k6(
    build: type[Build], samples: Callable[..., tuple[Sample, ...]], examined: Examined
) -> None:
    start_s = build.started_at_s
    windows = Window(start_s, start_s + 20), Window(start_s + HELD[0], start_s + HELD[1])

    def available(others_cores: float, *, pinned: bool = False, steal_cores: float = 0.0) -> float:
        return generator_use(
            samples(others_cores, steal_cores=steal_cores),
            *windows,
            1000,
            cpus=1 if pinned else 2,
            pinned=pinned,
            dropped=0,
            iterations=1000,
            exit_code=0,
            health=examined(others_cores, steal_cores=steal_cores),
        ).cores_available

    assert available(0.0) == pytest.approx(2 - SERVER_CORES)
    assert available(0.9) == pytest.approx(2 - SERVER_CORES - 0.9)
    assert available(0.5, steal_cores=0.4) == pytest.approx(2 - SERVER_CORES - 0.9)
    assert available(3.0) == 0
    # With a CPU of its own, at most that one.
    assert available(0.0, pinned=True) == 1
    assert available(1.2, pinned=True) == pytest.approx(2 - SERVER_CORES - 1.2)


def test_bridge_is_no_other_process(samples: Callable[..., tuple[Sample, ...]], build: type[Build]) -> None:
    def others(bridge_cores: float) -> float | None:
        made = [
            replace(
                sample,
                bridge=Reading(1.0, bridge_cores * (sample.at_s - build.started_at_s), 1, 1, 1),
            )
            for sample in samples(0.6)
        ]
        start = build.started_at_s
        window = Window(start + HELD[0], start + HELD[1])
        return health(made, Window(start, start + 20), window, (), server_elsewhere=False).others_cores

    assert others(0.0) == pytest.approx(0.6)
    assert others(0.4) == pytest.approx(0.2)


# --- a machine that is busy for a while ---


def busy_between(
    samples: tuple[Sample, ...], start: int, end: int, others_cores: float
) -> tuple[Sample, ...]:
    """Return the samples with others that use cores from one sample to another."""
    made = []
    for index, sample in enumerate(samples):
        assert sample.machine is not None
        others_s = others_cores * (min(max(index, start), end) - start)
        machine = replace(sample.machine, busy_s=sample.machine.busy_s + others_s)
        made.append(replace(sample, machine=machine))
    return tuple(made)


@pytest.mark.parametrize(("end", "state"), [(10, "sound"), (14, "bounded")])
def test_machine_that_was_busy_for_a_while_is_noticed(
    build: type[Build], samples: Callable[..., tuple[Sample, ...]], end: int, state: str
) -> None:
    # On average 0.025 and 0.125 cores, which is little.
    made = busy_between(samples(server_wait=0.3), 9, end, others_cores=0.5)
    start_s = build.started_at_s
    window = Window(start_s, start_s + 20)
    examined = health(made, window, window, (), server_elsewhere=False)
    assert examined.state == state
    if state == "bounded":
        assert "others used 0." in examined.problems[0]
        assert examined.problems[0].endswith("s of 20 s")


# --- time for which server and k6 were kept from the CPU ---


@pytest.fixture
def kept(build: type[Build], samples: Callable[..., tuple[Sample, ...]]) -> Callable[..., float | None]:
    """Return a function that returns the time lost from 4 to 14 s after the start."""

    def measure(
        until_s: float = 14.0, *, server_elsewhere: bool = False, without: Sequence[str] = (), **shares: Any
    ) -> float | None:
        made = [replace(sample, **dict.fromkeys(without, None)) for sample in samples(**shares)]
        start_s = build.started_at_s
        return kept_from_cpu_s(made, start_s + 4, start_s + until_s, server_elsewhere=server_elsewhere)

    return measure


def test_others_take_nothing_from_a_server_that_wants_nothing(kept: Callable[..., float | None]) -> None:
    assert kept(others_cores=1.9) == 0.0


def test_waits_of_server_and_k6_and_the_time_of_the_host_are_lost(kept: Callable[..., float | None]) -> None:
    # The server waits as long as it runs, and k6 a third of the time.
    lost_s = kept(server_wait=0.5, generator_wait=0.25, steal_cores=0.1)
    assert lost_s == pytest.approx(10 * (SERVER_CORES + GENERATOR_CORES / 3 + 0.1))


@pytest.mark.parametrize(
    "unknown",
    [{"server_wait": None}, {"without": ["machine"]}, {"server_elsewhere": True}, {"until_s": 24.0}],
)
def test_time_lost_may_be_unknown(kept: Callable[..., float | None], unknown: dict[str, Any]) -> None:
    assert kept(**unknown) is None
