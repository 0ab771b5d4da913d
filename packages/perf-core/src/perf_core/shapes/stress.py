"""The shape ``stress``: the levels that a server carries, its knee, and how it fails beyond."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.analysis.figures import Figure
from perf_core.analysis.scalability import Scalability, scalability
from perf_core.results.record import Failure, Finding, Stage
from perf_core.shapes.shape import Shape

LEVEL_P95_MS = 500.0
LEVEL_ERROR_RATE = 0.01

COLLAPSED_SHARE = 0.1
"""Share of the highest throughput below which a level has collapsed."""

_KNEE_ACCURACY = 0.2
"""Relative error of a knee: one that much below the lowest level may lie at it."""

_FIGURES = ("stress.vus_carried", "stress.knee_vus", "stress.peak_vus", "stress.peak_calls_per_s")

_REFUSALS = frozenset({"rate_limited", "is_error"})
"""Errors that can be a clear refusal; all others are those of a server that breaks down, unless every example
of an HTTP status is 503 (service unavailable)."""

_UNAVAILABLE = "HTTP 503"
_MESSAGE = re.compile(r'"text"\s*:\s*"\s*[^"\s]')
_TRACEBACK = "Traceback (most recent call last)"


def find(evidence: Evidence) -> ShapeFindings:
    """Return the highest level that the server carried, the knee of its throughput, and how it failed."""
    levels = [stage for stage in evidence.stages if stage.kind == "hold"]
    if not levels:
        absent = Figure(None, 0, 0.0, absent="the run ended before the first level")
        return ShapeFindings((_failure_finding(evidence, None),), dict.fromkeys(_FIGURES, absent))
    # The script ends the run in the stage that failed, whose figures may still look good.
    gave_up_in = evidence.stages[-1] if evidence.aborted else None
    first_failed = next((level for level in levels if level is gave_up_in or not _is_carried(level)), None)
    held = [level for level in levels if not first_failed or level.end_s <= first_failed.start_s]
    if levels[0].rate_per_s is not None:
        absent = Figure(None, 0, 0.0, absent="an arrival rate set the load, not a number of users")
        carried_finding = _carried_finding(held, first_failed, gave_up_in)
        return ShapeFindings(
            (carried_finding, _failure_finding(evidence, first_failed)), dict.fromkeys(_FIGURES, absent)
        )
    carried = max((level.vus or 0 for level in held), default=0)
    shortest_s = min(level.end_s - level.start_s for level in levels)
    growth = _growth(evidence, levels)
    figures = {
        "stress.vus_carried": Figure(
            carried,
            sum(level.calls for level in levels),
            shortest_s,
            at_least=first_failed is None and not evidence.aborted,
        ),
        **growth.figures(len(evidence.load["t_s"]), shortest_s),
    }
    findings = [_carried_finding(held, first_failed, gave_up_in), *growth.findings()]
    findings.append(_failure_finding(evidence, first_failed))
    return ShapeFindings(tuple(findings), figures)


def _is_carried(level: Stage) -> bool:
    return (
        level.latency_ms.count > 0
        and not level.is_silent
        and level.latency_ms.p95 < LEVEL_P95_MS
        and level.error_rate < LEVEL_ERROR_RATE
    )


def _carried_finding(held: Sequence[Stage], first_failed: Stage | None, gave_up_in: Stage | None) -> Finding:
    highest = max(held, key=_load_of, default=None)
    carried = "No load" if highest is None else _load_text(highest)
    limit = f"p95 < {LEVEL_P95_MS:.0f} ms and errors < {LEVEL_ERROR_RATE:.0%}"
    if first_failed is None and gave_up_in is not None:
        text = f"{carried} held {limit}; the load ended early in {gave_up_in.name}."
    elif first_failed is None:
        text = f"Every level held {limit}, up to {carried}: the limit is higher."
    else:
        levels = f"{carried} is the highest level" if highest else "No level"
        text = (
            f"{levels} that held {limit}; at {_load_text(first_failed)} p95 was "
            f"{first_failed.latency_ms.p95:.0f} ms with {first_failed.error_rate:.2%} errors."
        )
    paced = any(level is not None and level.rate_per_s is not None for level in (highest, first_failed))
    unit = "rate_carried_per_s" if paced else "vus_carried"
    return Finding("Carried", text, {unit: _load_of(highest) if highest else 0})


def _load_of(level: Stage) -> float:
    return (level.vus or 0) if level.rate_per_s is None else level.rate_per_s


def _load_text(level: Stage) -> str:
    return (
        _users(level.vus or 0) if level.rate_per_s is None else f"{level.rate_per_s:g} iterations per second"
    )


@dataclass(frozen=True)
class _Growth:
    """Growth of the throughput with the users.

    Attributes:
        knee_vus: Users up to which it grows; None for the reason in ``no_knee``.
        below_vus: Lowest level, if the knee lies below it.
    """

    curve: Scalability | None = None
    knee_vus: float | None = None
    no_knee: str = ""
    below_vus: int | None = None

    def figures(self, periods: int, duration_s: float) -> dict[str, Figure]:
        """Return the knee and the peak as figures."""
        peak_vus = self.curve.peak_users if self.curve else None
        peak_per_s = self.curve.peak_per_s if self.curve else None
        no_peak = self.no_knee or "throughput does not fall at the levels tried"
        values = (
            ("stress.knee_vus", self.knee_vus, self.no_knee),
            ("stress.peak_vus", peak_vus, no_peak),
            ("stress.peak_calls_per_s", peak_per_s, no_peak),
        )
        return {
            name: Figure(value, periods, duration_s, absent=absent if value is None else "")
            for name, value, absent in values
        }

    def findings(self) -> Iterator[Finding]:
        """Yield the finding on the knee, if there is one."""
        if self.below_vus is not None:
            lowest = f"{_users(self.below_vus)}, the lowest level"
            text = f"Throughput no longer grows at {lowest}: its knee lies below."
            yield Finding("Knee", text, {"knee_vus": None, "below_vus": self.below_vus})
        if self.curve is None or self.knee_vus is None:
            return
        values: dict[str, float | str | None] = {"knee_vus": self.knee_vus, "curve": self.curve.curve}
        if self.curve.peak_users is not None:
            values |= {"peak_vus": self.curve.peak_users, "peak_calls_per_s": self.curve.peak_per_s}
        if self.curve.contention is not None:
            values |= {"contention": self.curve.contention, "coherency": self.curve.coherency}
        yield Finding("Knee", _knee_sentence(self.curve, self.knee_vus), values)


def _knee_sentence(curve: Scalability, knee_vus: float) -> str:
    grows = f"grows up to about {_users(knee_vus)}"
    if curve.peak_users is None:
        return f"Throughput {grows} and hardly beyond: more users only wait longer."
    peak = f"about {_users(curve.peak_users)}, with {curve.peak_per_s:,.0f} calls per second"
    if curve.curve == "collapse":
        return f"Throughput {grows} and collapses beyond {peak}."
    return f"Throughput is highest at {peak}, and falls beyond: fewer users would get more answers."


def _users(vus: float) -> str:
    return f"{vus:.0f} VU{'s' * (round(vus) != 1)}"


def _growth(evidence: Evidence, levels: Sequence[Stage]) -> _Growth:
    rows = _rows(evidence, max(level.end_s for level in levels))
    curve = scalability(
        [vus for vus, _, saturated in rows if not saturated],
        [rate for _, rate, saturated in rows if not saturated],
    )
    doubt = _doubt(evidence, rows, curve)
    if doubt or curve is None or curve.knee_users is None:
        return _Growth(no_knee=doubt)
    lowest = min(level.vus or 0 for level in levels)
    if curve.knee_users < (1 - _KNEE_ACCURACY) * lowest:
        reason = f"throughput no longer grew at {_users(lowest)}, the lowest level"
        return _Growth(no_knee=reason, below_vus=lowest)
    return _Growth(curve, max(curve.knee_users, float(lowest)))


def _doubt(evidence: Evidence, rows: Sequence[tuple[float, float, bool]], curve: Scalability | None) -> str:
    """Return why there is no knee, or why it could be that of k6 or the machine; else an empty text."""
    if evidence.health is not None and evidence.health.state in {"bounded", "invalid"}:
        return "the machine was busy or stopped, so a knee could be that of the machine"
    saturated_vus = [vus for vus, _, saturated in rows if saturated]
    is_whole_run = not evidence.saturated and evidence.generator is not None and evidence.generator.saturated
    if is_whole_run or (rows and len(saturated_vus) == len(rows)):
        return "k6 was saturated, so a knee could be its own"
    if curve is None:
        return "the run was too short, or nothing was answered"
    if curve.knee_users is None:
        limit = f"; from {_users(min(saturated_vus))} on k6 was saturated" if saturated_vus else ""
        return f"throughput had not levelled off at the most users{limit}"
    beyond = [saturated for vus, _, saturated in rows if vus >= curve.knee_users]
    is_mostly_saturated = sum(beyond) > len(beyond) / 2
    return "k6 was saturated beyond it, so a knee could be its own" if is_mostly_saturated else ""


def _rows(evidence: Evidence, until_s: float) -> list[tuple[float, float, bool]]:
    """Return users, right answers per second, and whether k6 was saturated, for each period up to a time."""
    load = evidence.load
    reports = [
        (t, vus) for t, vus in zip(load["t_s"], load["vus"], strict=True) if t is not None and vus is not None
    ]
    if not reports:
        return []
    if evidence.stages[0].kind == "ramp":
        reports.insert(0, (0.0, 0.0))
    report_times, report_vus = zip(*reports, strict=True)
    saturated = evidence.saturated or [False] * len(load["t_s"])
    rows = [
        # k6 reports the number of VUs once a second only, while periods may be shorter.
        (
            float(np.interp(t - evidence.period_s / 2, report_times, report_vus)),
            calls - (errors or 0.0),
            is_saturated,
        )
        for t, calls, errors, is_saturated in zip(
            load["t_s"], load["calls_per_s"], load["errors_per_s"], saturated, strict=True
        )
        if t is not None and calls is not None and t <= until_s
    ]
    return [row for row in rows if row[0] > 0]


def _failure_finding(evidence: Evidence, first_failed: Stage | None) -> Finding:
    errors = evidence.metrics.errors
    values: dict[str, float | str | None] = {f"errors_{name}": count for name, count in errors.items()}
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in errors.items())
    breakdown = [*_hard_errors(evidence), *_silences(evidence.stages), *_collapses(evidence.stages)]
    if breakdown:
        manner, text = "not gracefully", f"Not gracefully: {'; '.join(breakdown)}."
    elif first_failed is None and not errors:
        manner, text = "not at all", "It did not fail: every call was answered correctly."
    elif not errors:
        manner, text = "gracefully", "Gracefully: answers were late, and every one was correct."
    else:
        manner, text = "gracefully", f"Gracefully: it refused calls with a clear answer ({counts})."
    early = f" The load ended early: {evidence.aborted}." if evidence.aborted else ""
    return Finding("How it failed", text + early, {"manner": manner, **values})


def _hard_errors(evidence: Evidence) -> list[str]:
    """Return the counts of all errors if some are those of a server that breaks down, with an example."""
    errors, failures = evidence.metrics.errors, evidence.metrics.failures
    hard = [name for name in errors if not _is_refusal(name, [f for f in failures if f.error_class == name])]
    if not hard:
        return []
    example = next((f.received for f in failures if f.error_class in hard and f.received), "")
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in errors.items())
    return [f"{counts} (such as {_shortened(example)})" if example else counts]


def _is_refusal(error_class: str, examples: Sequence[Failure]) -> bool:
    """Return whether errors of a class refuse calls clearly, as far as the examples tell."""
    if error_class == "http_status":
        return bool(examples) and all(each.received.startswith(_UNAVAILABLE) for each in examples)
    if error_class == "is_error":
        return all(_MESSAGE.search(each.received) and _TRACEBACK not in each.received for each in examples)
    return error_class in _REFUSALS


_EXAMPLE_CHARACTERS = 80


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXAMPLE_CHARACTERS else f"{line[:_EXAMPLE_CHARACTERS]}…"


def _silences(stages: Sequence[Stage]) -> list[str]:
    return [f"no answer for {s.longest_silence_s:.1f} s in {s.name}" for s in stages if s.is_silent]


def _collapses(stages: Sequence[Stage]) -> list[str]:
    """Return the stages beyond the one with the highest throughput in which hardly any of it was left."""
    levels = [stage for stage in stages if stage.kind == "hold"]
    if not levels:
        return []
    best = max(levels, key=lambda level: level.calls_per_s)
    fell = f"throughput fell from {best.calls_per_s:,.0f}"
    return [
        f"{fell} to {stage.calls_per_s:,.1f} calls per second in {stage.name}"
        for stage in stages
        if stage.start_s >= best.end_s
        and (stage.vus or 0) >= (best.vus or 0)
        and stage.calls_per_s < COLLAPSED_SHARE * best.calls_per_s
        # Shorter stages, such as one that the run was ended in, are over before their calls are.
        and stage.end_s - stage.start_s > 2 * stage.latency_ms.p95 / 1000
    ]


SHAPE = Shape(
    name="stress",
    summary="How many users does it carry, and how does it fail beyond?",
    figures=_FIGURES,
    find=find,
    may_overload=True,
)
