from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from perf_core.report.silence import silent_spans
from perf_core.results.record import RunRecord, Series

Sample = Callable[..., RunRecord]
Column = tuple[float | None, ...]


def spans_of(record: RunRecord, calls: Column, errors: Column | None = None, users: Column | None = None):
    times = tuple(float(second) for second in range(1, len(calls) + 1))
    load = {
        "t_s": times,
        "vus": users or (5.0,) * len(calls),
        "calls_per_s": calls,
        "errors_per_s": errors or (0.0,) * len(calls),
    }
    stages = (replace(record.stages[1], start_s=0, end_s=20),)
    return silent_spans(replace(record, stages=stages, series=Series(1.0, load, {})))


def test_span_is_from_the_last_answer_to_the_end(sample: Sample) -> None:
    # The last period with an answer ends at 13 s, the last of all at 29 s.
    assert silent_spans(sample("stalled")) == ((13.0, 29.0),)


def test_only_silent_stages_are_searched(sample: Sample) -> None:
    record = sample("stalled")
    slow = replace(record, stages=tuple(replace(stage, is_silent=False) for stage in record.stages))
    assert silent_spans(slow) == ()
    assert silent_spans(sample("load")) == ()
    assert silent_spans(sample("empty")) == ()


@pytest.mark.parametrize(
    ("calls", "spans"),
    [
        ((9.0, 0.0, None, 9.0, 0.0, 0.0, 0.0), ((1.0, 3.0), (4.0, 7.0))),
        # Calls may by chance fall beside one period.
        ((9.0, 0.0, 9.0, 0.0, 9.0), ()),
    ],
)
def test_neighbouring_periods_are_one_span(sample: Sample, calls: Column, spans: object) -> None:
    assert spans_of(sample("stalled"), calls) == spans


def test_period_without_users_is_no_silence(sample: Sample) -> None:
    calls = (9.0, 0.0, 0.0, 0.0)
    assert spans_of(sample("stalled"), calls, users=(5.0, 0.0, 0.0, 0.0)) == ()


def test_call_that_times_out_is_no_answer_but_a_wrong_one_is(sample: Sample) -> None:
    record = sample("stalled")
    assert record.metrics is not None
    calls, errors = (9.0, 0.0, 5.0, 0.0, 9.0), (0.0, 0.0, 5.0, 0.0, 0.0)
    assert spans_of(record, calls, errors) == ()
    hung = replace(record, metrics=replace(record.metrics, errors={"timeout": 5}))
    assert spans_of(hung, calls, errors) == ((1.0, 4.0),)
