"""The slowest calls: told with their times, their users and digests of what they sent."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import pytest

pytestmark = pytest.mark.k6

SLOW_S = {17: 0.45, 60: 0.35, 111: 0.25}
"""Delay of the only call with each first argument."""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def test_calls_that_the_server_delays_are_the_slowest(server: Any, k6: Any) -> None:
    delayed: Counter[int] = Counter()

    def fault(_number: int, _tool: str, arguments: dict[str, Any], reply: Any) -> Any:
        delayed[arguments["a"]] += 1
        if delayed[arguments["a"]] == 1:
            reply.delay_s = SLOW_S.get(arguments["a"], 0.0)
        return reply

    server.fault = fault
    run = k6.run("quick", PLAN=k6.plan(settings={"vus": 4, "time_scale": 2 / 30}), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert set(SLOW_S) <= set(delayed), "the users walk through the whole pool"
    first, second, third, *others = k6.events().slow_calls
    for call, (a, delay_s) in zip((first, second, third), SLOW_S.items(), strict=True):
        assert call.arguments == digest(json.dumps({"a": a, "b": a + 7}))
        assert (call.tool, call.stage, call.error_class) == ("add", "hold_4", "")
        assert delay_s < call.duration_s < delay_s + 0.1
        assert call.wait_s > delay_s
        assert call.connect_s + call.wait_s + call.transfer_s == pytest.approx(call.duration_s)
        assert 0 <= call.at_s < 2
        assert call.vu in range(1, 5)
        assert call.session in {digest(session) for session in server.sessions}
    assert all(call.duration_s < 0.2 for call in others)
    assert {call.vu for call in (first, second, third, *others)} == {1, 2, 3, 4}
    assert len(others) == 17


def test_calls_without_an_answer_count_with_the_time_that_they_waited(server: Any, k6: Any) -> None:
    def fault(number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        reply.delay_s = 3.0 if number == 5 else 0.0
        return reply

    server.fault = fault
    plan = k6.plan(wire="stateless", settings={"vus": 1, "request_timeout_s": 0.5})
    run = k6.run("quick", PLAN=plan, SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    slowest = k6.events().slow_calls[0]
    assert (slowest.error_class, slowest.session) == ("timeout", "")
    assert 0.5 <= slowest.duration_s < 0.7


def test_run_without_the_lab_tells_nothing(server: Any, k6: Any) -> None:
    k6.run("quick", SERVER_URL=server.url, TEST_DURATION="1s", TEST_VUS="1", THINK_TIME="0.05")
    assert k6.events().slow_calls == ()
