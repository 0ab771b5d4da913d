"""Figures of streams from the observations of a probe."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from perf_core.analysis.k6_summary import Window
from perf_core.analysis.streams import distribution_ms, probed_calls, streams
from perf_core.load.probe.observations import HeldStream, Observations, ProbedCall, SlowRead, StreamEnd

LOAD = Window(1000.0, 1060.0)


def call(at_s: float, *events_s: float, total_s: float | None = 0.4, **changes: object) -> ProbedCall:
    return ProbedCall("export", at_s, events_s, len(events_s), total_s=total_s, **changes)  # type: ignore[arg-type]


def held(end: StreamEnd, held_s: float, status: int = 200, events: int = 0) -> HeldStream:
    return HeldStream(1000.0, held_s, end, status, events)


def test_times_of_a_tool_that_streams() -> None:
    observed = Observations(
        calls=(call(1010, 0.1, 0.3), call(1020, 0.2, 0.25, 0.35)), begun_at_s=(1010, 1020)
    )
    result = streams(observed, LOAD, tool_calls=400)
    assert (result.calls, result.share_of_calls) == (2, 2 / 400)
    (tool,) = result.tools
    assert (tool.tool, tool.calls, tool.messages_per_call, tool.progress_per_call) == ("export", 2, 2.5, 2.5)
    assert tool.first_ms.med == pytest.approx(150)
    assert tool.first_ms.max == pytest.approx(200)
    # 200 and 100 ms; 50, 100 and 50 ms.
    assert tool.gap_ms.count == 5
    assert tool.gap_ms.max == pytest.approx(200)
    assert tool.gap_ms.med == pytest.approx(100)
    assert tool.answer_ms.avg == pytest.approx(400)
    assert not tool.is_idle


def test_calls_outside_the_load_do_not_count() -> None:
    observed = Observations(calls=(call(999, 0.1), call(1061, 0.1)), begun_at_s=(999, 1030, 1061))
    assert probed_calls(observed, LOAD) == 1
    assert streams(observed, LOAD, 10).tools == ()


def test_load_that_is_too_short_has_the_figures_from_before() -> None:
    quiet = ProbedCall("add", 990, total_s=0.01)
    (tool,) = streams(Observations(idle_calls=(quiet, call(991, 0.1))), LOAD, 10).tools
    assert tool.is_idle
    assert (tool.tool, tool.calls) == ("export", 1)


def test_call_without_an_answer_is_counted_as_failed() -> None:
    observed = Observations(calls=(call(1010, 0.1), call(1011, 0.2, total_s=None, problem="no answer")))
    (tool,) = streams(observed, LOAD, 10).tools
    assert (tool.calls, tool.failed, tool.problem) == (2, 1, "no answer")
    assert tool.answer_ms.count == 1
    assert tool.first_ms.count == 2


def test_held_streams_are_counted_by_their_end() -> None:
    each = (held("open", 60, events=4), held("dropped", 3), held("closed", 9), held("unanswered", 60, 0))
    result = streams(Observations(held=each), LOAD, 10).held
    assert result is not None
    assert (result.opened, result.kept, result.dropped, result.closed, result.unanswered) == (4, 1, 1, 1, 1)
    assert (result.shortest_s, result.longest_s, result.messages) == (3, 60, 4)
    assert result.refused_status is None
    refused = streams(Observations(held=(held("refused", 0.01, 405),)), LOAD, 10).held
    assert refused is not None
    assert (refused.refused, refused.refused_status, refused.shortest_s) == (1, 405, None)
    assert streams(Observations(), LOAD, 10).held is None


def test_requests_of_the_server_are_counted_by_method() -> None:
    asked = call(1010, 0.1, server_methods=("elicitation/create", "elicitation/create"))
    before = call(990, 0.1, server_methods=("sampling/createMessage",))
    result = streams(Observations(idle_calls=(before,), calls=(asked,)), LOAD, 10)
    # As the record is written.
    assert asdict(result)["server_methods"] == {"elicitation/create": 2, "sampling/createMessage": 1}


def test_slow_reader_is_in_milliseconds() -> None:
    slow = SlowRead("long", 1010, 5.0, 8_000_000, True, 0.02, None, True)
    result = streams(Observations(slow_read=slow), LOAD, 10).slow_reader
    assert result is not None
    assert (result.before_ms, result.meanwhile_ms, result.held_up) == (20, None, True)
    early = SlowRead("long", 990, 5.0, 8_000_000, True, 0.02, 0.03, False)
    assert streams(Observations(slow_read=early), LOAD, 10).slow_reader is None


def test_nothing_has_no_distribution_and_no_share() -> None:
    assert distribution_ms(()).count == 0
    assert streams(Observations(begun_at_s=(1001,)), LOAD, 0).share_of_calls == 0
