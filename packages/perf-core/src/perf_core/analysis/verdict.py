"""The verdict of a run, from its figures and faults; pure functions.

A run is invalid when its figures cannot be trusted: k6 ended early or could not offer the planned load, the
server was replaced during the run, or a target's metric has no samples. A saturated k6 biases figures of time
against the server: a target that is met is still met, with the figure as a bound; one that is missed is
invalid, since either side may have been slow. Figures that do not depend on time, such as wrong answers, are
judged as usual.

A run fails without any target when the server fell silent in a stage whose figures are judged, or when it
kept every virtual user busy, so that calls of an arrival rate could not begin. What a busy machine or k6 may
have caused makes it invalid instead, unless something else failed that they cannot have caused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from perf_core.adapter import Target
from perf_core.analysis.figures import Figure
from perf_core.errors import ExitCode
from perf_core.results.record import GeneratorUse, Health, Outcome, TargetResult, Verdict

_SATURATED = "k6 was saturated"

DROPPED_SHARE = 0.005
"""Largest valid share of dropped iterations; runs against a healthy server had up to 0.3 %."""


@dataclass(frozen=True)
class Judgement:
    """The verdict of one run.

    Attributes:
        reasons: One sentence for each cause of the verdict; remarks when it is ``pass``.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    targets: tuple[TargetResult, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of ``perf-core`` for this run alone."""
        return _EXIT_CODES[self.verdict]


_EXIT_CODES: Mapping[Verdict, ExitCode] = {
    "pass": ExitCode.PASS,
    "fail": ExitCode.TARGETS_MISSED,
    "invalid": ExitCode.INVALID,
    "interrupted": ExitCode.INVALID,
    "skipped": ExitCode.PASS,
}


def judge(
    targets: Sequence[Target],
    figures: Mapping[str, Figure],
    generator: GeneratorUse | None,
    faults: Sequence[str],
    *,
    interrupted: bool = False,
    changed_levels: bool = False,
    silent: Mapping[str, float] | None = None,
    certainly_silent: Collection[str] = (),
    behind: Sequence[str] = (),
    failures: Sequence[str] = (),
    health: Health | None = None,
) -> Judgement:
    """Return the verdict.

    Args:
        generator: Resource use of k6; None when it left no summary.
        faults: Reasons that make the run invalid whatever its figures are.
        health: Health of the measurement; None when it is not known.
        silent: Seconds for which the server was silent, by stage, where slow calls do not explain it.
        certainly_silent: Those of these stages whose silence a busy machine cannot explain either.
        behind: Sentences on arrival rates that the server did not reach.
        failures: Failures of the server beside its figures.
        changed_levels: Whether the user changed the numbers of virtual users, so that published stages may
            be missing.
    """
    excuse = _excuse(generator, health)
    silent = silent or {}
    results = tuple(
        _silenced(_judge_target(target, figures, excuse, changed_levels), figures, silent)
        for target in targets
    )
    if interrupted:
        reason = "the run was interrupted; its figures cover the time until then"
        return Judgement("interrupted", (reason, *faults), results)
    invalid = [*faults, *([] if generator else ["k6 left no figures: nothing was measured"])]
    if health is not None and health.state == "invalid":
        invalid += health.problems
    invalid += [f"{r.figure}: {r.reason}" for r in results if r.outcome == "invalid" and not r.bound]
    dropped = _dropped_sentence(generator)
    certain = [_silence_sentence(stage, silent[stage]) for stage in silent if stage in certainly_silent]
    doubtful = [_silence_sentence(stage, silent[stage]) for stage in silent if stage not in certainly_silent]
    doubtful += behind
    excused = _excused(excuse, dropped, doubtful, results) if excuse else []
    if invalid:
        return Judgement("invalid", (*invalid, *excused), results)
    missed = [_missed_sentence(r) for r in results if r.outcome == "missed" and not r.reason]
    if certain or failures or missed:
        # No busy machine explains these, whatever else it may explain.
        others = excused or _blamed(doubtful, dropped)
        return Judgement("fail", (*certain, *failures, *missed, *others), results)
    if excused:
        return Judgement("invalid", tuple(excused), results)
    if failed := _blamed(doubtful, dropped):
        return Judgement("fail", tuple(failed), results)
    return Judgement("pass", tuple(_remarks(results, health)), results)


def _silence_sentence(stage: str, silence_s: float) -> str:
    return f"{stage}: silent for {silence_s:.1f} s: no call was answered, although calls were offered"


def _blamed(doubtful: Sequence[str], dropped: str) -> list[str]:
    """Return what the server must answer for where nothing else may have slowed it."""
    return [*doubtful, *([f"{dropped}: the server kept every virtual user busy"] if dropped else [])]


def _excused(
    excuse: str, dropped: str, shortcomings: Sequence[str], results: Sequence[TargetResult]
) -> list[str]:
    """Return what cannot be blamed on the server, after the reason why; empty if there is nothing."""
    missed = [result.figure for result in results if result.outcome == "invalid" and result.bound]
    excused = [
        *([f"{dropped}, so the load was not the planned one"] if dropped else []),
        *shortcomings,
        *([f"targets missed meanwhile: {', '.join(missed)}"] if missed else []),
    ]
    either = ": the server or k6 may have been slow" if excuse == _SATURATED else ""
    return [f"{excuse}{either}", *excused] if excused else []


def _excuse(generator: GeneratorUse | None, health: Health | None) -> str:
    """Return what else than the server may have made it look slow; empty if nothing did."""
    if health is not None and health.state == "bounded":
        return "; ".join(health.problems)
    return _SATURATED if generator is not None and generator.saturated else ""


def _dropped_sentence(generator: GeneratorUse | None) -> str:
    """Return how many iterations of an arrival rate could not begin; empty if they are few."""
    if generator is None:
        return ""
    # Each user that k6 starts when all others wait costs one: no fault of a server that is merely slow.
    dropped = max(0, generator.dropped_iterations - generator.started_vus)
    share = dropped / max(generator.scheduled_iterations, 1)
    if share <= DROPPED_SHARE:
        return ""
    return (
        f"{dropped} of {generator.scheduled_iterations} scheduled iterations could not begin "
        f"({share:.1%}, at most {DROPPED_SHARE:.1%} is valid)"
    )


def _silenced(
    result: TargetResult, figures: Mapping[str, Figure], silent: Mapping[str, float]
) -> TargetResult:
    """Return a target that was met as missed if the server was silent in the stages that it is about.

    Answers that never came are no samples, so figures of time and errors look better than what users had.
    """
    figure = figures.get(result.figure)
    stage = result.figure.partition("@")[2]
    lengths = [silence_s for name, silence_s in silent.items() if stage in {"", name}]
    if result.outcome != "met" or not lengths or figure is None or not _is_of_answers(result.figure, figure):
        return result
    reason = f"the server was silent for {max(lengths):.1f} s"
    return replace(result, outcome="missed", stretch_met=None, reason=reason)


def _is_of_answers(name: str, figure: Figure) -> bool:
    return figure.timed or name.startswith(("error_rate", "errors.", "success_percent", "failed_calls"))


def _judge_target(
    target: Target, figures: Mapping[str, Figure], excuse: str, changed_levels: bool
) -> TargetResult:
    figure = figures.get(target.figure)
    if figure is None:
        return _judge_missing_figure(target, figures, changed_levels)
    obstacle = _obstacle(target, figure)
    if obstacle is not None:
        outcome, reason = obstacle
        return _result(target, figure, outcome, reason=reason)
    met = _reaches(figure, target.comparison, target.target)
    surely_missed = figure.sure is not None and not _reaches(
        replace(figure, value=figure.sure), target.comparison, target.target
    )
    bound = bool(excuse) and figure.timed and not surely_missed
    if not met and bound:
        either = ": the server or k6 may have been slow" if excuse == _SATURATED else ""
        reason = f"missed while {excuse}{either}"
        return _result(target, figure, "invalid", reason=reason, bound=True)
    stretch_met = None if target.stretch is None else _reaches(figure, target.comparison, target.stretch)
    return _result(target, figure, "met" if met else "missed", stretch_met=stretch_met, bound=bound)


def _judge_missing_figure(
    target: Target, figures: Mapping[str, Figure], changed_levels: bool
) -> TargetResult:
    stage = target.figure.partition("@")[2]
    if stage and changed_levels and not any(name.endswith(f"@{stage}") for name in figures):
        return _result(target, None, "not judged", reason=f"with --vus there is no stage {stage}")
    # A target on a figure that does not exist could never be missed. Names are checked before the load, so
    # that this one, such as the latency of a kind of journey, has no samples.
    return _result(target, None, "invalid", reason="there is no such figure in this run")


def _obstacle(target: Target, figure: Figure) -> tuple[Outcome, str] | None:
    """Return the outcome and the reason when the figure cannot be judged, else None."""
    if figure.absent:
        return "not judged", figure.absent
    if figure.duration_s < target.min_duration_s:
        return (
            "not judged",
            f"expected at least {target.min_duration_s:g} s of load, got {figure.duration_s:.1f} s",
        )
    if figure.value is None or figure.samples == 0:
        return "invalid", "expected samples of this figure, got none"
    if figure.samples < target.min_samples:
        return "not judged", f"expected at least {target.min_samples} samples, got {figure.samples}"
    if figure.at_least and not _reaches(figure, target.comparison, target.target):
        return "not judged", "the run tried no higher level, and the server carried the highest"
    return None


def _reaches(figure: Figure, comparison: str, level: float) -> bool:
    value = figure.value
    if value is None:
        return False
    if comparison == ">":
        return value > level
    return value < level and not figure.beyond


def _result(
    target: Target,
    figure: Figure | None,
    outcome: Outcome,
    *,
    reason: str = "",
    bound: bool = False,
    stretch_met: bool | None = None,
) -> TargetResult:
    return TargetResult(
        figure=target.figure,
        comparison=target.comparison,
        target=target.target,
        stretch=target.stretch,
        need=target.need,
        value=figure.value if figure else None,
        samples=figure.samples if figure else 0,
        outcome=outcome,
        bound=bound,
        at_least=figure is not None and (figure.at_least or figure.beyond),
        stretch_met=stretch_met,
        reason=reason,
    )


def _missed_sentence(result: TargetResult) -> str:
    bound = "at least " if result.at_least else ""
    return f"{result.figure}: expected {result.comparison} {result.target:g}, got {bound}{result.value:.4g}"


def _remarks(results: Sequence[TargetResult], health: Health | None) -> list[str]:
    remarks = []
    unjudged = sum(result.outcome == "not judged" for result in results)
    if unjudged:
        remarks.append(f"{unjudged} of {len(results)} targets could not be judged; each gives its reason")
    if health is not None and health.state == "bounded":
        remarks += [f"{problem}; figures of time are bounds" for problem in health.problems]
    elif any(result.bound for result in results):
        remarks.append("k6 was saturated: figures are bounds, and the server may be better than they show")
    return remarks
