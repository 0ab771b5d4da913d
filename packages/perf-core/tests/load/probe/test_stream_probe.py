"""The probe in its thread, beside a load of nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from perf_core import Expectation, Journey, Step
from perf_core.errors import TargetError
from perf_core.interruption import Interruption
from perf_core.load.probe.observations import Observations
from perf_core.load.probe.pace import Pace
from perf_core.load.probe.rounds import HELD_STREAMS, ProbedServer
from perf_core.load.probe.stream_probe import StreamProbe
from perf_core.server.credentials.access import OPEN, Access

Start = Callable[..., Any]
FAST = Pace(load_s=30, users=1000, shortest_interval_s=0.01)
DEADLINE_S = 20


def journeys(*tools: str) -> list[Journey]:
    return [Journey(tool, (Step(tool, {}, Expectation.anything()),)) for tool in tools]


def probed(url: str, tools: Sequence[str] = ("quick",), **changes: Any) -> ProbedServer:
    server = ProbedServer(url, "session", OPEN, {"mix": journeys(*tools)}, timeout_s=5.0)
    return replace(server, **changes)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def observe(
    server: ProbedServer, until: Callable[[], bool] = lambda: True, pace: Pace = FAST
) -> Observations:
    with StreamProbe(server, pace, Interruption()) as probe:
        wait_until(until)
        return probe.finish()


def test_only_calls_that_stream_are_repeated(streamer: Start) -> None:
    server = streamer()
    observed = observe(probed(server.url, ("quick", "steps")), lambda: server.counts["steps"] >= 4)
    assert [call.tool for call in observed.idle_calls] == ["quick", "steps"]
    assert {call.tool for call in observed.calls} == {"steps"}
    assert all(call.progress == 3 for call in observed.calls)
    assert server.counts["quick"] == 1
    assert len(observed.begun_at_s) == server.counts["steps"] - 1
    assert observed.problem == ""


def test_server_without_streams_is_called_once_for_each_tool(streamer: Start) -> None:
    server = streamer()
    observed = observe(probed(server.url, ("quick",)), lambda: server.counts["GET"] == 1)
    assert (observed.calls, observed.begun_at_s) == ((), ())
    assert server.counts["quick"] == 1
    (stream,) = observed.held
    assert (stream.end, stream.status) == ("refused", 405)


def test_streams_are_held_in_sessions_of_their_own_which_end_with_the_probe(streamer: Start) -> None:
    server = streamer("held")
    observed = observe(probed(server.url), lambda: len(server.server.holders) == HELD_STREAMS)
    assert [stream.end for stream in observed.held] == ["open"] * HELD_STREAMS
    assert server.counts["initialize"] == server.counts["DELETE"] == HELD_STREAMS
    assert not server.server.sessions
    assert not [thread for thread in threading.enumerate() if thread.name == "stream probe"]


def test_stateless_wire_has_no_streams_to_hold(streamer: Start) -> None:
    server = streamer("held")
    observed = observe(probed(server.url, ("steps",), wire="stateless"), lambda: server.counts["steps"] >= 2)
    assert observed.held == ()
    assert server.counts["initialize"] == server.counts["GET"] == 0
    assert observed.idle_calls[0].progress == 3


def test_call_that_has_no_time_before_the_load_is_tried_again_in_it(streamer: Start) -> None:
    server = streamer()
    pace = replace(FAST, load_s=1)
    began = time.monotonic()
    # "quick" has a turn, too, since nothing is known of it.
    with StreamProbe(probed(server.url, ("silent", "quick"), timeout_s=0.6), pace, Interruption()) as probe:
        entered_s = time.monotonic() - began
        wait_until(lambda: len(probe.observations().calls) == 6)
        observed = probe.finish()
    assert entered_s < 3
    assert observed.idle_calls == ()
    # Neither shows a stream in three calls; the first one of "silent" was before the load.
    assert (server.counts["silent"], server.counts["quick"]) == (4, 3)


@pytest.mark.parametrize("one_at_a_time", [True, False])
def test_slow_reader_holds_up_a_server_that_serves_one_at_a_time(
    one_at_a_time: bool, streamer: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perf_core.load.probe.rounds._SLOW_READ_S", 2.0)
    server = streamer(one_at_a_time=one_at_a_time)
    with StreamProbe(probed(server.url, ("quick", "long")), FAST, Interruption()) as probe:
        wait_until(lambda: probe.observations().slow_read is not None)
        observed = probe.finish()
    slow = observed.slow_read
    assert slow is not None
    assert slow.held_up is one_at_a_time
    assert slow.is_whole
    assert slow.size_bytes > 16_000_000
    # Beside the slow one, one before it and one meanwhile.
    assert len(observed.begun_at_s) == 3
    assert server.counts["quick"] == 3


def test_journey_with_a_saved_value_is_followed(streamer: Start) -> None:
    first = Step("quick", {}, Expectation.anything(), save={"word": "/content/0/text"})
    second = Step("steps", {"word": "{word}", "unique": "{unique}"}, Expectation.anything())
    server = streamer()
    pools = {"mix": [Journey("both", (first, second))]}
    observed = observe(probed(server.url, pools=pools), lambda: server.counts["steps"] >= 1)
    arguments = server.server.last_arguments["steps"]
    assert arguments["word"] == "done"
    assert len(arguments["unique"]) == 16
    assert [call.tool for call in observed.idle_calls] == ["quick", "steps"]


@pytest.mark.parametrize(
    "first",
    [
        Step("silent", {}, Expectation.anything(), save={"word": "/content/0/text"}),
        Step("quick", {}, Expectation.anything(), save={"word": "/nowhere"}),
    ],
    ids=["no answer", "no value"],
)
def test_journey_ends_with_its_first_wrong_answer(first: Step, streamer: Start) -> None:
    second = Step("steps", {"word": "{word}"}, Expectation.anything())
    server = streamer()
    subject = probed(server.url, pools={"mix": [Journey("both", (first, second))]}, timeout_s=0.2)
    with StreamProbe(subject, FAST, Interruption()) as probe:
        wait_until(lambda: len(probe.observations().calls) >= 2)
        observed = probe.finish()
    assert {call.tool for call in (*observed.idle_calls, *observed.calls)} == {first.tool}
    assert server.counts["steps"] == 0, "it would get the name of a value instead of the value"


def test_unreachable_server_is_a_remark() -> None:
    observed = observe(probed("http://127.0.0.1:9/mcp"))
    assert "ended early" in observed.problem
    assert observed.idle_calls == ()


def test_server_that_never_answers_does_not_hold_up_the_load(streamer: Start) -> None:
    server = streamer("held", one_at_a_time=True)
    # A stream that is held keeps this server from answering anything else.
    pace = replace(FAST, load_s=1)
    began = time.monotonic()
    observe(probed(server.url), pace=pace)
    observe(probed(server.url), pace=pace)
    assert time.monotonic() - began < DEADLINE_S


def test_missing_token_is_a_remark(streamer: Start) -> None:
    class NoToken(Access):
        def own_headers(self) -> Any:
            raise TargetError("expected a token, got status 500")

    observed = observe(probed(streamer().url, access=NoToken()))
    assert observed.problem == "the probe ended early: expected a token, got status 500"


def test_interruption_ends_the_wait(streamer: Start) -> None:
    interruption = Interruption()
    interruption.requested = True
    server = streamer()
    began = time.monotonic()
    with StreamProbe(probed(server.url, ("silent",)), replace(FAST, load_s=3600), interruption) as probe:
        entered_s = time.monotonic() - began
        probe.finish()
    assert entered_s < 3
    assert not server.server.sessions


def test_error_of_the_probe_itself_is_raised(streamer: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perf_core.load.probe.rounds.filled", lambda *_: 1 / 0)
    with (
        pytest.raises(BaseExceptionGroup),
        StreamProbe(probed(streamer().url), FAST, Interruption()) as probe,
    ):
        probe.finish()
