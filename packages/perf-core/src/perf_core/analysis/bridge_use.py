"""Resource use of the bridge in front of a server on stdio, and its observations of it; pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from perf_core.analysis.k6_summary import Window
from perf_core.results.record import BridgeUse
from perf_core.sampling.sampler import Sample
from perf_core.server.bridge.cost import BridgeCost
from perf_core.server.bridge.pages import BridgeCounts, End


@dataclass(frozen=True)
class BridgeObservations:
    """Cost and counts of the bridge.

    Attributes:
        cost: Its cost with a child that answers at once; None if it was not measured.
        before: Its counts just before the load.
        after: Its counts just after the load; None if it no longer answered.
        starts_s: Seconds that each process took that was started before the load.
    """

    cost: BridgeCost | None
    before: BridgeCounts
    after: BridgeCounts | None
    starts_s: tuple[float, ...] = ()


def bridge_use(
    observed: BridgeObservations, samples: Sequence[Sample], load: Window, killed: Collection[int] = ()
) -> BridgeUse:
    """Return what the bridge used over the load.

    Args:
        killed: Processes that the lab has killed on purpose.
    """
    before, cost = observed.before, observed.cost
    after = observed.after or before
    requests = after.requests - before.requests
    ends = ends_by_themselves(observed, killed)
    memory_mb = [sample.bridge.rss_mb for sample in samples if sample.bridge and sample.at_s in load]
    return BridgeUse(
        requests=requests,
        cpu_us_per_request=(after.cpu_s - before.cpu_s) * 1e6 / requests if requests else 0.0,
        rss_peak_mb=max(memory_mb, default=0.0),
        echo_calls=cost.calls if cost else 0,
        echo_p50_us=cost.p50_us if cost else 0.0,
        direct_p50_us=cost.direct_p50_us if cost else 0.0,
        echo_cpu_us=cost.cpu_us_per_call if cost else 0.0,
        prepared=len(observed.starts_s),
        start_p50_s=median(observed.starts_s) if observed.starts_s else 0.0,
        started=after.started - before.started,
        ended=_ended(observed, killed),
        first_end=_end_in_words(ends[0]) if ends else "",
        late_answers=after.late_answers - before.late_answers,
        repeated_answers=_repeated(observed),
        skipped_lines=after.skipped_lines,  # banners are written at the start, before the load
        first_skipped_line=after.first_skipped_line,
        overlong_lines=after.overlong_lines - before.overlong_lines,
        notifications=_difference(before.notifications, after.notifications),
        server_requests=_difference(before.server_requests, after.server_requests),
    )


def use_since_start(counts: BridgeCounts) -> BridgeUse:
    """Return what passed through a bridge since it started, apart from any load."""
    nothing = BridgeCounts(cpu_s=0.0, is_remote=counts.is_remote)
    return bridge_use(BridgeObservations(None, nothing, counts), (), Window(0.0, 0.0))


def after_starts(constant: Sequence[Window], samples: Sequence[Sample], start_s: float) -> tuple[Window, ...]:
    """Return the spans of constant load without the time in which processes of the server started.

    A server on stdio has a process for each session, and what it takes at its start is no leak.

    Args:
        start_s: Longest time that a process needed to open its session, in seconds.
    """
    readings = [(sample.at_s, sample.server.processes) for sample in samples if sample.server]
    spans = []
    for span in constant:
        inside = [(at_s, processes) for at_s, processes in readings if at_s in span]
        most = max((processes for _, processes in inside), default=0)
        begun_s = next((at_s for at_s, processes in inside if processes == most), span.start_s)
        settled_s = begun_s + start_s if most else span.start_s
        if settled_s < span.end_s:
            spans.append(Window(settled_s, span.end_s))
    return tuple(spans)


def ends_by_themselves(observed: BridgeObservations, killed: Collection[int]) -> tuple[End, ...]:
    """Return the first of the server's processes that ended by themselves during the load."""
    if observed.after is None:
        return ()
    earlier = {end.child for end in observed.before.ends}
    return tuple(end for end in observed.after.ends if end.child not in earlier and end.pid not in killed)


def end_failures(observed: BridgeObservations | None, killed: Collection[int] = ()) -> list[str]:
    """Return the failure that processes of the server ended by themselves during the load, if any did."""
    if observed is None:
        return []
    ends, number = ends_by_themselves(observed, killed), _ended(observed, killed)
    if not number:
        return []
    first = f"; the first {_end_in_words(ends[0])}" if ends else ""
    noun = "a process" if number == 1 else f"{number} processes"
    return [f"{noun} of the server ended without being asked to{first}"]


def repetition_failures(observed: BridgeObservations | None) -> list[str]:
    """Return the failure that the server answered requests more than once during the load, if it did."""
    number = _repeated(observed) if observed is not None else 0
    if not number:
        return []
    noun = "a second answer" if number == 1 else f"{number} further answers"
    return [f"the server sent {noun} to requests that it had answered: each has one answer (JSON-RPC 2.0)"]


def _repeated(observed: BridgeObservations) -> int:
    after = observed.after or observed.before
    return after.repeated_answers - observed.before.repeated_answers


def _ended(observed: BridgeObservations, killed: Collection[int]) -> int:
    if observed.after is None:
        return 0
    on_purpose = sum(end.pid in killed for end in observed.after.ends)
    return max(0, observed.after.ended - observed.before.ended - on_purpose)


def _end_in_words(end: End) -> str:
    tail = " / ".join(line.strip() for line in end.stderr.splitlines() if line.strip())
    return f"{end.how}, with {tail!r} at the end of its standard error" if tail else end.how


def _difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: more for name, number in after.items() if (more := number - before.get(name, 0))}
