"""Figures: every number of a run that a target can name, with its samples and limits.

Their names are in :mod:`perf_core.analysis.catalogue`; a test compares both. Notes on some:

* ``server.rss_growth_mb_per_5_min`` is ``server.rss_slope_mb_per_h`` in another unit.
* ``lower`` marks the lower end of a slope's interval: the growth that is certain.
* ``sessions_left`` counts sessions that the server reports as open, else those neither deleted nor lost.
* ``clients_carried`` and ``held.*`` come from :mod:`perf_core.analysis.grades`, figures of one load shape
  from :mod:`perf_core.shapes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from perf_core.analysis.k6_summary import ERROR_CLASSES, FIGURE_KINDS
from perf_core.analysis.lower_bounds import is_lower_bound
from perf_core.results.record import Latency, Metrics, ServerUse, Stage

_TIMED_ERRORS = frozenset({"timeout", "unanswered"})
"""Errors that a generator short of CPU can cause by itself; it refuses and breaks no connections."""

_FIVE_MINUTES_PER_HOUR = 12

_OFFERED_SHARE = 0.97
"""Share of an arrival rate from which a server has answered all that was offered, calls in flight aside."""

UNANSWERED_SHARE = 0.001
"""Share of calls without an answer beyond which an average is only a lower bound: the error rate that the
published targets allow."""

_STAGE_FIGURES = ("tool_calls_per_s", "error_rate", "longest_silence_s")

_STATISTICS = ("min", "avg", "med", "p90", "p95", "p99", "max")


@dataclass(frozen=True)
class Figure:
    """One number with its samples and limits.

    Attributes:
        value: The number, in the unit at the end of its name; None when there was nothing to measure.
        at_least: The true value may be higher: the run ended before the limit was found.
        beyond: The event did not happen within the observation: the true value is higher.
        timed: Whether a slow generator makes it worse. It does so for latency and throughput, not for memory
            and wrong answers.
        absent: Reason for which this run could not measure it, such as a run too short for a slope; empty
            when it should have been measured. A value of None without such a reason makes a target
            on it invalid.
        sure: The part of a ``timed`` value that a slow generator cannot cause; None when it is not known.
    """

    value: float | None
    samples: int
    duration_s: float
    at_least: bool = False
    beyond: bool = False
    timed: bool = True
    absent: str = ""
    sure: float | None = None


def figures(
    metrics: Metrics,
    stages: Sequence[Stage],
    planned_stages: Sequence[str],
    server: ServerUse | None,
    *,
    sessions_left: int | None,
    uptime_percent: float | None,
) -> dict[str, Figure]:
    """Return the figures that every scenario has, by name; load shapes add their own."""
    held = [stage for stage in stages if stage.kind in FIGURE_KINDS]
    held_s = sum(stage.end_s - stage.start_s for stage in held)
    took_all = bool(held) and all(_took_all(stage) for stage in held)
    by_name = dict(_metric_figures(metrics, held_s, took_all))
    longest_s = max((stage.longest_silence_s for stage in stages), default=0.0)
    by_name["longest_silence_s"] = Figure(longest_s, metrics.tool_calls, held_s)
    for stage in stages:
        by_name |= _stage_figures(stage, metrics.errors)
    reached = {stage.name for stage in stages}
    for name in planned_stages:
        if name not in reached:
            by_name |= _unreached_figures(name)
    by_name |= _server_figures(server, metrics.tool_calls, held_s)
    by_name["server.uptime_percent"] = Figure(uptime_percent, metrics.tool_calls, held_s)
    by_name["sessions_left"] = _sessions_left(metrics, sessions_left, held_s)
    return by_name


def _sessions_left(metrics: Metrics, reported: int | None, held_s: float) -> Figure:
    if metrics.session_creation_ms is None:
        return Figure(None, 0, held_s, absent="this wire has no sessions")
    gone = metrics.sessions_closed + metrics.sessions_lost
    left = reported if reported is not None else max(0, metrics.sessions_opened - gone)
    return Figure(left, metrics.sessions_opened, held_s, timed=False)


def error_figure(share: float, calls: int, duration_s: float, errors: Mapping[str, int]) -> Figure:
    """Return the figure of a share of calls that failed, in a stage or in the whole run.

    Args:
        errors: Those of the whole run by class: no stage has more timed ones than these.
    """
    if not calls:
        return Figure(None, 0, duration_s, timed=False)
    timed = sum(errors.get(name, 0) for name in _TIMED_ERRORS)
    return Figure(share, calls, duration_s, timed=timed > 0, sure=max(0.0, share - timed / calls))


def success_figure(share: float, calls: int, duration_s: float, errors: Mapping[str, int]) -> Figure:
    """Return the success rate that belongs to a share of calls that failed, from 0 to 100."""
    failed = error_figure(share, calls, duration_s, errors)
    return replace(failed, value=_success_percent(failed.value), sure=_success_percent(failed.sure))


def _success_percent(failed: float | None) -> float | None:
    return None if failed is None else 100 * (1 - failed)


def _took_all(stage: Stage) -> bool:
    """Return whether a stage with an arrival rate had all of it answered: more was not tried."""
    return stage.rate_per_s is not None and stage.calls_per_s >= _OFFERED_SHARE * stage.rate_per_s


def _metric_figures(metrics: Metrics, held_s: float, took_all: bool) -> Iterator[tuple[str, Figure]]:
    calls = metrics.tool_calls
    yield "tool_calls_per_s", Figure(metrics.tool_calls_per_s, calls, held_s, at_least=took_all)
    error_rate = error_figure(metrics.error_rate, calls, held_s, metrics.errors)
    yield "error_rate", error_rate
    yield "success_percent", success_figure(metrics.error_rate, calls, held_s, metrics.errors)
    failed = float(round(metrics.error_rate * calls)) if calls else None
    surely_failed = None if error_rate.sure is None else error_rate.sure * calls
    yield "failed_calls", replace(error_rate, value=failed, sure=surely_failed)
    for name in ERROR_CLASSES:
        count = metrics.errors.get(name, 0)
        yield f"errors.{name}", Figure(count, calls, held_s, timed=name in _TIMED_ERRORS)
    for tool, latency in metrics.latency_ms.items():
        yield from _latency_figures(f"latency_ms.{tool}", latency, held_s)
    if metrics.session_creation_ms is not None:
        yield from _latency_figures("session_creation_ms", metrics.session_creation_ms, held_s)
    else:
        sessionless = Figure(None, 0, held_s, absent="this wire has no sessions")
        yield from ((f"session_creation_ms.{name}", sessionless) for name in _STATISTICS)
    for name, latency in metrics.journey_ms.items():
        yield from _latency_figures(f"journey_ms.{name}", latency, held_s)
    for name, latency in metrics.protocol_ms.items():
        yield from _latency_figures(f"protocol_ms.{name}", latency, held_s)
    for tool, kinds in metrics.kinds_ms.items():
        for kind, latency in kinds.items():
            yield from _latency_figures(f"kinds_ms.{tool}.{kind}", latency, held_s)


def _latency_figures(prefix: str, latency: Latency, duration_s: float) -> Iterator[tuple[str, Figure]]:
    values = asdict(latency)
    for name in _STATISTICS:
        figure = Figure(values[name] if latency.count else None, latency.count, duration_s)
        # A few calls hardly raise an average, and they count as errors.
        is_raised = name != "avg" or latency.lower_bounds > UNANSWERED_SHARE * latency.count
        beyond = is_raised and is_lower_bound(latency, name)
        yield f"{prefix}.{name}", replace(figure, beyond=beyond)


def _stage_figures(stage: Stage, errors: Mapping[str, int]) -> dict[str, Figure]:
    duration_s = stage.end_s - stage.start_s
    by_name = {
        f"tool_calls_per_s@{stage.name}": Figure(
            stage.calls_per_s, stage.calls, duration_s, at_least=_took_all(stage)
        ),
        f"longest_silence_s@{stage.name}": Figure(stage.longest_silence_s, max(stage.calls, 1), duration_s),
        f"error_rate@{stage.name}": error_figure(stage.error_rate, stage.calls, duration_s, errors),
    }
    for name, figure in _latency_figures("latency_ms.all", stage.latency_ms, duration_s):
        by_name[f"{name}@{stage.name}"] = figure
    return by_name


def _unreached_figures(stage: str) -> dict[str, Figure]:
    absent = Figure(None, 0, 0.0, absent=f"the run ended before stage {stage}")
    statistics = tuple(f"latency_ms.all.{name}" for name in _STATISTICS)
    return {f"{name}@{stage}": absent for name in _STAGE_FIGURES + statistics}


def _server_figures(server: ServerUse | None, calls: int, held_s: float) -> Iterator[tuple[str, Figure]]:
    if server is None:
        invisible = Figure(None, 0, held_s, absent="the server's process is not visible from this machine")
        for name in ("rss_peak_mb", "cpu_us_per_call", *_SLOPES):
            yield f"server.{name}", invisible
        return
    yield "server.rss_peak_mb", Figure(server.rss_mb.peak, 1, held_s, timed=False)
    yield "server.cpu_us_per_call", Figure(server.cpu_us_per_call, calls, held_s, timed=False)
    for name, value in _slopes(server).items():
        absent = "" if value is not None else "too few samples for a slope"
        if name.startswith("sessions") and server.sessions is None:
            absent = "the server does not report its open sessions"
        yield f"server.{name}", Figure(value, 1, held_s, timed=False, absent=absent)


_SLOPES = (
    "rss_slope_mb_per_h",
    "rss_growth_mb_per_5_min",
    "rss_growth_lower_mb_per_5_min",
    *(
        f"{counted}_{end}_per_h"
        for counted in ("fds", "threads", "sessions")
        for end in ("slope", "slope_lower")
    ),
)


def _slopes(server: ServerUse) -> dict[str, float | None]:
    """Return the slopes of :data:`_SLOPES`; those called lower are the lower ends of their intervals."""
    slope, interval = server.rss_mb.slope_mb_per_h, server.rss_mb.slope_interval
    values = {
        "rss_slope_mb_per_h": slope,
        "rss_growth_mb_per_5_min": None if slope is None else slope / _FIVE_MINUTES_PER_HOUR,
        "rss_growth_lower_mb_per_5_min": interval[0] / _FIVE_MINUTES_PER_HOUR if interval else None,
    }
    trends = {"fds": server.fds, "threads": server.threads, "sessions": server.sessions}
    for counted, trend in trends.items():
        values[f"{counted}_slope_per_h"] = trend.slope_per_h if trend else None
        interval = trend.slope_interval if trend else None
        values[f"{counted}_slope_lower_per_h"] = interval[0] if interval else None
    return values
