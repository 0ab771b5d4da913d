"""The recording: periods of the load from the messages of k6."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest
from remote_write_messages import counter, gauge, message, trend

from perf_core.analysis.series import Period, read_recording, recorded_period_s
from perf_core.load.k6_recording import Recording
from perf_core.load.remote_write import read_message

PERIOD_S = 0.2
BEGAN_S = 1_700_000_000.0

Message = tuple[float, Sequence[Mapping[str, object]]]


def recorded(*messages: Message) -> list[Period]:
    """Return the periods that are read from the recording of messages with these times."""
    recording = Recording(PERIOD_S)
    lines = [recording.first_line()]
    for at_s, series in messages:
        lines += recording.lines(read_message(message(*series)), BEGAN_S + at_s)
    return list(read_recording(lines))


def requests(count: float, wait_bucket: int = -40) -> list[Mapping[str, object]]:
    """Return what k6 says after so many requests, all as long as a bucket of schema 3; -40 is 30 ms."""
    return [
        counter("http_reqs", count),
        trend("http_req_duration", {wait_bucket: int(count)}),
    ]


def ends(periods: Sequence[Period]) -> list[float]:
    return [round(period.end_s - BEGAN_S, 2) for period in periods]


def test_counts_are_those_of_the_period_over_all_labels() -> None:
    first = [counter("mcp_errors", 2, tool="add"), counter("mcp_errors", 1, tool="divide")]
    second = [counter("mcp_errors", 5, tool="add")]
    periods = recorded((0.2, first), (0.4, second))
    assert [period.value("mcp_errors", "count") for period in periods] == [3, 3]
    assert ends(periods) == [0.2, 0.4]


def test_trends_are_in_milliseconds_and_of_the_period() -> None:
    first = [trend("mcp_tool_call_duration_ms", {8: 10}, tool="add")]
    second = [trend("mcp_tool_call_duration_ms", {8: 10, 16: 10}, tool="add")]
    one, two = recorded((0.2, first), (0.4, second))
    assert one.value("mcp_tool_call_duration_ms", "med") == pytest.approx(2000, rel=0.05)
    assert two.value("mcp_tool_call_duration_ms", "min") == pytest.approx(4000, rel=0.05)


def test_a_single_value_is_exact() -> None:
    (period,) = recorded((0.2, [trend("http_req_duration", {8: 1}, total_s=1.875)]))
    assert period.value("http_req_duration", "max") == 1875


def test_metrics_that_come_later_keep_their_places() -> None:
    periods = recorded(
        (0.2, [counter("http_reqs", 5)]), (0.4, [counter("data_sent", 9), counter("http_reqs", 6)])
    )
    assert [period.value("http_reqs", "count") for period in periods] == [5, 1]
    assert [period.value("data_sent", "count") for period in periods] == [None, 9]


def test_users_are_told_in_every_period() -> None:
    periods = recorded((0.2, [gauge("vus", 7), *requests(5)]), (0.4, requests(9)))
    assert [period.value("vus", "value") for period in periods] == [7, 7]


def test_an_idle_k6_sends_nothing_and_its_periods_are_empty() -> None:
    # Nothing ends for a second; then the users' answers come, which waited for it.
    waited = [counter("http_reqs", 19), trend("http_req_duration", {-40: 9, 0: 10})]
    periods = recorded((0.2, requests(9)), (1.2, waited), (1.4, [*waited, gauge("vus", 10)]))
    assert ends(periods) == [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4]
    assert [period.value("http_reqs", "count") or 0 for period in periods] == [9, 0, 0, 0, 0, 10, 0]


def test_while_nothing_ends_the_users_are_told() -> None:
    periods = recorded((0.2, requests(9)), (1.2, [gauge("vus", 10)]), (2.2, [gauge("vus", 10)]))
    assert ends(periods) == [round(0.2 * number, 2) for number in range(1, 12)]


def test_a_message_that_is_late_makes_a_long_period() -> None:
    # The requests were short: they ended all the time, and k6 or the lab was busy.
    periods = recorded((0.2, requests(9)), (0.9, requests(40)))
    assert ends(periods) == [0.2, 0.9]


def test_a_k6_that_stood_still_has_no_periods() -> None:
    periods = recorded((0.2, requests(9)), (4.2, requests(19, wait_bucket=16)))
    assert ends(periods) == [0.2, 4.2]


def test_the_period_is_told() -> None:
    line = Recording(0.2).first_line()
    assert recorded_period_s([line], 1.0) == 0.2
    assert json.loads(line)["event"] == "param"
