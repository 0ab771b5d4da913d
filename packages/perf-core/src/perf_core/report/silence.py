"""Periods of a run in which calls were offered and none was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perf_core.results.record import RunRecord, Stage

# Errors of calls that got no answer at all.
_NO_ANSWER = frozenset({"timeout", "transport", "unanswered"})

Span = tuple[float, float]


def silent_spans(record: RunRecord) -> tuple[Span, ...]:
    """Return start and end of each silence, in seconds from the start of the load.

    They are as exact as the periods of the series, and a silence shorter than two periods is not among them.
    Only stages that the record calls silent are searched: at a low rate, many periods pass without a call.
    """
    stages = [stage for stage in record.stages if stage.is_silent]
    errors = record.metrics.errors if record.metrics else {}
    spans: list[Span] = []
    for start_s, end_s in _empty_periods(record.series.load, only_no_answer=set(errors) <= _NO_ANSWER):
        if not _is_in(stages, (start_s + end_s) / 2):
            continue
        if spans and spans[-1][1] == start_s:
            spans[-1] = (spans[-1][0], end_s)
        else:
            spans.append((start_s, end_s))
    # Periods differ a little in length.
    return tuple(span for span in spans if span[1] - span[0] > 1.8 * record.series.period_s)


def _empty_periods(load: Mapping[str, Sequence[float | None]], *, only_no_answer: bool) -> list[Span]:
    """Return the periods with users but without an answer.

    Calls that ended with an error are answers unless every error of the run is one without an answer.
    """
    times = load.get("t_s", ())
    missing = (None,) * len(times)
    columns = zip(
        times,
        load.get("vus", missing),
        load.get("calls_per_s", missing),
        load.get("errors_per_s", missing),
        strict=False,
    )
    periods: list[Span] = []
    before_s = 0.0
    for t_s, users, calls, errors in columns:
        if t_s is None:
            continue
        answers = (calls or 0.0) - ((errors or 0.0) if only_no_answer else 0.0)
        if users != 0 and answers <= 0:
            periods.append((before_s, t_s))
        before_s = t_s
    return periods


def _is_in(stages: Sequence[Stage], at_s: float) -> bool:
    return any(stage.start_s <= at_s <= stage.end_s for stage in stages)
