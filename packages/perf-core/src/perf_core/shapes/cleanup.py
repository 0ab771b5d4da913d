"""The shape ``cleanup``: resources that a server still holds after work of which much goes wrong."""

from __future__ import annotations

from perf_core.adapter import Target
from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.analysis.figures import Figure
from perf_core.load.plan import PlanNeeds
from perf_core.results.record import Finding
from perf_core.sampling.snapshot import COUNTED_RESOURCES, SnapshotPair
from perf_core.shapes.shape import Shape

_FIGURES = ("cleanup.rss_growth_mb", "cleanup.held", *(f"cleanup.{name}" for name in COUNTED_RESOURCES))


def find(evidence: Evidence) -> ShapeFindings:
    """Return the growth of each resource from the snapshot before the load to the one after it."""
    snapshots = evidence.snapshots
    if snapshots is None:
        why = "the server's process is not visible from this machine"
        if evidence.server is not None:
            why = "the load ended early, without a snapshot after it"
        return ShapeFindings((), dict.fromkeys(_FIGURES, Figure(None, 0, 0.0, absent=why)))
    growth_mb = snapshots.after.rss_mb - snapshots.before.rss_mb
    figures = {
        "cleanup.rss_growth_mb": Figure(growth_mb, 1, 0.0, timed=False),
        "cleanup.held": _gauge_growth(snapshots),
    }
    for name in COUNTED_RESOURCES:
        before, after = getattr(snapshots.before, name), getattr(snapshots.after, name)
        if before is None or after is None:
            absent = "it can be counted only for a server that the lab starts"
            figures[f"cleanup.{name}"] = Figure(None, 0, 0.0, absent=absent)
        else:
            figures[f"cleanup.{name}"] = Figure(after - before, 1, 0.0, timed=False)
    return ShapeFindings((_finding(snapshots),), figures)


def _gauge_growth(snapshots: SnapshotPair) -> Figure:
    """Return the growth of all gauges together; one that shrinks does not make up for another."""
    gauges = snapshots.gauges
    if not gauges:
        return Figure(None, 0, 0.0, absent="the server has no gauges of what it holds")
    growth = sum(max(0.0, after - before) for before, after in gauges.values())
    return Figure(growth, len(gauges), 0.0, timed=False)


def _finding(snapshots: SnapshotPair) -> Finding:
    counts: dict[str, tuple[float, float]] = {
        "MB of memory": (snapshots.before.rss_mb, snapshots.after.rss_mb),
        **{
            name.replace("_", " ").replace("fds", "open files"): (getattr(snapshots.before, name), after)
            for name in COUNTED_RESOURCES
            if (after := getattr(snapshots.after, name)) is not None
            and getattr(snapshots.before, name) is not None
        },
        **snapshots.gauges,
    }
    pairs = ", ".join(f"{name} {_number(a)} and {_number(b)}" for name, (a, b) in counts.items())
    return Finding(
        "Before and after",
        f"Idle before the load and after it: {pairs}.",
        {f"{name} left": after - before for name, (before, after) in counts.items()},
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


SHAPE = Shape(
    name="cleanup",
    summary="Does anything stay behind after operations of which many go wrong?",
    targets=(
        Target("failed_calls", "<", 1, need="A mistake is answered with an error that says so."),
        Target("cleanup.rss_growth_mb", "<", 10, need="Mistakes must not cost memory for ever."),
        Target("cleanup.fds", "<", 1, need="Open files run out."),
        Target("cleanup.threads", "<", 1, need="Threads pile up until none can be started."),
        Target("cleanup.temporary_files", "<", 1, need="Disks fill up."),
        Target("cleanup.processes", "<", 1, need="Processes pile up."),
        Target("cleanup.held", "<", 1, need="Deleted content must be gone."),
    ),
    plan=PlanNeeds(arrival_rate=True),
    figures=_FIGURES,
    find=find,
    resource_snapshots=True,
    probes_streams=False,
)
