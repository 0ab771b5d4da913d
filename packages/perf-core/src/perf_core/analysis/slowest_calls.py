"""The slowest calls of a run beside what the server did at the time; pure functions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol, TypeGuard, TypeVar

from perf_core.load.k6_events import TimedCall
from perf_core.results.record import Stop
from perf_core.results.slow_calls import ServerMeanwhile, SlowCall
from perf_core.sampling.pauses import PauseReading
from perf_core.sampling.sampler import Reading, Sample

PAUSE_COLUMNS = ("gc_pause_ms_per_s", "loop_lag_ms_per_s")


class _Timed(Protocol):
    @property
    def at_s(self) -> float: ...


Timed = TypeVar("Timed", bound=_Timed)


def slow_calls(
    calls: Iterable[TimedCall],
    samples: Sequence[Sample],
    pauses: Sequence[PauseReading],
    stops: Sequence[Stop],
    started_at_s: float,
) -> tuple[SlowCall, ...]:
    """Return the slowest calls, each with what server and k6 did while it waited.

    Args:
        pauses: What the server reported of its pauses; empty if it reports none.
        stops: Times in which k6 stood still, in seconds from the start of the load.
        started_at_s: Start of the load, in seconds since the epoch.
    """
    return tuple(
        SlowCall(
            at_s=call.at_s,
            duration_s=call.duration_s,
            connect_s=call.connect_s,
            wait_s=call.wait_s,
            transfer_s=call.transfer_s,
            tool=call.tool,
            stage=call.stage,
            error_class=call.error_class,
            vu=call.vu,
            session=call.session,
            arguments=call.arguments,
            server=_meanwhile(call, samples, pauses, stops, started_at_s),
        )
        for call in calls
    )


def _meanwhile(
    call: TimedCall,
    samples: Sequence[Sample],
    pauses: Sequence[PauseReading],
    stops: Sequence[Stop],
    started_at_s: float,
) -> ServerMeanwhile | None:
    start_s, end_s = started_at_s + call.at_s, started_at_s + call.at_s + call.duration_s
    stop_s = sum(_overlap_s(call.at_s, call.at_s + call.duration_s, stop) for stop in stops)
    around = _around(samples, start_s, end_s)
    if around is None:
        return None
    before, after = around
    window_s = after.at_s - before.at_s
    use = ServerMeanwhile(
        window_s,
        generator_stop_s=stop_s,
        generator_waiting_threads=_waiting(before.generator, after.generator, window_s),
    )
    if _is_seen(before.server) and _is_seen(after.server):
        use = _with_use(use, before.server, after.server)
    return _with_pauses(use, pauses, start_s, end_s)


def _is_seen(reading: Reading | None) -> TypeGuard[Reading]:
    return reading is not None and reading.processes > 0


def _with_use(use: ServerMeanwhile, before: Reading, after: Reading) -> ServerMeanwhile:
    cpu_s = max(0.0, after.cpu_s - before.cpu_s)
    return replace(
        use,
        cpu_cores=cpu_s / use.window_s,
        rss_mb=after.rss_mb,
        rss_change_mb=after.rss_mb - before.rss_mb,
        waiting_threads=_waiting(before, after, use.window_s),
    )


def _waiting(before: Reading | None, after: Reading | None, window_s: float) -> float | None:
    if before is None or after is None or before.wait_s is None or after.wait_s is None:
        return None
    return max(0.0, after.wait_s - before.wait_s) / window_s


def _with_pauses(
    use: ServerMeanwhile, pauses: Sequence[PauseReading], start_s: float, end_s: float
) -> ServerMeanwhile:
    before = [reading for reading in pauses if reading.at_s <= start_s]
    # An answer that was asked for before may have been written before the pause was counted.
    after = [reading for reading in pauses if reading.asked_s >= end_s]
    if not before or not after:
        return use
    first, last = before[-1], after[0]
    return replace(
        use,
        pauses_window_s=last.at_s - first.at_s,
        gc_pause_s=_growth(first.gc_pause_s, last.gc_pause_s),
        loop_lag_s=_growth(first.loop_lag_s, last.loop_lag_s),
    )


def _around(samples: Sequence[Timed], start_s: float, end_s: float) -> tuple[Timed, Timed] | None:
    """Return the last sample before a time and the first one after it; the outermost ones without such."""
    if len(samples) < 2:
        return None
    before = next((each for each in reversed(samples) if each.at_s <= start_s), samples[0])
    after = next((each for each in samples if each.at_s >= end_s), samples[-1])
    return (before, after) if after.at_s > before.at_s else None


def _growth(before: float | None, after: float | None) -> float | None:
    # A server that was restarted meanwhile counts from zero again.
    return None if before is None or after is None or after < before else after - before


def _overlap_s(start_s: float, end_s: float, stop: Stop) -> float:
    return max(0.0, min(end_s, stop.end_s) - max(start_s, stop.start_s))


def pause_columns(
    times_s: Sequence[float | None], pauses: Sequence[PauseReading], started_at_s: float
) -> dict[str, tuple[float | None, ...]]:
    """Return the columns :data:`PAUSE_COLUMNS` of a series of the server: milliseconds paused per second.

    The server is read less often than samples are taken: all rows between two readings have the same values.

    Args:
        times_s: Times of the rows, in seconds from the start of the load.
    """
    rates = [_rates(before, after) for before, after in pairwise(pauses)]
    ends_s = [reading.at_s - started_at_s for reading in pauses]
    rows: list[tuple[float | None, ...]] = []
    for t_s in times_s:
        # Number of the interval between two readings in which the row's sample was taken.
        interval = -1 if t_s is None else bisect_left(ends_s, t_s) - 1
        rows.append(rates[interval] if 0 <= interval < len(rates) else (None, None))
    return {name: tuple(row[index] for row in rows) for index, name in enumerate(PAUSE_COLUMNS)}


def _rates(before: PauseReading, after: PauseReading) -> tuple[float | None, ...]:
    elapsed_s = max(after.at_s - before.at_s, 1e-3)
    growths_s = (
        _growth(before.gc_pause_s, after.gc_pause_s),
        _growth(before.loop_lag_s, after.loop_lag_s),
    )
    return tuple(None if growth_s is None else growth_s * 1000 / elapsed_s for growth_s in growths_s)
