"""Content of the reports, apart from their format: headline, targets and key figures.

The terminal, Markdown and HTML reports differ only in how they show these and the tables of
:mod:`perf_core.report.tables`. Every string from the record passes through
:func:`perf_core.report.wording.plain` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from perf_core.analysis.lower_bounds import is_lower_bound
from perf_core.report.bounds import AT_LEAST
from perf_core.report.wording import (
    DASH,
    count,
    duration,
    figure_level,
    figure_value,
    figure_wording,
    is_extrapolated,
    plain,
    sentence,
)
from perf_core.results.record import RunRecord, TargetResult

Tone = Literal["good", "bad", "unsure", "neutral"]

VERDICT_TONE: Mapping[str, Tone] = {
    "pass": "good",
    "fail": "bad",
    "invalid": "unsure",
    "interrupted": "unsure",
    "skipped": "neutral",
}
OUTCOME_TONE: Mapping[str, Tone] = {
    "met": "good",
    "missed": "bad",
    "not judged": "neutral",
    "invalid": "unsure",
}

_MEANING = {
    "invalid": "An invalid run says nothing about the server: remove the cause and run it again.",
    "interrupted": "The run was stopped early: the figures cover the time until then.",
}


@dataclass(frozen=True)
class Headline:
    """The verdict at a glance.

    Attributes:
        subject: Scenario, target and wire.
        summary: The first reason, or how many targets were met.
        meaning: Explanation of an invalid or interrupted run; else empty.
        tally: Numbers of targets met, missed and so on.
        when: Start, length and id of the run.
    """

    word: str
    tone: Tone
    subject: str
    summary: str
    further: tuple[str, ...]
    meaning: str
    tally: str
    when: str


@dataclass(frozen=True)
class TargetRow:
    """One target in words.

    Attributes:
        value: Value with its unit; with ``at least`` or ``at most`` when it is a bound.
        stretch: Stretch level and whether it was met; empty without one.
    """

    figure: str
    value: str
    target: str
    stretch: str
    outcome: str
    tone: Tone
    is_bound: bool
    samples: str
    need: str
    reason: str


@dataclass(frozen=True)
class KeyFigure:
    """One of the few figures at the top of a report; ``name`` is stable for programs."""

    name: str
    label: str
    text: str


def headline(record: RunRecord) -> Headline:
    """Return the verdict with its first reason."""
    reasons = [_worded(plain(reason), record.targets) for reason in record.reasons if plain(reason)]
    tally = _tally(record.targets)
    started = _started(record.started_at)
    if record.verdict == "pass" or not reasons:
        noun = "target" if len(record.targets) == 1 else "targets"
        summary = f"{noun}: {tally}" if record.targets else "this run has no targets"
        further = reasons
    else:
        summary, further = reasons[0], reasons[1:]
    return Headline(
        word=record.verdict.upper(),
        tone=VERDICT_TONE[record.verdict],
        subject=f"{plain(record.scenario)} of {plain(record.target)} over the {record.wire} wire",
        summary=sentence(summary),
        further=tuple(sentence(reason) for reason in further),
        meaning=_MEANING.get(record.verdict, ""),
        tally=tally,
        when=f"{started}, {duration(record.duration_s)} of load, run {plain(record.run_id)}",
    )


def target_rows(record: RunRecord) -> tuple[TargetRow, ...]:
    """Return the targets in words, in the order of the record."""
    return tuple(_target_row(result) for result in record.targets)


def key_figures(record: RunRecord) -> tuple[KeyFigure, ...]:
    """Return the figures at the top of the reports; missing ones are left out."""
    metrics, server = record.metrics, record.server
    figures: list[KeyFigure] = []
    if metrics is not None:
        is_bounded = _is_bounded(record)
        all_tools = metrics.latency_ms.get("all")
        if all_tools is not None and all_tools.count:
            for statistic in ("med", "p95", "p99", "max"):
                name = f"latency_ms.all.{statistic}"
                bound = "at most " if is_bounded else ""
                # A call without an answer took longer, however busy the generator was.
                bound = f"{AT_LEAST} " if is_lower_bound(all_tools, statistic) else bound
                figures.append(_key(name, getattr(all_tools, statistic), bound))
        if metrics.tool_calls:
            name = "tool_calls_per_s"
            figures.append(_key(name, metrics.tool_calls_per_s, "at least " if is_bounded else ""))
            figures.append(_key("error_rate", metrics.error_rate))
        figures.append(_key("tool_calls", metrics.tool_calls))
    if record.longest_silence_s is not None:
        figures.append(_key("longest_silence_s", record.longest_silence_s))
    if server is not None:
        figures.append(_key("server.rss_peak_mb", server.rss_mb.peak))
        figures.append(_key("server.cpu_us_per_call", server.cpu_us_per_call))
    return tuple(figures)


def _is_bounded(record: RunRecord) -> bool:
    """Return whether the server may be faster than its figures, since generator or machine were too busy."""
    is_saturated = record.generator is not None and record.generator.saturated
    return is_saturated or (record.health is not None and record.health.state == "bounded")


def _worded(reason: str, targets: tuple[TargetResult, ...]) -> str:
    """Return the reason with the name of a target's figure at its start in words."""
    leading, _, rest = reason.partition(" ")
    for result in targets:
        if plain(result.figure) == leading.removesuffix(":"):
            row = _target_row(result)
            return (
                f"{row.figure}: {rest}"
                if result.outcome != "missed"
                else f"{row.figure}: {row.value}, target {row.target}"
            )
    return reason


def _tally(targets: tuple[TargetResult, ...]) -> str:
    parts = []
    for outcome in ("missed", "invalid", "not judged"):
        number = sum(target.outcome == outcome for target in targets)
        if number:
            parts.append(f"{number} {outcome}")
    met = sum(target.outcome == "met" for target in targets)
    return ", ".join([f"{met} of {len(targets)} met", *parts])


def _target_row(result: TargetResult) -> TargetRow:
    value = figure_value(result.figure, result.value, (result.target, result.stretch))
    if result.outcome == "not judged" and is_extrapolated(result.figure):
        value = DASH
    is_bound = result.bound and result.value is not None
    if result.at_least and value != DASH:
        # A call without an answer took longer, however busy the generator was.
        value = f"at least {value}"
    elif is_bound and value != DASH:
        value = f"at {'least' if result.comparison == '>' else 'most'} {value}"
    stretch = ""
    if result.stretch is not None:
        stretch = f"{result.comparison} {figure_level(result.figure, result.stretch)}"
        if result.stretch_met is not None:
            stretch += ": met" if result.stretch_met else ": missed"
    return TargetRow(
        figure=sentence(figure_wording(result.figure).words),
        value=value,
        target=f"{result.comparison} {figure_level(result.figure, result.target)}",
        stretch=stretch,
        outcome=result.outcome,
        tone=OUTCOME_TONE[result.outcome],
        is_bound=is_bound,
        samples=count(result.samples),
        need=plain(result.need),
        reason=plain(result.reason),
    )


def _key(name: str, number: float, bound: str = "") -> KeyFigure:
    label = sentence(figure_wording(name).words)
    return KeyFigure(name, label, f"{bound}{figure_value(name, number)}")


def _started(started_at: str) -> str:
    try:
        moment = datetime.fromisoformat(started_at)
    except ValueError:
        return plain(started_at)
    if moment.tzinfo is None:
        return f"{moment:%Y-%m-%d %H:%M}"
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
