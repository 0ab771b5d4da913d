"""Comparison of two recorded runs: the figures that changed by more than their bar; pure functions.

A single run has no confidence interval, so each change is a point estimate. On a busy machine, two runs of
the same server can differ by more than a bar; ``perf-core compare A B`` loads both servers alternately and
computes intervals. This comparison is for runs that are kept, such as nightly runs.

Runs are compared only if everything but the server is equal: see :func:`compare_records`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from perf_core.analysis.figures import Figure, figures
from perf_core.analysis.token_cost import TokenChange, token_change
from perf_core.comparison.comparability import machine_differences, manifest_part, obstacles, remarks
from perf_core.errors import NotComparable
from perf_core.results.record import RunRecord

CPU_BAR = 0.05
"""CPU per call is counted, not timed, and varies least."""

RATIO_BAR = 0.10
ERROR_RATE_BAR = 0.001
"""Difference of two error rates: one call in a thousand."""

POINT_ESTIMATE = (
    "Each figure comes from a single run, which has no confidence interval: these are point estimates. "
    "`perf-core compare A B` loads both servers alternately and computes intervals."
)

_MIN_SAMPLES = {"med": 20, "p95": 200, "p99": 1000}
"""Ten samples beyond the percentile, as for targets."""

_MIN_SESSIONS = 20
"""Fewer than for other percentiles, as for targets: the published scenarios open only 10 to 800 sessions."""

Direction = Literal["lower", "higher"]
RowVerdict = Literal["worse", "better", "same", "not judged"]
Verdict = Literal["worse", "better", "same"]


@dataclass(frozen=True)
class ComparedRun:
    """One of the two runs.

    Attributes:
        server: Name and version that the server reported; may be empty.
        commit: Full hash of the checkout in which the run was made; empty outside one.
        dirty: Whether that checkout had uncommitted changes.
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
        unit: Unit of ``before`` and ``after``; ``share`` is a number from 0 to 1.
        ratio: ``after / before``; None for shares, if a value is missing, and if ``before`` is zero.
        difference: ``after - before`` for shares, else None.
        bar: Change beyond which the figure counts as moved: relative, or, for ``error_rate``, a difference.
        reason: Reason for ``not judged``; else empty.
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
    """Changes of the figures from one run to another.

    Attributes:
        verdict: ``worse`` if any figure is, else ``better`` if any is, else ``same``.
        remarks: Remarks for the reader, one sentence each; the last is about point estimates.
        tokens: What changed in the cost of the tools for a model; no part of the verdict. None if a run did
            not count it, or in another way.
    """

    before: ComparedRun
    after: ComparedRun
    scenario: str
    wire: str
    verdict: Verdict
    rows: tuple[Row, ...]
    remarks: tuple[str, ...]
    tokens: TokenChange | None = None


@dataclass(frozen=True)
class _Side:
    record: RunRecord
    figures: Mapping[str, Figure]

    @property
    def saturated(self) -> bool:
        return self.record.generator is not None and self.record.generator.saturated


def compare_records(before: RunRecord, after: RunRecord, *, cross_machine: bool = False) -> RecordComparison:
    """Return which figures of ``after`` are worse or better than those of ``before``.

    A figure is worse if it moved past its bar in the bad direction: more latency, memory or CPU per call,
    fewer calls per second. The bar is 5 % for CPU per call and 10 % for the others; a ratio and its inverse
    are equally far from 1, so that swapping the runs mirrors the result. Error rates are compared by
    difference (worse beyond +0.001): those of healthy servers are zero, and zeros have no ratio. For the same
    reason, any other figure that was zero before is not judged.

    Not judged are figures that one run lacks, and percentiles with fewer than ten samples beyond them. The
    times of a saturated generator are bounds, since the server may have been faster; a verdict is given only
    if it follows from the bounds. With ``cross_machine``, the machines may differ, and a remark says how.

    Raises:
        NotComparable: Something other than the server differs (scenario, wire, a setting of the load, the
            machine), a run is invalid or was interrupted, or no figure can be judged. Lists all reasons.
    """
    machines = list(machine_differences(before, after))
    reasons = [*obstacles(before, after), *(() if cross_machine else machines)]
    if reasons:
        hint = "Measure both in the same way, or compare the servers with `perf-core compare A B`."
        if machines and not cross_machine:
            hint += " --cross-machine allows different machines."
        raise NotComparable(_message(before, after, reasons), hint)
    sides = _Side(before, _figures(before)), _Side(after, _figures(after))
    rows = tuple(_rows(*sides))
    judged = [row.verdict for row in rows if row.verdict != "not judged"]
    if not judged:
        none = ["no figure can be judged", *(f"{row.figure}: {row.reason}" for row in rows)]
        raise NotComparable(_message(before, after, none), "Measure longer.")
    return RecordComparison(
        before=_compared(before),
        after=_compared(after),
        scenario=before.scenario,
        wire=before.wire,
        verdict="worse" if "worse" in judged else "better" if "better" in judged else "same",
        rows=rows,
        remarks=(*remarks(before, after), *machines, POINT_ESTIMATE),
        tokens=_token_change(before, after),
    )


def _token_change(before: RunRecord, after: RunRecord) -> TokenChange | None:
    if before.token_cost is None or after.token_cost is None:
        return None
    return token_change(before.token_cost, after.token_cost)


def _message(before: RunRecord, after: RunRecord, reasons: Sequence[str]) -> str:
    lines = "".join(f"\n- {reason}" for reason in reasons)
    return f"{before.run_id} and {after.run_id} cannot be compared:{lines}"


def _compared(record: RunRecord) -> ComparedRun:
    server, commit = manifest_part(record, "server"), manifest_part(record, "commit")
    return ComparedRun(
        run_id=record.run_id,
        target=record.target,
        server=" ".join(str(server[key]) for key in ("name", "version") if server.get(key)),
        commit=str(commit.get("hash", "")),
        dirty=bool(commit.get("dirty")),
        started_at=record.started_at,
    )


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
    """Return the row of a figure; None if neither run has it."""
    pair = [side.figures.get(name) for side in (before, after)]
    values = [figure.value if figure is not None and figure.samples else None for figure in pair]
    if values == [None, None]:
        return None
    was, now = values
    is_share = name == "error_rate"
    bar = ERROR_RATE_BAR if is_share else CPU_BAR if name == "server.cpu_us_per_call" else RATIO_BAR
    direction: Direction = "higher" if name == "tool_calls_per_s" else "lower"
    ratio = now / was if was and now is not None and not is_share else None
    # Rounded, since 0.003 - 0.002 is slightly more than 0.001 in binary.
    difference = round(now - was, 12) if is_share and was is not None and now is not None else None
    verdict: RowVerdict = "not judged"
    reason = _unjudgeable(name, was, now, pair)
    if not reason:
        verdict = _verdict(ratio, difference, direction, bar)
        sides = zip((before, after), pair, strict=True)
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


def _unjudgeable(name: str, was: float | None, now: float | None, figures: Sequence[Figure | None]) -> str:
    if was is None or now is None:
        return "only after" if was is None else "only before"
    if was == 0 and name != "error_rate":
        return "zero before, which has no ratio"
    statistic = name.partition("@")[0].rpartition(".")[2]
    needed = _MIN_SESSIONS if name.startswith("session_creation_ms") else _MIN_SAMPLES.get(statistic, 0)
    samples = [figure.samples if figure is not None else 0 for figure in figures]
    if min(samples) < needed:
        return f"expected {needed} samples for {statistic}, got {samples[0]} before and {samples[1]} after"
    return ""


def _verdict(ratio: float | None, difference: float | None, direction: Direction, bar: float) -> RowVerdict:
    if difference is not None:
        is_up, is_down = difference > bar, difference < -bar
    else:
        is_up, is_down = ratio is not None and ratio > 1 + bar, ratio is not None and ratio * (1 + bar) < 1
    if not is_up and not is_down:
        return "same"
    return "better" if is_up == (direction == "higher") else "worse"


def _unsupported(verdict: RowVerdict, bound_before: bool, bound_after: bool) -> str:
    """Return why a verdict does not follow from figures that are bounds; empty if it does.

    A bound is worse than the server was. So a bound that is better than an exact figure is better, and an
    exact figure that is worse than a bound is worse.
    """
    supported = {"worse": not bound_after, "better": not bound_before}.get(
        verdict, not (bound_before or bound_after)
    )
    if supported:
        return ""
    when = "in both runs" if bound_before and bound_after else "before" if bound_before else "after"
    return f"k6 was saturated {when}: the figure is a bound"
