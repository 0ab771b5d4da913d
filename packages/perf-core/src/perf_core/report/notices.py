"""Remarks about a run that readers must see before its figures: silence, health of the measurement, calls.

A report shows at most one line for each, and only if there is something to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perf_core.report.bridge import remarks as bridge_remarks
from perf_core.report.profile import profile_sentences
from perf_core.report.streams import stream_remarks
from perf_core.report.summary import Tone
from perf_core.report.wording import count, duration, error_class, plain, sentence
from perf_core.results.record import Accounting, HealthState, Metrics, RunRecord

_WORTH_A_LINE_S = 0.5
_STAGES = 4

_HEALTH: Mapping[HealthState, tuple[Tone, str]] = {
    "bounded": ("unsure", "figures of time are only bounds"),
    "invalid": ("unsure", "the load was not the planned one"),
    "unknown": ("neutral", "not known, since nothing shows what else used the machine"),
}


@dataclass(frozen=True)
class Notice:
    """One remark: its subject in one word, and its sentences without full stops."""

    label: str
    tone: Tone
    sentences: tuple[str, ...]

    @property
    def line(self) -> str:
        """The whole remark on one line."""
        return " ".join(f"{sentence(text)}." for text in self.sentences)


def notices(record: RunRecord) -> tuple[Notice, ...]:
    """Return the remarks about a run, the gravest kind first."""
    remarks = (
        _drawn_calls(record),
        _silence(record),
        _health(record),
        _calls(record.metrics),
        _streams(record),
        _bridge(record),
        _profile(record),
    )
    return tuple(remark for remark in remarks if remark is not None)


def calls_equation(accounting: Accounting) -> str:
    """Return what became of all calls, as a sum."""
    parts = [f"{count(accounting.answered)} answered", f"{count(accounting.failed)} failed"]
    if accounting.cut_off:
        parts.append(f"{count(accounting.cut_off)} cut off by the end")
    if accounting.missing > 0:
        parts.append(f"{count(accounting.missing)} lost by the generator")
    text = f"{count(accounting.begun)} begun = {' + '.join(parts)}"
    if accounting.missing < 0:
        text += f" - {count(-accounting.missing)} counted twice by the generator"
    return text


def _drawn_calls(record: RunRecord) -> Notice | None:
    discovery = record.discovery
    if discovery is None or not discovery.warnings:
        return None
    doubtful = any(check.doubt for check in discovery.checks)
    warnings = tuple(plain(warning).rstrip(".") for warning in discovery.warnings)
    return Notice("Answers", "bad" if doubtful else "unsure", warnings)


def _silence(record: RunRecord) -> Notice | None:
    silent = [stage for stage in record.stages if stage.is_silent]
    longest_s = record.longest_silence_s or max((stage.longest_silence_s for stage in silent), default=0.0)
    if not silent and longest_s <= _WORTH_A_LINE_S:
        return None
    text = f"{duration(longest_s)} with calls offered and none answered"
    if not silent:
        return Notice("Silence", "neutral", (f"{text}, which the latency of the calls explains",))
    longest = sorted(silent, key=lambda stage: -stage.longest_silence_s)[:_STAGES]
    stages = [f"{plain(stage.name)} for {duration(stage.longest_silence_s)}" for stage in longest]
    if len(silent) > _STAGES:
        stages.append(f"{count(len(silent) - _STAGES)} more stages")
    return Notice("Silence", "bad", (text, f"silent: {', '.join(stages)}"))


def _health(record: RunRecord) -> Notice | None:
    health = record.health
    if health is None or health.state == "sound":
        return None
    tone, text = _HEALTH[health.state]
    problems = [plain(problem).rstrip(".") for problem in health.problems]
    reasons = " ".join(plain(reason) for reason in record.reasons)
    # Problems that decided the verdict stand above as its reasons.
    further = [problem for problem in problems if problem not in reasons]
    if len(further) < len(problems):
        text += " for a reason above"
    return Notice("Health", tone, (text, *further))


def _streams(record: RunRecord) -> Notice | None:
    tone, sentences = stream_remarks(record)
    return Notice("Streams", tone, sentences) if sentences else None


def _bridge(record: RunRecord) -> Notice | None:
    sentences = bridge_remarks(record.bridge)
    if record.bridge is None or not sentences:
        return None
    bridge = record.bridge
    is_bad = bridge.ended or bridge.overlong_lines or bridge.repeated_answers
    return Notice("Server on stdio", "bad" if is_bad else "neutral", sentences)


def _profile(record: RunRecord) -> Notice | None:
    sentences = profile_sentences(record)
    return Notice("Profile", "unsure", sentences) if sentences else None


def _calls(metrics: Metrics | None) -> Notice | None:
    accounting = metrics.accounting if metrics else None
    if metrics is None or accounting is None:
        return None
    if not (accounting.failed or accounting.cut_off or accounting.missing):
        return None
    errors = sorted(metrics.errors.items(), key=lambda item: -item[1])
    classes = ", ".join(f"{count(number)} {error_class(name)}" for name, number in errors if number)
    tone: Tone = "bad" if accounting.failed or accounting.missing else "neutral"
    sentences = (calls_equation(accounting), *((f"failed: {classes}",) if classes else ()))
    return Notice("Calls", tone, sentences)
