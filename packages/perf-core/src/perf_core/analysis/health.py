"""Health of the measurement: whether server and k6 got the CPU that they wanted; pure functions.

On a busy machine, a server waits for a CPU and looks slow, and the verdict must not blame it. Over the stages
that carry figures, two things are measured: the CPU that others than the server, k6 and the lab used,
including the host (steal), and the share of their time for which the threads of server and k6 waited for a
CPU, on average and in parts of two seconds. Each alone is normal: server and k6 wait for each other when they
need all cores, which is a matter of ``GeneratorUse.saturated``, and others can use a machine with many cores
without harm. Both together make the figures bounds.

The heartbeat of k6 tells a load that was not the planned one: while k6 stands still, nobody calls, and a
server that hangs goes unnoticed. The thresholds come from experiments; docs/methodology.md describes them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from perf_core.analysis.k6_summary import Window
from perf_core.load.k6_recording import USERS_EVERY_S
from perf_core.results.record import Health, HealthState, Stop
from perf_core.sampling.pulse import SHORTEST_STILL_S, Still
from perf_core.sampling.sampler import Reading, Sample

OTHERS_LIMIT = 0.07
"""Largest share of the usable CPUs that others, including the host, may use while server or k6 wait."""

WAIT_LIMIT = 0.1
"""Largest share of their time for which the threads of server or k6 may wait while others use the machine."""

GAP_LIMIT_S = 0.5
"""Longest time for which k6 may stand still; without a stop it was at most 0.05 s on a busy machine."""

SHORTEST_BUSY_S = 4.0
"""A machine that was busy for less, in parts of some seconds, moves no percentile by much."""

BUSY_SHARE = 0.01
"""Share of the load for which a machine may be busy: the p99 is the first percentile that notices."""

_PART_S = 2.0

_STILL_CORES = 0.1
"""Cores that a k6 that stood still seems to use at most: samples are not taken just before and after."""

HEALTH_COLUMNS = ("others_cores", "cpu_pressure_share", "server_wait_share", "generator_wait_share")


@dataclass(frozen=True)
class _Shares:
    """CPU use between two samples, named as in ``record.Health``; None where the system reports nothing."""

    server_wait_share: float | None = None
    generator_wait_share: float | None = None
    cpu_pressure_share: float | None = None
    steal_share: float | None = None
    others_cores: float | None = None
    cpus: int = 0


def health(
    samples: Sequence[Sample],
    load: Window,
    held: Window,
    stills: Iterable[Still],
    *,
    server_elsewhere: bool,
) -> Health:
    """Return the health of a run.

    Args:
        held: Span of the stages that carry figures.
        stills: Times in which k6 did nothing, from its pulse and from :func:`late_periods`.
        server_elsewhere: Whether the server runs on another machine. If it runs on this one and its
            processes are not visible, their CPU time cannot be told from that of others.
    """
    in_hold = [sample for sample in samples if sample.at_s in held and sample.generator is not None]
    if len(in_hold) < 2:
        shares = _Shares()
    else:
        shares = _shares(in_hold[0], in_hold[-1], server_elsewhere=server_elsewhere)
    inside = _within(load, stills)
    gap = max(inside, key=lambda still: still.end_s - still.start_s, default=None)
    stood_still = _stood_still(gap, load)
    busy = _busy_machine(shares) or _busy_for_a_while(in_hold, server_elsewhere=server_elsewhere)
    state: HealthState = "unknown"
    if stood_still:
        state = "invalid"
    elif busy:
        state = "bounded"
    elif _is_known(shares):
        state = "sound"
    return Health(
        state,
        tuple(filter(None, (stood_still, busy))),
        server_wait_share=shares.server_wait_share,
        generator_wait_share=shares.generator_wait_share,
        cpu_pressure_share=shares.cpu_pressure_share,
        steal_share=shares.steal_share,
        others_cores=shares.others_cores,
        generator_gap_s=_gap_s(gap, watched=len(in_hold) >= 2),
        stops=tuple(
            Stop(each.start_s - load.start_s, each.end_s - load.start_s)
            for each in inside
            if each.end_s - each.start_s >= SHORTEST_STILL_S
        ),
    )


def late_periods(ends_s: Iterable[float], period_s: float, samples: Sequence[Sample]) -> Iterator[Still]:
    """Yield the times by which periods of k6's recording ended late while k6 used no CPU.

    k6's own clock ends the periods, so that this works on every system and notices a pause of the whole
    machine, but less exactly than the pulse: a k6 that has nothing to tell sends its number of users once a
    second only, so that a shorter stop may pass unnoticed. A k6 that is busy ends its periods late, too, and
    did not stand still.
    """
    readings = [(sample.at_s, sample.generator.cpu_s) for sample in samples if sample.generator]
    if not readings:
        return
    times_s, used_s = zip(*readings, strict=True)
    for before_s, end_s in itertools.pairwise(ends_s):
        start_s = before_s + USERS_EVERY_S + period_s
        if end_s > start_s:
            at_start_s, at_end_s = np.interp([start_s, end_s], times_s, used_s)
            if at_end_s - at_start_s < _STILL_CORES * (end_s - start_s):
                yield Still(start_s, end_s)


def _within(load: Window, stills: Iterable[Still]) -> list[Still]:
    """Return the stills during the load, cut to it, in order."""
    return sorted(
        (
            Still(max(each.start_s, load.start_s), min(each.end_s, load.end_s))
            for each in stills
            if each.start_s < load.end_s and each.end_s > load.start_s
        ),
        key=lambda still: still.start_s,
    )


def _gap_s(gap: Still | None, *, watched: bool) -> float | None:
    if gap is None:
        return 0.0 if watched else None
    return gap.end_s - gap.start_s


def _stood_still(gap: Still | None, load: Window) -> str:
    if gap is None or gap.end_s - gap.start_s <= GAP_LIMIT_S:
        return ""
    return (
        f"k6 stood still for {gap.end_s - gap.start_s:.1f} s, from {gap.start_s - load.start_s:.1f} s after "
        "the start: it or the machine was stopped, so the load was not the planned one"
    )


def _is_known(shares: _Shares) -> bool:
    """Return whether the machine is known to have been idle enough.

    Without the CPU time of others, which takes a visible server, a k6 that never waited shows it, too.
    """
    waited = shares.generator_wait_share
    return shares.others_cores is not None or (waited is not None and waited <= WAIT_LIMIT)


def taken_cores(health: Health, cpus: float) -> float:
    """Return the number of CPU cores that others used, including the host of a virtual machine."""
    return (health.others_cores or 0.0) + (health.steal_share or 0.0) * cpus


def _busy_machine(shares: _Shares) -> str:
    taken = (shares.others_cores or 0.0) + (shares.steal_share or 0.0) * shares.cpus
    if taken <= OTHERS_LIMIT * shares.cpus:
        return ""
    waits = {"the server": shares.server_wait_share, "k6": shares.generator_wait_share}
    waited = {name: share for name, share in waits.items() if share is not None and share > WAIT_LIMIT}
    if not waited and any(share is not None for share in waits.values()):
        return ""
    causes = [f"others used {taken:.1f} of {shares.cpus} CPUs"]
    causes += [f"{name} waited for a CPU for {share:.0%} of its time" for name, share in waited.items()]
    return f"the machine was busy: {', '.join(causes)}"


def _busy_for_a_while(samples: Sequence[Sample], *, server_elsewhere: bool) -> str:
    """Return for how long the machine was busy, if that was long enough; empty if it was not.

    A build of half a minute beside a load of ten is little on average, and yet moves the percentiles.
    """
    busy_s, example = 0.0, ""
    for part in _parts(samples):
        problem = _busy_machine(_shares(part[0], part[-1], server_elsewhere=server_elsewhere))
        if problem:
            busy_s += part[-1].at_s - part[0].at_s
            example = example or problem
    held_s = samples[-1].at_s - samples[0].at_s if samples else 0.0
    if busy_s < max(SHORTEST_BUSY_S, BUSY_SHARE * held_s):
        return ""
    return f"{example}, for {busy_s:.0f} s of {held_s:.0f} s"


def _parts(samples: Sequence[Sample]) -> Iterator[Sequence[Sample]]:
    """Yield the samples in parts of at least ``_PART_S``; each begins with the last of the one before."""
    start = 0
    for index, sample in enumerate(samples):
        if sample.at_s - samples[start].at_s >= _PART_S:
            yield samples[start : index + 1]
            start = index


def _shares(first: Sample, last: Sample, *, server_elsewhere: bool) -> _Shares:
    elapsed_s = max(last.at_s - first.at_s, 1e-3)
    server_wait = _wait_share(first.server, last.server)
    generator_wait = _wait_share(first.generator, last.generator)
    if first.machine is None or last.machine is None:
        return _Shares(server_wait, generator_wait)
    before, after = first.machine, last.machine
    pressure = None
    if before.pressure_s is not None and after.pressure_s is not None:
        pressure = min(1.0, (after.pressure_s - before.pressure_s) / elapsed_s)
    others = None
    server_s = 0.0 if server_elsewhere else _used_s(first.server, last.server)
    generator_s = _used_s(first.generator, last.generator)
    bridge_s = _used_s(first.bridge, last.bridge) or 0.0
    if server_s is not None and generator_s is not None:
        own_s = server_s + bridge_s + generator_s + after.lab_cpu_s - before.lab_cpu_s
        others = max(0.0, after.busy_s - before.busy_s - own_s) / elapsed_s
    return _Shares(
        server_wait,
        generator_wait,
        pressure,
        max(0.0, after.steal_s - before.steal_s) / (elapsed_s * after.cpus),
        others,
        after.cpus,
    )


def _used_s(before: Reading | None, after: Reading | None) -> float | None:
    return after.cpu_s - before.cpu_s if before and after else None


def _wait_share(before: Reading | None, after: Reading | None) -> float | None:
    """Return the wait as a share of the time that the threads ran or waited; None if it is not known."""
    if not before or not after or before.wait_s is None or after.wait_s is None:
        return None
    waited_s = after.wait_s - before.wait_s
    wanted_s = waited_s + after.cpu_s - before.cpu_s
    return waited_s / wanted_s if wanted_s > 0 else 0.0


def kept_from_cpu_s(
    samples: Sequence[Sample], start_s: float, end_s: float, *, server_elsewhere: bool
) -> float | None:
    """Return for how long server, bridge or k6 may have been kept from the CPU in a span of time.

    That is the time for which their threads were ready and waited, all together, and the time that the host
    gave to others: more than they lost, if several waited at once. None where that is not known. A server
    that hangs wants no CPU, so that others may use all of it and yet keep nothing from it.

    Args:
        start_s: Start of the span, in seconds since the epoch, as ``end_s`` and the times of the samples.
    """
    if server_elsewhere or len(samples) < 2:
        return None
    clocks = []
    for sample in samples:
        readings = [sample.server, sample.generator, *([sample.bridge] if sample.bridge else [])]
        waits = [each.wait_s for each in readings if each is not None and each.wait_s is not None]
        if sample.machine is not None and len(waits) == len(readings):
            clocks.append((sample.at_s, sum(waits) + sample.machine.steal_s))
    if len(clocks) < 2 or clocks[0][0] > start_s or clocks[-1][0] < end_s:
        return None
    times_s, lost_s = zip(*clocks, strict=True)
    at_start_s, at_end_s = np.interp([start_s, end_s], times_s, lost_s)
    return max(0.0, float(at_end_s - at_start_s))


def health_columns(
    samples: Sequence[Sample], started_at_s: float, until_s: float, *, server_elsewhere: bool = False
) -> dict[str, tuple[float | None, ...]]:
    """Return the columns of ``record.Series.server`` on the health, in step with ``server_columns``."""
    columns: dict[str, list[float | None]] = {name: [] for name in HEALTH_COLUMNS}
    for before, sample in itertools.pairwise(samples):
        if not 0 <= sample.at_s - started_at_s <= until_s:
            continue
        shares = _shares(before, sample, server_elsewhere=server_elsewhere)
        for name, values in columns.items():
            values.append(getattr(shares, name))
    return {name: tuple(values) for name, values in columns.items()}
