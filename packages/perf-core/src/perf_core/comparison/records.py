"""Two stored runs side by side: which figures moved by more than their bar; pure functions.

A single run carries no interval, so each change is a point estimate. Two runs of one server minutes apart
can differ by more than a bar on a busy machine; ``perf-core compare A B`` measures both servers in turns and
knows its noise. What this is for: records that are kept, such as those of nightly runs.

Runs are compared only when nothing but the server can have made the difference: see :func:`compare_records`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from perf_core.analysis.figures import Figure, figures
from perf_core.errors import NotComparable
from perf_core.load.plan import Settings
from perf_core.results.record import RunRecord

CPU_BAR = 0.05
"""CPU per call is counted, not timed, and varies least."""

RATIO_BAR = 0.10
ERROR_RATE_BAR = 0.001
"""A difference of shares: one call in a thousand."""

MEMORY_TOLERANCE = 0.05
"""Machines of one kind report slightly different totals."""

POINT_ESTIMATE = (
    "Each figure comes from a single run, which carries no interval: these are point estimates. "
    "`perf-core compare A B` measures both servers in turns and knows its own noise."
)

_SAMPLES = {"med": 20, "p95": 200, "p99": 1000}
"""Ten samples beyond the percentile, as for targets."""

_SESSIONS = 20
"""The published scenarios open 10 to 800 sessions, so less must do for these, again as for targets."""

Direction = Literal["lower", "higher"]
RowVerdict = Literal["worse", "better", "same", "not judged"]
Verdict = Literal["worse", "better", "same"]


@dataclass(frozen=True)
class ComparedRun:
    """One of the two runs.

    Attributes:
        run_id: Its id.
        target: What was measured.
        server: What the server called itself, with its version; may be empty.
        commit: Full hash of the checkout it was made in; empty outside one.
        dirty: Whether that checkout had changes.
        started_at: Start of the load, ISO 8601 in UTC.
    """

    run_id: str
    target: str
    server: str
    commit: str
    dirty: bool
    started_at: str


@dataclass(frozen=True)
class Row:
    """One figure of both runs.

    Attributes:
        figure: Its name, as :mod:`perf_core.analysis.figures` lists them.
        unit: Unit of ``before`` and ``after``; ``share`` is a number from 0 to 1.
        before: The figure before; None when that run has none.
        after: The figure after; None when that run has none.
        ratio: ``after / before``; None for shares, when one is missing, and when ``before`` is zero.
        difference: ``after - before`` for shares, else None.
        direction: Which direction is the better one.
        bar: By how much the figure may move: a share of itself, or, for ``error_rate``, a difference.
        verdict: ``worse``, ``better``, ``same`` or ``not judged``.
        reason: Why it is not judged; else empty.
    """

    figure: str
    unit: str
    before: float | None
    after: float | None
    ratio: float | None
    difference: float | None
    direction: Direction
    bar: float
    verdict: RowVerdict
    reason: str = ""


@dataclass(frozen=True)
class RecordComparison:
    """What became of the figures from one run to the other.

    Attributes:
        before: The run that is compared with.
        after: The run that is judged.
        scenario: Scenario of both.
        wire: Wire of both.
        verdict: ``worse`` if any figure is, else ``better`` if any is, else ``same``.
        rows: Figure by figure.
        remarks: What a reader must know, one sentence each; the last says what a point estimate is worth.
    """

    before: ComparedRun
    after: ComparedRun
    scenario: str
    wire: str
    verdict: Verdict
    rows: tuple[Row, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Side:
    record: RunRecord
    figures: Mapping[str, Figure]

    @property
    def saturated(self) -> bool:
        return self.record.generator is not None and self.record.generator.saturated


def compare_records(before: RunRecord, after: RunRecord, *, cross_machine: bool = False) -> RecordComparison:
    """Return which figures of ``after`` are worse or better than those of ``before``.

    A figure is worse when it moved past its bar in the bad direction: more latency, memory or CPU per call,
    fewer calls per second. CPU per call has a bar of 5 %, the others of 10 %; a ratio and its inverse are
    equally far from 1, so that A beside B and B beside A mirror each other. Error rates are compared by
    difference (worse beyond +0.001): a healthy server's are zero, and a ratio of zeros is undefined. For the
    same reason any other figure that was zero before is not judged.

    A figure that one run lacks is listed and not judged, nor is a percentile with less than ten samples
    beyond it. Where the generator was saturated, its times are bounds: the server may have been better than
    they say. A conclusion that stands all the same is drawn, no other.

    Args:
        before: The run to compare with.
        after: The run to judge.
        cross_machine: Compare although the machines differ; that is said among the remarks.

    Raises:
        NotComparable: Something beside the server differs: scenario, wire, a setting that shapes the load,
            the machine; or a run is invalid or was interrupted; or they share no figure. Has all the reasons.
    """
    machines = list(_machine_differences(before, after))
    obstacles = [*_obstacles(before, after), *(() if cross_machine else machines)]
    if obstacles:
        hint = "Measure both alike, or compare the servers themselves with `perf-core compare A B`."
        if machines and not cross_machine:
            hint += " --cross-machine allows different machines."
        raise NotComparable(_listed(before, after, obstacles), hint)
    sides = _Side(before, _figures(before)), _Side(after, _figures(after))
    rows = tuple(_rows(*sides))
    judged = [row.verdict for row in rows if row.verdict != "not judged"]
    if not judged:
        none = ["no figure can be judged", *(f"{row.figure}: {row.reason}" for row in rows)]
        raise NotComparable(_listed(before, after, none), "Measure longer.")
    return RecordComparison(
        before=_compared(before),
        after=_compared(after),
        scenario=before.scenario,
        wire=before.wire,
        verdict="worse" if "worse" in judged else "better" if "better" in judged else "same",
        rows=rows,
        remarks=(*_remarks(before, after), *machines, POINT_ESTIMATE),
    )


def _listed(before: RunRecord, after: RunRecord, reasons: Sequence[str]) -> str:
    lines = "".join(f"\n- {reason}" for reason in reasons)
    return f"{before.run_id} and {after.run_id} cannot be compared:{lines}"


def _compared(record: RunRecord) -> ComparedRun:
    server, commit = _part(record, "server"), _part(record, "commit")
    return ComparedRun(
        run_id=record.run_id,
        target=record.target,
        server=" ".join(str(server[key]) for key in ("name", "version") if server.get(key)),
        commit=str(commit.get("hash", "")),
        dirty=bool(commit.get("dirty")),
        started_at=record.started_at,
    )


# --- what stands in the way ---


def _obstacles(before: RunRecord, after: RunRecord) -> Iterator[str]:
    for when, record in (("before", before), ("after", after)):
        if record.verdict in {"invalid", "interrupted"} or record.metrics is None:
            why = f" ({'; '.join(record.reasons)})" if record.reasons else ""
            verdict = record.verdict if record.metrics is not None else "without figures"
            yield f"the run {when} is {verdict}{why}"
    yield from _differences({"scenario": before.scenario}, {"scenario": after.scenario})
    yield from _differences({"wire": before.wire}, {"wire": after.wire})
    plans = _part(before, "plan"), _part(after, "plan")
    yield from _differences(*({"shape": plan.get("shape")} for plan in plans))
    for when, plan in zip(("before", "after"), plans, strict=True):
        if not plan.get("settings"):
            yield f"the record {when} does not say its settings"
    if all(plan.get("settings") for plan in plans):
        # A setting that a record does not name was not there yet: the run did what is the default now.
        yield from _differences(*({**asdict(Settings()), **plan["settings"]} for plan in plans))
        yield from _differences(*({"journeys": plan.get("journeys")} for plan in plans))
        # It places the load and does not shape it, but what the server gets depends on it.
        yield from _differences(
            *({"--pin": "--pin" in r.manifest.get("command", ())} for r in (before, after))
        )


def _machine_differences(before: RunRecord, after: RunRecord) -> Iterator[str]:
    machines = _part(before, "machine"), _part(after, "machine")
    for when, machine in zip(("before", "after"), machines, strict=True):
        if not machine:
            yield f"the record {when} does not say its machine"
    if not all(machines):
        return
    for key in ("cpu", "cpus", "architecture"):
        yield from _differences(*({key: machine.get(key)} for machine in machines))
    # The release changes with each update of the kernel; the machine stays.
    yield from _differences(*({"system": str(m.get("system")).partition(" ")[0]} for m in machines))
    sizes_mb = sorted(float(machine.get("memory_mb") or 0) for machine in machines)
    if sizes_mb[1] > sizes_mb[0] * (1 + MEMORY_TOLERANCE):
        yield from _differences(*({"memory_mb": machine.get("memory_mb")} for machine in machines))


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield f"{key}: {_said(before.get(key))} before, {_said(after.get(key))} after"


def _said(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _part(record: RunRecord, name: str) -> Mapping[str, Any]:
    part = record.manifest.get(name)
    return part if isinstance(part, Mapping) else {}


# --- what a reader must know ---


def _remarks(before: RunRecord, after: RunRecord) -> Iterator[str]:
    if before.run_id == after.run_id:
        yield "Both are the same run."
    if before.target != after.target:
        yield (
            f"Two servers are compared, {before.target} before and {after.target} after, "
            "not two versions of one."
        )
    for when, record in (("before", before), ("after", after)):
        if _part(record, "commit").get("dirty"):
            yield f"The checkout {when} had uncommitted changes: its commit does not tell what was measured."
    versions = _part(before, "versions"), _part(after, "versions")
    kernels = ({"system": _part(record, "machine").get("system")} for record in (before, after))
    for difference in (*_differences(*versions), *_differences(*kernels)):
        # The adapter's version is what is being compared.
        if not difference.startswith("adapter:"):
            yield f"Beside the server, this changed too: {difference}."


# --- figure by figure ---


def _figures(record: RunRecord) -> Mapping[str, Figure]:
    if record.metrics is None:
        return {}
    return figures(record.metrics, record.stages, (), record.server, sessions_left=None, uptime_percent=None)


def _rows(before: _Side, after: _Side) -> Iterator[Row]:
    for name in _names(before.record, after.record):
        row = _row(name, before, after)
        if row is not None:
            yield row


def _names(*records: RunRecord) -> Iterator[str]:
    yield from ("tool_calls_per_s", "error_rate")
    yield from (f"latency_ms.all.{statistic}" for statistic in ("med", "p95", "p99"))
    tools = dict.fromkeys(tool for r in records if r.metrics is not None for tool in r.metrics.latency_ms)
    yield from (f"latency_ms.{tool}.p95" for tool in tools if tool != "all")
    yield "session_creation_ms.p95"
    yield from ("server.cpu_us_per_call", "server.rss_peak_mb")
    held = dict.fromkeys(stage.name for r in records for stage in r.stages if stage.kind == "hold")
    yield from (f"latency_ms.all.p95@{name}" for name in held)


def _row(name: str, before: _Side, after: _Side) -> Row | None:
    """Return the row of a figure; None when neither run has it."""
    found = [side.figures.get(name) for side in (before, after)]
    values = [figure.value if figure is not None and figure.samples else None for figure in found]
    if values == [None, None]:
        return None
    was, now = values
    is_share = name == "error_rate"
    bar = ERROR_RATE_BAR if is_share else CPU_BAR if name == "server.cpu_us_per_call" else RATIO_BAR
    direction: Direction = "higher" if name == "tool_calls_per_s" else "lower"
    ratio = now / was if was and now is not None and not is_share else None
    # Rounded: 0.003 - 0.002 is a little more than 0.001 in binary.
    difference = round(now - was, 12) if is_share and was is not None and now is not None else None
    verdict: RowVerdict = "not judged"
    reason = _unjudgeable(name, was, now, found)
    if not reason:
        verdict = _moved(ratio, difference, direction, bar)
        sides = zip((before, after), found, strict=True)
        bounds = [side.saturated and figure is not None and figure.timed for side, figure in sides]
        reason = _unsupported(verdict, *bounds)
    return Row(
        figure=name,
        unit=_unit(name),
        before=was,
        after=now,
        ratio=ratio,
        difference=difference,
        direction=direction,
        bar=bar,
        verdict="not judged" if reason else verdict,
        reason=reason,
    )


def _unit(name: str) -> str:
    units = {
        "tool_calls_per_s": "/s",
        "error_rate": "share",
        "server.cpu_us_per_call": "µs",
        "server.rss_peak_mb": "MB",
    }
    return units.get(name, "ms")


def _unjudgeable(name: str, was: float | None, now: float | None, found: Sequence[Figure | None]) -> str:
    if was is None or now is None:
        return "only after" if was is None else "only before"
    if was == 0 and name != "error_rate":
        return "zero before, and zero has no ratio"
    statistic = name.partition("@")[0].rpartition(".")[2]
    needed = _SESSIONS if name.startswith("session_creation_ms") else _SAMPLES.get(statistic, 0)
    came = [figure.samples if figure is not None else 0 for figure in found]
    if min(came) < needed:
        return f"{statistic} needs {needed} samples; {came[0]} came before, {came[1]} after"
    return ""


def _moved(ratio: float | None, difference: float | None, direction: Direction, bar: float) -> RowVerdict:
    if difference is not None:
        is_up, is_down = difference > bar, difference < -bar
    else:
        is_up, is_down = ratio is not None and ratio > 1 + bar, ratio is not None and ratio * (1 + bar) < 1
    if not is_up and not is_down:
        return "same"
    return "better" if is_up == (direction == "higher") else "worse"


def _unsupported(verdict: RowVerdict, bound_before: bool, bound_after: bool) -> str:
    """Return why a verdict does not stand when figures are bounds; empty when it does.

    A bound looks worse than the server was. A bound that is better than an exact figure all the same is
    better; an exact figure that is worse than a bound is worse.
    """
    stands = {"worse": not bound_after, "better": not bound_before}.get(
        verdict, not (bound_before or bound_after)
    )
    if stands:
        return ""
    when = "in both runs" if bound_before and bound_after else "before" if bound_before else "after"
    return f"k6 was saturated {when}: the figure is a bound"
