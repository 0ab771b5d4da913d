"""Sessions: opened once, reused and deleted; lost or refused by the server."""

from collections import Counter
from typing import Any

import pytest

pytestmark = pytest.mark.k6


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_sessions_and_calls_of_a_run_with_a_plan(server: Any, k6: Any, wire: str) -> None:
    run = k6.run("quick", PLAN=k6.plan(wire=wire, settings={"vus": 4}), SERVER_URL=server.url)
    assert (run.exit_code, run.stdout) == (0, ""), run.stderr
    # With a plan the lab deletes the sessions.
    opened = k6.events().open_sessions
    assert {session.id for session in opened} == server.sessions
    assert {session.version for session in opened} <= {"2025-11-25"}
    server.sessions.clear()
    assert server.violations == []
    assert len(set(server.ids)) == len(server.ids)
    assert server.sessions == set()

    calls = len(server.calls)
    assert calls > 20
    assert run.count("mcp_errors") == 0
    for metric in ("", "{stage:hold_4}", "{tool:add}"):
        assert run.count(f"mcp_tool_call_duration_ms{metric}") == calls
    assert run.count("http_reqs") - run.count("mcp_overhead_requests") == calls
    sessions = 4 if wire == "session" else 0
    assert server.counts["initialize"] == run.count("mcp_sessions_opened") == len(opened) == sessions
    assert server.counts["delete"] == run.count("mcp_sessions_closed") == 0
    assert run.count("mcp_session_creation_ms") == sessions

    summary = run.summary
    assert (summary["schema"], summary["scenario"], summary["wire"]) == (1, "quick", wire)
    assert summary["aborted"] is None
    assert summary["stages"] == [
        {"name": "hold_4", "kind": "hold", "vus": 4, "rate_per_s": None, "start_s": 0, "end_s": 1}
    ]
    assert summary["started_at_ms"] > 0
    statistics = set(summary["metrics"]["mcp_tool_call_duration_ms"]["values"])
    assert statistics >= {"count", "avg", "min", "med", "max", "p(1)", "p(90)", "p(95)", "p(99)", "p(99.9)"}


def test_vus_start_at_different_places_of_the_plan(server: Any, k6: Any) -> None:
    k6.run("quick", PLAN=k6.plan(settings={"vus": 4}), SERVER_URL=server.url)
    first = {session: arguments for _, arguments, session in reversed(server.calls)}
    assert len(first) == 4
    assert len(set(first.values())) == 4


def test_session_per_iteration_opens_and_deletes_one_each_time(server: Any, k6: Any) -> None:
    run = k6.run(
        "quick",
        PLAN=k6.plan(settings={"session_per_iteration": True, "calls_per_session": 3}),
        SERVER_URL=server.url,
    )
    assert run.exit_code == 0, run.stderr
    assert server.violations == []
    calls_of_sessions = Counter(session for _, _, session in server.calls)
    assert set(calls_of_sessions.values()) == {3}
    assert run.count("mcp_sessions_opened") == len(calls_of_sessions) > 2
    assert run.count("mcp_sessions_closed") == len(calls_of_sessions)
    assert server.sessions == set()
    assert run.count("mcp_errors") == 0


def test_lost_session_is_an_error_and_is_replaced(server: Any, k6: Any) -> None:
    used: set[str | None] = set()

    def fault(_number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        used.update(session for _, _, session in server.calls)
        # Once both VUs have called: the sessions that replace theirs are the third and the fourth.
        if len(used) == 2 and server.sessions == used:
            server.sessions.clear()
        return reply

    server.fault = fault
    run = k6.run("quick", PLAN=k6.plan(), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_errors") == run.count("mcp_errors{class:session_lost,stage:hold_2}") == 2
    assert run.count("mcp_sessions_opened") == 4
    events = k6.events()
    assert {session.id for session in events.open_sessions} == server.sessions
    assert events.lost_sessions == len(server.sessions) == 2
    assert {failure.error_class for failure in events.failures} == {"session_lost"}


def test_server_that_refuses_sessions_is_retried_with_growing_pauses(server: Any, k6: Any) -> None:
    server.accepts_sessions = False
    run = k6.run("quick", PLAN=k6.plan(), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_tool_call_duration_ms") == 0
    assert run.count("mcp_sessions_opened") == 0
    # Two VUs in a second, pausing 0.1, 0.2, 0.4 and 0.8 s.
    assert 2 <= run.count("mcp_errors{class:http_status}") == server.counts["initialize"] <= 10
