"""Resource use of the server and of k6, from samples; pure functions."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from perf_core.analysis.health import HEALTH_COLUMNS, health_columns, taken_cores
from perf_core.analysis.k6_summary import FIGURE_KINDS, Window
from perf_core.analysis.trends import Slope, Stretch, slope
from perf_core.results.record import GeneratorUse, Health, MemoryTrend, ServerUse, Stage, Trend
from perf_core.sampling.sampler import Reading, Sample
from perf_core.sampling.session_count import SessionCount

SATURATED_SHARE = 0.85
"""Share of the cores left to k6 beyond which k6 counts as the limit: its own queues then add to the latency
it reports. Measured with the reference servers of ``benchmarks/``; see docs/methodology.md."""

PROCESS_COLUMNS = (
    "t_s",
    "rss_mb",
    "cpu_cores",
    "fds",
    "threads",
    "processes",
    "generator_cpu_cores",
    "sessions",
)
SERVER_COLUMNS = (*PROCESS_COLUMNS, *HEALTH_COLUMNS)

_S_PER_H = 3600

Series = Sequence[tuple[float, float]]
"""Pairs of a time, in seconds since the epoch, and a value."""


def constant_loads(
    stages: Sequence[Stage], pools: Collection[str], started_at_s: float
) -> tuple[Window, ...]:
    """Return the spans in which the load was constant: the stages that carry figures.

    Adjoining ones at the same level are one span, as the hours of a night are, unless they call different
    tools. Ramps are left out: what a server holds for each user grows with the users, which is no leak.

    Args:
        pools: Names of the pools of journeys. A stage of such a name calls that pool alone.
        started_at_s: Start of the load, seconds since the epoch.
    """
    spans: list[tuple[Stage, Stage]] = []
    for stage in stages:
        if stage.kind not in FIGURE_KINDS:
            continue
        if spans and stage.name not in pools and _goes_on(spans[-1][1], stage):
            spans[-1] = spans[-1][0], stage
        else:
            spans.append((stage, stage))
    return tuple(Window(started_at_s + a.start_s, started_at_s + b.end_s) for a, b in spans)


def _goes_on(before: Stage, after: Stage) -> bool:
    return (before.vus, before.rate_per_s, before.end_s) == (after.vus, after.rate_per_s, after.start_s)


def server_use(
    samples: Sequence[Sample],
    load: Window,
    constant: Sequence[Window],
    calls: int,
    *,
    sessions_left: int | None,
    uptime_percent: float | None,
    session_counts: Sequence[SessionCount] = (),
) -> ServerUse | None:
    """Return the server's resource use over the load; None with fewer than two samples.

    Args:
        constant: Spans of constant load, over which slopes are computed; see :func:`constant_loads`.
        session_counts: Open sessions that the server reported meanwhile.
    """
    seen = [(s.at_s, s.server) for s in samples if s.server and s.server.processes and s.at_s in load]
    if len(seen) < 2:
        return None
    # Until k6 ended: calls in flight at the end of the load are calls, too.
    until_calls_ended = Window(load.start_s, max(load.end_s, samples[-1].at_s))
    cpu_s = _used_s([(s.at_s, s.server.cpu_s) for s in samples if s.server], until_calls_ended)
    memory = _trend([(at_s, reading.rss_mb) for at_s, reading in seen], constant)
    sessions = [(count.at_s, float(count.open)) for count in session_counts if count.at_s in load]
    return ServerUse(
        rss_mb=MemoryTrend(
            memory.start,
            memory.peak,
            memory.end,
            slope_mb_per_h=memory.slope_per_h,
            slope_interval=memory.slope_interval,
        ),
        cpu_s=cpu_s,
        cpu_us_per_call=cpu_s * 1e6 / calls if calls else 0.0,
        fds=_trend([(at_s, float(reading.fds)) for at_s, reading in seen], constant),
        threads=_trend([(at_s, float(reading.threads)) for at_s, reading in seen], constant),
        processes=max(reading.processes for _, reading in seen),
        sessions_left=sessions_left,
        uptime_percent=uptime_percent,
        sessions=_trend(sessions, constant) if sessions else None,
    )


def _trend(series: Series, constant: Sequence[Window]) -> Trend:
    values = [value for _, value in series]
    climb = _slope(series, constant)
    return Trend(
        start=values[0],
        peak=max(values),
        end=values[-1],
        slope_per_h=climb.per_s * _S_PER_H if climb else None,
        slope_interval=(climb.low * _S_PER_H, climb.high * _S_PER_H) if climb else None,
    )


def _slope(series: Series, constant: Sequence[Window]) -> Slope | None:
    inside = [[(at_s, value) for at_s, value in series if at_s in window] for window in constant]
    return slope([Stretch([t for t, _ in each], [value for _, value in each]) for each in inside])


def _used_s(readings: Sequence[tuple[float, float]], window: Window) -> float:
    """Return the CPU seconds used in a window, interpolated at its ends.

    The samples in the window alone would miss up to two periods: 5 % of a short run.
    """
    times_s, used_s = zip(*readings, strict=True)
    first_s, last_s = np.interp([window.start_s, window.end_s], times_s, used_s)
    return float(last_s - first_s)


def generator_use(
    samples: Sequence[Sample],
    load: Window,
    held: Window,
    calls: int,
    *,
    cpus: int,
    pinned: bool,
    dropped: int,
    iterations: int,
    exit_code: int,
    started_vus: int = 0,
    health: Health | None = None,
) -> GeneratorUse:
    """Return k6's resource use and whether k6 was the limit.

    Args:
        cpus: Number of CPUs that server and k6 share, or of those reserved for k6.
        pinned: Whether those CPUs are reserved for k6.
        health: Health of the measurement, which tells the CPU that others used.
    """
    seen = [(s.at_s, s.generator) for s in samples if s.generator and s.generator.processes]
    cpu_s = _used_s([(at_s, reading.cpu_s) for at_s, reading in seen], load) if seen else 0.0
    used, available = _generator_cores(samples, held, cpus=cpus, pinned=pinned, health=health)
    return GeneratorUse(
        cpu_s=cpu_s,
        cpu_us_per_call=cpu_s * 1e6 / calls if calls else 0.0,
        cores_used=used,
        cores_available=available,
        saturated=used >= SATURATED_SHARE * available,
        rss_peak_mb=max((reading.rss_mb for _, reading in seen), default=0.0),
        dropped_iterations=dropped,
        scheduled_iterations=iterations + dropped,
        exit_code=exit_code,
        started_vus=started_vus,
    )


def _generator_cores(
    samples: Sequence[Sample], window: Window, *, cpus: int, pinned: bool, health: Health | None
) -> tuple[float, float]:
    """Return the cores that k6 used in a window, and those that it could have used."""
    used = _cores((s.at_s, s.generator) for s in samples if s.at_s in window)
    server_cores = _cores((s.at_s, s.server) for s in samples if s.at_s in window)
    server_cores += _cores((s.at_s, s.bridge) for s in samples if s.at_s in window)
    # Without the machine's counters, nothing is known of others, nor of the CPUs of a server with its own.
    machine_cpus = next(
        (s.machine.cpus for s in samples if s.machine), cpus + server_cores if pinned else cpus
    )
    unused = machine_cpus - server_cores - (taken_cores(health, machine_cpus) if health else 0.0)
    return used, max(min(float(cpus), unused), 0.0)


_SMOOTHED_S = 2.0
"""Time over which the CPU use of one period is averaged: the clocks of processes tick every 10 ms."""


def saturated_periods(
    samples: Sequence[Sample],
    ends_s: Iterable[float | None],
    started_at_s: float,
    *,
    cpus: int,
    pinned: bool,
    health: Health | None = None,
) -> tuple[bool, ...]:
    """Return for each period of the load whether k6 was the limit in it.

    Args:
        ends_s: Ends of the periods, in seconds from the start of the load.
        cpus: See :func:`generator_use`, as for the others.
    """
    at_s = [sample.at_s for sample in samples]
    saturated = []
    for end_s in ends_s:
        middle_s = started_at_s + (end_s or 0.0)
        window = Window(middle_s - _SMOOTHED_S / 2, middle_s + _SMOOTHED_S / 2)
        near = samples[bisect_left(at_s, window.start_s) : bisect_right(at_s, window.end_s)]
        used, available = _generator_cores(near, window, cpus=cpus, pinned=pinned, health=health)
        saturated.append(used > 0 and used >= SATURATED_SHARE * available)
    return tuple(saturated)


def _cores(readings: Iterable[tuple[float, Reading | None]]) -> float:
    seen = [(at_s, reading.cpu_s) for at_s, reading in readings if reading and reading.processes]
    if len(seen) < 2:
        return 0.0
    return (seen[-1][1] - seen[0][1]) / max(seen[-1][0] - seen[0][0], 1e-3)


def server_columns(
    samples: Sequence[Sample],
    started_at_s: float,
    until_s: float,
    *,
    server_elsewhere: bool = False,
    session_counts: Sequence[SessionCount] = (),
) -> dict[str, tuple[float | None, ...]]:
    """Return the columns of ``record.Series.server``; cores in use are means since the previous sample.

    Open sessions are counted less often than samples are taken: most rows have none.

    Args:
        server_elsewhere: Whether the server runs on another machine.
    """
    columns: dict[str, list[float | None]] = {name: [] for name in PROCESS_COLUMNS}
    for before, sample in itertools.pairwise(samples):
        t_s = sample.at_s - started_at_s
        if not 0 <= t_s <= until_s:
            continue
        server = sample.server if sample.server and sample.server.processes else None
        elapsed_s = max(sample.at_s - before.at_s, 1e-3)
        columns["t_s"].append(round(t_s, 3))
        columns["rss_mb"].append(server.rss_mb if server else None)
        columns["cpu_cores"].append(_cores_between(before.server, server, elapsed_s))
        columns["fds"].append(float(server.fds) if server else None)
        columns["threads"].append(float(server.threads) if server else None)
        columns["processes"].append(float(server.processes) if server else None)
        columns["generator_cpu_cores"].append(_cores_between(before.generator, sample.generator, elapsed_s))
        counts = [float(count.open) for count in session_counts if before.at_s < count.at_s <= sample.at_s]
        columns["sessions"].append(counts[-1] if counts else None)
    healths = health_columns(samples, started_at_s, until_s, server_elsewhere=server_elsewhere)
    return {**{name: tuple(values) for name, values in columns.items()}, **healths}


def _cores_between(before: Reading | None, after: Reading | None, elapsed_s: float) -> float | None:
    if not before or not after or not after.processes:
        return None
    return max(0.0, after.cpu_s - before.cpu_s) / elapsed_s
