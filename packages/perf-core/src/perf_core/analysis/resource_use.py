"""Resource use of the server and of k6, from samples; pure functions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from perf_core.analysis.health import HEALTH_COLUMNS, health_columns, taken_cores
from perf_core.analysis.k6_summary import Window
from perf_core.analysis.statistics import theil_sen
from perf_core.results.record import GeneratorUse, Health, MemoryTrend, ServerUse, Trend
from perf_core.sampling.sampler import Reading, Sample

SATURATED_SHARE = 0.85
"""Share of the cores left to k6 beyond which k6 counts as the limit: its own queues then add to the latency
it reports. Measured with the reference servers of ``benchmarks/``; see docs/methodology.md."""

PROCESS_COLUMNS = ("t_s", "rss_mb", "cpu_cores", "fds", "threads", "processes", "generator_cpu_cores")
SERVER_COLUMNS = (*PROCESS_COLUMNS, *HEALTH_COLUMNS)


def server_use(
    samples: Sequence[Sample],
    load: Window,
    held: Window,
    calls: int,
    *,
    sessions_left: int | None,
    uptime_percent: float | None,
) -> ServerUse | None:
    """Return the server's resource use over the load; None with fewer than two samples."""
    seen = [(s.at_s, s.server) for s in samples if s.server and s.server.processes and s.at_s in load]
    if len(seen) < 2:
        return None
    cpu_s = _used_s([(s.at_s, s.server.cpu_s) for s in samples if s.server], load)
    in_hold = [(at_s, reading.rss_mb) for at_s, reading in seen if at_s in held]
    slope = theil_sen([at_s for at_s, _ in in_hold], [rss for _, rss in in_hold])
    rss = _trend([reading.rss_mb for _, reading in seen])
    return ServerUse(
        rss_mb=MemoryTrend(
            rss.start,
            rss.peak,
            rss.end,
            slope_mb_per_h=slope.per_s * 3600 if slope else None,
            slope_interval=(slope.low * 3600, slope.high * 3600) if slope else None,
        ),
        cpu_s=cpu_s,
        cpu_us_per_call=cpu_s * 1e6 / calls if calls else 0.0,
        fds=_trend([float(reading.fds) for _, reading in seen]),
        threads=_trend([float(reading.threads) for _, reading in seen]),
        processes=max(reading.processes for _, reading in seen),
        sessions_left=sessions_left,
        uptime_percent=uptime_percent,
    )


def _trend(values: Sequence[float]) -> Trend:
    return Trend(start=values[0], peak=max(values), end=values[-1])


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
    health: Health | None = None,
) -> GeneratorUse:
    """Return k6's resource use and whether k6 was the limit.

    Args:
        cpus: Number of CPUs that server and k6 share, or of those reserved for k6.
        pinned: Whether those CPUs are reserved for k6.
        health: Health of the measurement, which tells the CPU that others used.
    """
    seen = [(s.at_s, s.generator) for s in samples if s.generator and s.generator.processes]
    in_load = [(at_s, reading) for at_s, reading in seen if at_s in load]
    cpu_s = in_load[-1][1].cpu_s - in_load[0][1].cpu_s if in_load else 0.0
    used = _cores((s.at_s, s.generator) for s in samples if s.at_s in held)
    server_cores = _cores((s.at_s, s.server) for s in samples if s.at_s in held)
    # Without the machine's counters, nothing is known of others, nor of the CPUs of a server with its own.
    machine_cpus = next(
        (s.machine.cpus for s in samples if s.machine), cpus + server_cores if pinned else cpus
    )
    unused = machine_cpus - server_cores - (taken_cores(health, machine_cpus) if health else 0.0)
    available = max(min(float(cpus), unused), 0.0)
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
    )


def _cores(readings: Iterable[tuple[float, Reading | None]]) -> float:
    seen = [(at_s, reading.cpu_s) for at_s, reading in readings if reading and reading.processes]
    if len(seen) < 2:
        return 0.0
    return (seen[-1][1] - seen[0][1]) / max(seen[-1][0] - seen[0][0], 1e-3)


def server_columns(
    samples: Sequence[Sample], started_at_s: float, until_s: float, *, server_elsewhere: bool = False
) -> dict[str, tuple[float | None, ...]]:
    """Return the columns of ``record.Series.server``; cores in use are means since the previous sample.

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
    healths = health_columns(samples, started_at_s, until_s, server_elsewhere=server_elsewhere)
    return {**{name: tuple(values) for name, values in columns.items()}, **healths}


def _cores_between(before: Reading | None, after: Reading | None, elapsed_s: float) -> float | None:
    if not before or not after or not after.processes:
        return None
    return max(0.0, after.cpu_s - before.cpu_s) / elapsed_s
