"""Figures of streams, from the observations of the probe; pure functions."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from perf_core.analysis.k6_summary import NO_LATENCY, Window
from perf_core.load.probe.observations import HeldStream, Observations, ProbedCall, SlowRead
from perf_core.results.record import HeldStreams, Latency, SlowReader, Streams, ToolStream

_MS = 1000.0


def streams(observations: Observations, load: Window, tool_calls: int) -> Streams:
    """Return what streamed in a load.

    Args:
        tool_calls: Number of calls of the load itself.
    """
    calls = probed_calls(observations, load)
    during = [call for call in observations.calls if call.at_s in load]
    slow = observations.slow_read
    return Streams(
        calls=calls,
        share_of_calls=calls / tool_calls if tool_calls else 0.0,
        tools=tuple(_tools(during, observations.idle_calls)),
        held=_held(observations.held),
        slow_reader=_slow_reader(slow) if slow is not None and slow.at_s in load else None,
        # A plain dictionary: dataclasses.asdict makes a Counter count its own items.
        server_methods=dict(
            Counter(method for call in (*observations.idle_calls, *during) for method in call.server_methods)
        ),
        problem=observations.problem,
    )


def probed_calls(observations: Observations, load: Window) -> int:
    """Return the number of calls that the probe began during the load."""
    return sum(at_s in load for at_s in observations.begun_at_s)


def _tools(during: Sequence[ProbedCall], idle: Sequence[ProbedCall]) -> Iterable[ToolStream]:
    """Yield the figures of each tool that streams, from the idle server if a load was too short for any."""
    streaming = dict.fromkeys(call.tool for call in (*idle, *during) if call.is_streamed)
    for tool in streaming:
        loaded = [call for call in during if call.tool == tool]
        yield _tool(tool, loaded or [call for call in idle if call.tool == tool], is_idle=not loaded)


def _tool(tool: str, calls: Sequence[ProbedCall], *, is_idle: bool) -> ToolStream:
    problems = [call.problem for call in calls if call.problem]
    return ToolStream(
        tool=tool,
        calls=len(calls),
        messages_per_call=sum(len(call.events_s) for call in calls) / len(calls),
        progress_per_call=sum(call.progress for call in calls) / len(calls),
        first_ms=distribution_ms(call.events_s[0] for call in calls if call.events_s),
        gap_ms=distribution_ms(gap_s for call in calls for gap_s in _gaps_s(call)),
        answer_ms=distribution_ms(call.total_s for call in calls if call.total_s is not None),
        failed=len(problems),
        problem=problems[0] if problems else "",
        is_idle=is_idle,
    )


def _gaps_s(call: ProbedCall) -> list[float]:
    """Return the times between neighbouring messages of a call, the answer included."""
    arrivals = [*call.events_s, *([] if call.total_s is None else [call.total_s])]
    return [later - earlier for earlier, later in itertools.pairwise(arrivals)]


def distribution_ms(durations_s: Iterable[float]) -> Latency:
    """Return the distribution of durations; all zero without any."""
    values = [duration_s * _MS for duration_s in durations_s]
    if not values:
        return NO_LATENCY
    med, p90, p95, p99 = (float(each) for each in np.percentile(values, [50, 90, 95, 99]))
    return Latency(len(values), min(values), sum(values) / len(values), med, p90, p95, p99, max(values))


def _held(streams_held: Sequence[HeldStream]) -> HeldStreams | None:
    """Return what became of the held streams; None if none was opened."""
    if not streams_held:
        return None
    ends = Counter(stream.end for stream in streams_held)
    lost = [stream.held_s for stream in streams_held if stream.end in {"closed", "dropped"}]
    refused = next((stream.status for stream in streams_held if stream.end == "refused"), None)
    return HeldStreams(
        opened=len(streams_held),
        kept=ends["open"],
        closed=ends["closed"],
        dropped=ends["dropped"],
        unanswered=ends["unanswered"],
        refused=ends["refused"],
        refused_status=refused,
        messages=sum(stream.events for stream in streams_held),
        shortest_s=min(lost, default=None),
        longest_s=max(stream.held_s for stream in streams_held),
    )


def _slow_reader(slow: SlowRead) -> SlowReader:
    return SlowReader(
        tool=slow.tool,
        size_bytes=slow.size_bytes,
        read_s=slow.read_s,
        is_whole=slow.is_whole,
        before_ms=None if slow.before_s is None else slow.before_s * _MS,
        meanwhile_ms=None if slow.meanwhile_s is None else slow.meanwhile_s * _MS,
        held_up=slow.held_up,
    )
