"""Processes of the server are killed: how long until those clients get a right answer again that felt it?"""

from __future__ import annotations

from collections.abc import Sequence

from perf_core.analysis.evidence import Evidence, Found
from perf_core.analysis.figures import Figure
from perf_core.results.record import Finding, Latency
from perf_core.sampling.kills import Strike


def find_outages(evidence: Evidence) -> Found:
    """Return the slowest recovery, and clients that did not recover.

    A client's outage is from the beginning of the first call that failed until its next right answer, so
    that whatever the server did before it noticed counts too.
    """
    if evidence.summary is None:
        return Found()
    lasted = evidence.summary.latency("mcp_outage_ms")
    begun = evidence.summary.count("mcp_outages")
    strikes = evidence.strikes
    length_s = sum(stage.end_s - stage.start_s for stage in evidence.stages)
    absent = ""
    if not strikes:
        absent = "no process was killed: the server has none that may be, or cannot be seen"
    elif not begun:
        absent = "no call failed: none of the killed processes was in the middle of one"
    # Nobody recovered: whatever it is, it is longer than the load that was watched.
    slowest_s = lasted.max / 1000 if lasted.count else length_s if begun else None
    figures = {
        "recovery.slowest_s": Figure(
            slowest_s, begun, length_s, beyond=begun > lasted.count,
            absent=absent,
        ),
        "recovery.unrecovered": Figure(begun - lasted.count, max(begun, 1), length_s, timed=False),
        "recovery.strikes": Figure(len(strikes), max(len(strikes), 1), length_s, timed=False),
    }  # fmt: skip
    return Found((_finding(strikes, begun, lasted),), figures)


def _finding(killed: Sequence[Strike], begun: int, lasted: Latency) -> Finding:
    busy = sum(strike.was_busy for strike in killed)
    text = (
        f"{len(killed)} processes were killed, {busy} of them at work; {begun} times a client's calls failed"
    )
    if lasted.count:
        text += (
            f", {lasted.count} times it had a right answer again: after {lasted.med:,.0f} ms (median), "
            f"after {lasted.max:,.0f} ms at the latest"
        )
    return Finding(
        "Recovery",
        f"{text}.",
        {"strikes": len(killed), "outages": begun, "slowest_ms": lasted.max if lasted.count else None},
    )
