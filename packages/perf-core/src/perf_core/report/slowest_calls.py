"""The slowest calls of a run, with what the server did at the time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perf_core.report.table import Table, table_of
from perf_core.report.wording import (
    DASH,
    MINUS,
    count,
    duration,
    error_class,
    figure_value,
    plain,
    sentence,
    significant,
)
from perf_core.results.record import RunRecord
from perf_core.results.slow_calls import ServerMeanwhile, SlowCall

_ROWS = 10
_MOMENTS = 3

_MOST = 0.5
"""Share of a call from which something explains it."""

_WORTH_WORDS = 0.1
_BUSY_CORES = 0.8
_IDLE_CORES = 0.2
_WAITED = 0.3
_GROWN_MB = 10.0
_SHORTEST_PAUSE_S = 0.02
"""Sum over a second of what an idle event loop and small collections take."""

_COARSE = 4.0
"""A window that is longer than the call by this factor says little of the call itself."""

_NOTE = (
    "Session and arguments are the beginnings of their SHA-256: equal ones are equal. Cores are those "
    "that the server used between the samples around the call."
)


def slow_call_table(record: RunRecord) -> Table | None:
    """Return the slowest calls; None if none was reported."""
    calls = record.slow_calls[:_ROWS]
    headings = (
        *("at", "tool", "meanwhile"),
        *("ms", "connect", "wait", "transfer", "VU", "session", "arguments"),
    )
    more = f" record.json has {count(len(record.slow_calls))}." if len(record.slow_calls) > _ROWS else ""
    return table_of(
        "Slowest calls",
        headings,
        [_row(call) for call in calls],
        labels=3,
        note=_NOTE + more,
        remarks=moments(record.slow_calls),
        minor=("connect", "transfer", "session", "arguments"),
    )


def _row(call: SlowCall) -> tuple[str, ...]:
    failed = f" ({error_class(call.error_class)})" if call.error_class else ""
    return (
        _clock(call.at_s),
        (plain(call.tool) or DASH) + failed,
        meanwhile(call),
        *(significant(seconds * 1000) for seconds in (call.duration_s, call.connect_s, call.wait_s)),
        significant(call.transfer_s * 1000),
        count(call.vu),
        plain(call.session) or DASH,
        plain(call.arguments) or DASH,
    )


def _clock(at_s: float) -> str:
    if not math.isfinite(at_s):
        return DASH
    minutes, rest_s = divmod(at_s, 60)
    return f"{int(minutes)}:{rest_s:05.2f}"


def meanwhile(call: SlowCall) -> str:
    """Return in a few words what server and k6 did during a call."""
    use = call.server
    if use is None:
        return DASH
    parts: list[str] = []
    if use.generator_stop_s >= _WORTH_WORDS * call.duration_s:
        parts.append(f"k6 stopped {_time(use.generator_stop_s)}")
    if use.cpu_cores is not None:
        parts.append(f"{significant(use.cpu_cores, 2)} cores")
    if use.waiting_threads is not None and use.waiting_threads >= _MOST:
        parts.append(f"waited for a CPU {_share(use.waiting_threads)}")
    for name, pause_s in (("GC", use.gc_pause_s), ("loop late", use.loop_lag_s)):
        if pause_s is not None and pause_s >= max(_WORTH_WORDS * call.duration_s, _SHORTEST_PAUSE_S):
            parts.append(f"{name} {_time(pause_s)}")
    if use.rss_change_mb is not None and abs(use.rss_change_mb) >= _GROWN_MB:
        parts.append(_signed_mb(use.rss_change_mb))
    if use.generator_waiting_threads is not None and use.generator_waiting_threads >= _MOST:
        parts.append(f"k6 waited for a CPU {_share(use.generator_waiting_threads)}")
    return ", ".join(parts) or DASH


def _share(threads: float) -> str:
    # Of several waiting threads any may be the one that has the call.
    return figure_value("share", min(1.0, threads))


def _time(seconds: float) -> str:
    return duration(seconds) if seconds >= 1 else f"{significant(seconds * 1000)} ms"


def _signed_mb(change_mb: float) -> str:
    return f"{'+' if change_mb > 0 else MINUS}{significant(abs(change_mb), 2)} MB"


def moments(calls: Sequence[SlowCall]) -> tuple[str, ...]:
    """Return a sentence for each of the longest times in which slow calls waited together."""
    groups = sorted(_together(calls), key=lambda group: -group[0].duration_s)[:_MOMENTS]
    return tuple(f"{sentence(_moment(group, len(calls)))}." for group in groups)


def _together(calls: Sequence[SlowCall]) -> list[list[SlowCall]]:
    """Return the calls in groups that overlap in time, the longest of each group first."""
    groups: list[list[SlowCall]] = []
    end_s = float("-inf")
    for call in sorted(calls, key=lambda each: each.at_s):
        if call.at_s >= end_s:
            groups.append([])
        groups[-1].append(call)
        end_s = max(end_s, call.end_s)
    return [sorted(group, key=lambda each: -each.duration_s) for group in groups]


def _moment(group: Sequence[SlowCall], number: int) -> str:
    longest = group[0]
    began_s = min(call.at_s for call in group)
    tool = plain(longest.tool) or DASH
    if len(group) == 1:
        subject = f"at {_clock(began_s)}, a call of {tool} took {_time(longest.duration_s)}"
    else:
        subject = (
            f"at {_clock(began_s)}, {count(len(group))} of the {count(number)} slowest calls waited "
            f"together, one of {tool} for {_time(longest.duration_s)}"
        )
    return f"{subject}: {explanation(longest)}"


def explanation(call: SlowCall) -> str:
    """Return what a call spent its time with, as far as anything tells."""
    use = call.server
    most_s = _MOST * call.duration_s
    if use is not None and use.generator_stop_s >= most_s:
        return f"k6 itself stood still for {_time(use.generator_stop_s)}, so the call may have been quicker"
    if call.connect_s >= most_s:
        return f"it waited {_time(call.connect_s)} for a connection"
    if call.transfer_s >= most_s:
        return f"its answer took {_time(call.transfer_s)} from the first byte to the last"
    if use is None or use.cpu_cores is None:
        return "the processes of the server are not visible, so nothing tells why"
    return _server_words(call, use, use.cpu_cores)


def _server_words(call: SlowCall, use: ServerMeanwhile, cores: float) -> str:
    used = f"{significant(cores, 2)} cores"
    around, paused_around = (_around(each, call) for each in (use.window_s, use.pauses_window_s))
    waiting = use.waiting_threads or 0.0
    # All that was computed around the call may have been computed in it.
    most_cores = cores * use.window_s / call.duration_s if call.duration_s > 0 else cores
    is_idle = most_cores < _IDLE_CORES and waiting < _WAITED
    most_s = max(_MOST * call.duration_s, _SHORTEST_PAUSE_S)
    if use.gc_pause_s is not None and use.gc_pause_s >= most_s:
        text = f"the server collected garbage for {_time(use.gc_pause_s)}{paused_around}"
    elif use.loop_lag_s is not None and use.loop_lag_s >= most_s:
        how = "by something that waits, not by computing" if is_idle else "while it computed"
        blocked = f"blocked for {_time(use.loop_lag_s)}{paused_around}"
        text = f"the event loop of the server was {blocked}, {how} ({used}{around})"
    elif waiting >= _MOST:
        text = f"the server waited for a CPU {_share(waiting)} of the time ({used}{around})"
    elif cores >= _BUSY_CORES:
        text = f"the server computed ({used}{around})"
    elif is_idle:
        text = f"the server did next to nothing ({used}{around}): the call waited for something else"
    else:
        text = f"the server used {used}{around}"
    if waiting >= _WAITED and "for a CPU" not in text:
        text += f"; it waited for a CPU {_share(waiting)} of the time"
    if (use.generator_waiting_threads or 0.0) >= _WAITED:
        text += f"; k6 waited for a CPU {_share(use.generator_waiting_threads or 0.0)} of the time"
    if use.rss_change_mb is not None and use.rss_change_mb >= _GROWN_MB:
        text += f", and its memory grew by {significant(use.rss_change_mb, 2)} MB"
    return text


def _around(window_s: float | None, call: SlowCall) -> str:
    """Return how long the time is that a figure is of, if it says little of the call itself."""
    if window_s is None or window_s <= _COARSE * call.duration_s:
        return ""
    return f" in the {_time(window_s)} around it"
