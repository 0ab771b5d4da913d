"""The shape ``recovery``: how long clients wait after a process of the server was killed."""

from __future__ import annotations

from collections.abc import Sequence

from perf_core.adapter import Target
from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.analysis.figures import Figure
from perf_core.results.record import Finding, Latency
from perf_core.sampling.kills import Kill
from perf_core.shapes.shape import Shape


def find(evidence: Evidence) -> ShapeFindings:
    """Return the slowest recovery of a client, and the number of clients that did not recover.

    A client's outage lasts from the start of its first failed call to its next right answer, so the time
    before the server notices the crash counts too.
    """
    if evidence.summary is None:
        return ShapeFindings()
    ended = evidence.summary.latency("mcp_outage_ms")
    outages = evidence.summary.count("mcp_outages")
    kills = evidence.kills
    length_s = sum(stage.end_s - stage.start_s for stage in evidence.stages)
    absent = ""
    if not kills:
        absent = "no process was killed: none matches the adapter's kill_pattern, or none can be seen"
    elif not outages:
        absent = "no call failed: no process was killed in the middle of a call"
    # When no client recovered, the outage is longer than the whole load.
    slowest_s = ended.max / 1000 if ended.count else length_s if outages else None
    figures = {
        "recovery.slowest_s": Figure(
            slowest_s, outages, length_s, beyond=outages > ended.count, absent=absent
        ),
        "recovery.unrecovered": Figure(outages - ended.count, max(outages, 1), length_s, timed=False),
        # Without a kill there are no samples: the lab failed to measure, and not the server.
        "recovery.strikes": Figure(len(kills), len(kills), length_s, timed=False),
    }
    return ShapeFindings((_finding(kills, outages, ended),), figures)


def _finding(kills: Sequence[Kill], outages: int, ended: Latency) -> Finding:
    busy = sum(kill.was_busy for kill in kills)
    text = f"{len(kills)} processes were killed, {busy} of them busy; clients had {outages} outages"
    if ended.count:
        text += (
            f", of which {ended.count} ended with a right answer: after {ended.med:,.0f} ms (median), "
            f"after {ended.max:,.0f} ms at the latest"
        )
    return Finding(
        "Recovery",
        f"{text}.",
        {"strikes": len(kills), "outages": outages, "slowest_ms": ended.max if ended.count else None},
    )


SHAPE = Shape(
    name="recovery",
    summary="How long does a client wait for its next answer when a worker process is killed?",
    targets=(
        Target("recovery.slowest_s", "<", 60, stretch=10, need="One crash must not stop everybody's work."),
        Target("recovery.unrecovered", "<", 1, need="Every client gets on with its work."),
        Target("recovery.strikes", ">", 0, need="Recovery shows only after a process was killed."),
    ),
    figures=("recovery.slowest_s", "recovery.unrecovered", "recovery.strikes"),
    find=find,
    kills_processes=True,
    probes_streams=False,
)
