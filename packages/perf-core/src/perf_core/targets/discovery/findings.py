"""From trials to what the load does and the record says; pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from perf_core.adapter import Step
from perf_core.load.placeholders import as_it_is
from perf_core.server.checks import LeftOut, Strictness, ToolCheck
from perf_core.server.credentials.masking import masked
from perf_core.targets.discovery.arguments import Arguments
from perf_core.targets.discovery.calls import USERS, texts_of
from perf_core.targets.discovery.clock import at_another_time
from perf_core.targets.discovery.explore import Call, Trial
from perf_core.targets.discovery.oracle import Judgement, judge
from perf_core.targets.discovery.schemas import Checker

_ARGUMENTS_CHARACTERS = 200
_ANSWER_CHARACTERS = 600
_REASON_CHARACTERS = 200
_NAMED_TOOLS = 5

_ADVICE = {
    "": "calls with your own arguments can stand in a TOML file",
    "silent": "a TOML file can give its calls more time (request_timeout_s)",
}
"""Advice on a tool without a successful call, by the outcome after which it was given up."""


@dataclass(frozen=True)
class DrawnCall:
    """A call of the load, and one answer to it.

    Attributes:
        step: The call with its expected answer.
        answer: The answer on the idle server, shortened.
        call_s: Median time of the call on the idle server.
        doubt: Why the answer may be an error in disguise; empty if it looks right.
        unchecked: Why nothing but an error can be noticed; empty if more can.
    """

    step: Step
    strictness: Strictness
    answer: str
    call_s: float
    doubt: str = ""
    unchecked: str = ""


def drawn_calls(trial: Trial, secrets: Sequence[str]) -> tuple[DrawnCall, ...]:
    """Return the calls of a tool for the load: those that were answered from every session."""
    sound = [call for call in trial.useful if _is_sound(call)] if not _asks(trial) else []
    texts = {id(call): next(texts_of(call.answers[0].result), "") for call in sound}
    calls = []
    for call in sound:
        # Calls with the same answer cannot be told apart by it.
        own = texts[id(call)]
        others = [text for text in texts.values() if text and text != own]
        judgement = _judgement(call, others, secrets)
        calls.append(
            DrawnCall(
                as_it_is(Step(call.tool.name, call.arguments, judgement.expect)),
                judgement.strictness,
                _shown_answer(call, secrets),
                median(answer.took_s for answer in call.answers),
                masked(call.doubt, secrets),
                judgement.unchecked,
            )
        )
    return tuple(calls)


def _asks(trial: Trial) -> bool:
    return any(answer.outcome == "asks" for call in trial.calls for answer in call.answers)


def _is_sound(call: Call) -> bool:
    return len(call.answers) >= USERS and all(answer.is_right for answer in call.answers)


def _judgement(call: Call, others: Sequence[str], secrets: Sequence[str]) -> Judgement:
    results = [answer.result for answer in call.answers]
    changed = [at_another_time(answer.result, answer.ended_at) for answer in call.answers]
    if any(at_another_time(call.arguments, answer.ended_at) != call.arguments for answer in call.answers):
        changed = []  # the server repeats a time that it was given
    return judge([*results, *(each for each in changed if each not in results)], others, secrets)


def _shown_answer(call: Call, secrets: Sequence[str]) -> str:
    result = call.answers[0].result
    text = "\n".join(texts_of(result))
    if not text:
        text = _compact(result.get("structuredContent") or result.get("content") or {})
    return _shortened(masked(text, secrets), _ANSWER_CHARACTERS)


def tool_check(trial: Trial, calls: Sequence[DrawnCall], secrets: Sequence[str]) -> ToolCheck:
    """Return how strictly the answers of a tool in the load are checked, with one call as an example."""
    example = calls[0]
    return ToolCheck(
        trial.tool.name,
        dict(Counter(call.strictness for call in calls)),
        _shortened(masked(_compact(dict(example.step.arguments)), secrets), _ARGUMENTS_CHARACTERS),
        example.answer,
        call_s=median(call.call_s for call in calls),
        failed_tries=len(trial.failures),
        doubt=next((call.doubt for call in calls if all(each.doubt for each in calls)), ""),
    )


def left_out(trial: Trial, secrets: Sequence[str]) -> LeftOut:
    """Return why a tool that may be called is not in the load."""
    tries = len(trial.failures) + len(trial.calls)
    arguments: Arguments = {}
    reason = ""
    if trial.failures:
        arguments, reason = trial.failures[-1]
    advice = _ADVICE.get(trial.ended, "")
    repeated = next(_repeat_problems(trial), None)
    if repeated is not None:
        arguments, reason = repeated
        advice = ""
    elif not tries:
        reason = trial.checker.problem and f"its input schema is no JSON Schema: {trial.checker.problem}"
        reason = reason or trial.undrawable or "no time was left to call it"
    return LeftOut(
        trial.tool.name,
        _shortened(masked(" ".join(reason.split()), secrets), _REASON_CHARACTERS),
        tries,
        _shortened(masked(_compact(arguments), secrets), _ARGUMENTS_CHARACTERS) if tries else "",
        advice,
    )


def _repeat_problems(trial: Trial) -> Iterator[tuple[Arguments, str]]:
    for call in trial.useful:
        wrong = next((answer for answer in call.answers if not answer.is_right), None)
        if wrong is not None:
            yield call.arguments, f"its call succeeded, and failed when repeated: {wrong.problem}"
        elif len(call.answers) < USERS:
            yield call.arguments, "no time was left to repeat its call from other sessions"


def warnings_of(
    checks: Sequence[ToolCheck], calls: Sequence[DrawnCall], trials: Sequence[Trial]
) -> tuple[str, ...]:
    """Return what a reader must know before the figures, as sentences without full stops."""
    return tuple(
        warning
        for warning in (_doubts(checks), *_unchecked(checks, calls), *_broken_schemas(trials))
        if warning
    )


def _doubts(checks: Sequence[ToolCheck]) -> str:
    doubtful = [check for check in checks if check.doubt]
    if not doubtful:
        return ""
    if len(doubtful) == len(checks):
        return (
            "nothing useful was measured: every answer of every tool looks like an error, although it does "
            f"not say so; {doubtful[0].tool} answers {doubtful[0].doubt!r}"
        )
    return (
        f"answers look like errors, although they do not say so: {_names([c.tool for c in doubtful])}; "
        f"{doubtful[0].tool} answers {doubtful[0].doubt!r}"
    )


def _unchecked(checks: Sequence[ToolCheck], calls: Sequence[DrawnCall]) -> Iterator[str]:
    tools_by_reason: dict[str, list[str]] = {}
    for call in calls:
        tools = tools_by_reason.setdefault(call.unchecked, []) if call.unchecked else []
        if call.step.tool not in tools:
            tools.append(call.step.tool)
    for reason, tools in tools_by_reason.items():
        all_of_them = "every tool" if len(tools) == len(checks) else _names(tools)
        yield f"wrong answers cannot be noticed where {reason}: {all_of_them}"


def _broken_schemas(trials: Sequence[Trial]) -> Iterator[str]:
    for trial in trials:
        if trial.tool.output_schema is None or not trial.calls:
            continue
        content = trial.calls[0].answers[0].result.get("structuredContent")
        checker = Checker(trial.tool.output_schema)
        complaint = checker.complaint(content) if content is not None else "it has no structured content"
        if complaint:
            yield f"{trial.tool.name} breaks its own output schema on the idle server: {complaint}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED_TOOLS} more" if len(names) > _NAMED_TOOLS else ""
    return f"{', '.join(names[:_NAMED_TOOLS])}{more}"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"
