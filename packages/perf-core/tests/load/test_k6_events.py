"""Events of the k6 scripts: open sessions and examples of failures."""

from __future__ import annotations

import json
from typing import Any

from perf_core.load.k6_events import Events, TimedCall, read_events
from perf_core.server.client.sessions import OpenSession


def opened(session: str, identity: int | None = None) -> str:
    fields = {"id": session, "url": "http://127.0.0.1:1/mcp", "version": "2025-11-25", "identity": identity}
    fields["cookies"] = f"node={session}"
    return json.dumps({"event": "session_opened", **fields})


def failure(tool: str = "add", error: str = "wrong_answer", at_ms: float = 0.0) -> str:
    fields: dict[str, Any] = {
        "tool": tool,
        "class": error,
        "stage": "hold_10",
        "at_ms": at_ms,
        "duration_ms": 20,
        "arguments": '{"a":1}',
        "kind": "result",
        "expected": '{"result":1}',
        "status": 200,
        "body": "é\u2028",
        "error": "",
    }
    return json.dumps({"event": "failure", **fields}, ensure_ascii=False)


def test_sessions_that_were_neither_closed_nor_lost_are_open() -> None:
    events = read_events(
        [
            opened("a"),
            opened("b", 3),
            opened("c"),
            '{"event":"session_closed","id":"a"}',
            '{"event":"session_lost","id":"c"}',
            '{"event":"session_lost","id":"c"}',
        ]
    )
    assert events.open_sessions == (OpenSession("b", "http://127.0.0.1:1/mcp", "2025-11-25", 3, "node=b"),)
    assert events.lost_sessions == 1


def test_first_three_failures_of_each_tool_and_class_are_kept_in_order_of_time() -> None:
    lines = [failure(at_ms=at_ms) for at_ms in (500, 100, 400, 300, 200)]
    events = read_events([*lines, failure("echo"), failure(error="timeout", at_ms=50)])
    kept = [(each.tool, each.error_class, each.at_s) for each in events.failures]
    assert kept == [
        ("echo", "wrong_answer", 0.0),
        ("add", "timeout", 0.05),
        ("add", "wrong_answer", 0.1),
        ("add", "wrong_answer", 0.2),
        ("add", "wrong_answer", 0.3),
    ]
    assert events.failures[0].duration_s == 0.02
    assert events.failures[0].body == "é\u2028"


def test_other_lines_and_a_cut_last_line_are_skipped() -> None:
    assert read_events(["", "a message", "3", "[]", '{"event":"other"}', failure()[:-9]]) == Events()


def slow(*durations_ms: float, vu: int = 1, error: str | None = None) -> str:
    calls = [
        {
            "at_ms": 10 * number,
            "duration_ms": duration_ms,
            "connect_ms": 1,
            "wait_ms": duration_ms - 3,
            "transfer_ms": 2,
            "tool": "add",
            "stage": "hold_10",
            "class": error,
            "session": "0a1b2c3d",
            "arguments": "4e5f6071",
        }
        for number, duration_ms in enumerate(durations_ms)
    ]
    return json.dumps({"event": "slow_calls", "vu": vu, "calls": calls})


def test_slowest_calls_of_all_users_are_kept_in_order() -> None:
    lines = [slow(*range(100 * vu, 100 * vu + 6), vu=vu) for vu in range(1, 6)]
    slow_calls = read_events(lines).slow_calls
    assert [round(call.duration_s * 1000) for call in slow_calls[:7]] == [505, 504, 503, 502, 501, 500, 405]
    assert len(slow_calls) == 20
    assert [call.vu for call in slow_calls] == [5] * 6 + [4] * 6 + [3] * 6 + [2] * 2


def test_slow_call_has_its_times_in_seconds() -> None:
    (call,) = read_events([slow(250, error="timeout")]).slow_calls
    assert call == TimedCall(
        0.0, 0.25, 0.001, 0.247, 0.002, "add", "hold_10", "timeout", 1, "0a1b2c3d", "4e5f6071"
    )
    assert read_events([slow(250)]).slow_calls[0].error_class == ""
