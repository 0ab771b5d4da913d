"""The shape ``concurrent``: rising numbers of clients, and how well each level is served."""

from __future__ import annotations

from collections.abc import Mapping

from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.analysis.figures import Figure, success_figure
from perf_core.analysis.grades import RESPONSE, SUCCESS, grade
from perf_core.results.record import Finding, Stage
from perf_core.shapes.shape import MOST_SUCCEED, Shape


def find(evidence: Evidence) -> ShapeFindings:
    """Return a finding for each level of clients, and the success rate of the worst level."""
    levels = [stage for stage in evidence.stages if stage.kind == "hold"]
    if not levels:
        absent = Figure(None, 0, 0.0, absent="the run ended before the first level")
        return ShapeFindings((), {"concurrent.worst_level_percent": absent})
    worst = min(levels, key=success_percent)
    figure = level_figure(worst, evidence.metrics.errors)
    findings = tuple(_level_finding(level) for level in levels)
    return ShapeFindings((*findings, *_kind_findings(evidence)), {"concurrent.worst_level_percent": figure})


def success_percent(stage: Stage) -> float:
    """Return the share of right answers in a stage, 0 to 100; 0 without any call.

    Users call in every stage, so one without a call is one in which they all waited in vain.
    """
    return 100 * (1 - stage.error_rate) if stage.calls else 0.0


def level_figure(stage: Stage, errors: Mapping[str, int]) -> Figure:
    """Return the figure of a stage's :func:`success_percent`.

    Args:
        errors: Those of the whole run, by class.
    """
    length_s = stage.end_s - stage.start_s
    if not stage.calls:
        return Figure(0.0, 1, length_s, timed=False)
    return success_figure(stage.error_rate, stage.calls, length_s, errors)


def _level_finding(level: Stage) -> Finding:
    success, p95_ms = success_percent(level), level.latency_ms.p95
    clients = f"{level.vus} client{'' if level.vus == 1 else 's'}"
    if level.rate_per_s is not None:
        clients = f"{level.rate_per_s:g} iterations per second"
    if not level.calls:
        text = f"No call in {level.end_s - level.start_s:.0f} s: none was answered."
        return Finding(clients, text, {"success_percent": 0.0, "p95_ms": None, "calls_per_s": 0.0})
    return Finding(
        clients,
        f"{success:.2f} % of {level.calls:,} calls succeeded ({grade(SUCCESS, success)}), "
        f"p95 {p95_ms:,.0f} ms ({grade(RESPONSE, p95_ms)}), "
        f"{level.calls_per_s:,.1f} right answers per second.",
        {"success_percent": success, "p95_ms": p95_ms, "calls_per_s": level.calls_per_s},
    )


def _kind_findings(evidence: Evidence) -> list[Finding]:
    """Return one finding that compares the kinds of content, when there are several."""
    kinds = evidence.metrics.kinds_ms.get("all", {})
    if len(kinds) < 2:
        return []
    text = "; ".join(
        f"{kind}: {latency.count:,} answers, median {latency.med:,.0f} ms, p95 {latency.p95:,.0f} ms"
        for kind, latency in kinds.items()
    )
    values: dict[str, float | str | None] = {f"{kind}_p95_ms": each.p95 for kind, each in kinds.items()}
    return [Finding("By kind of content", f"{text[:1].upper()}{text[1:]}.", values)]


SHAPE = Shape(
    name="concurrent",
    summary="How well does it serve 10, 50, 100 and 200 clients, each with work of its own?",
    targets=(MOST_SUCCEED,),
    figures=("concurrent.worst_level_percent",),
    find=find,
)
