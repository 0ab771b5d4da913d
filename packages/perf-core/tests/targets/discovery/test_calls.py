"""Calls of users on a real server that loses sessions, puts calls off, hangs or sends nonsense."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from perf_core.server.credentials.access import OPEN, bearer
from perf_core.targets.discovery import calls
from perf_core.targets.discovery.calls import Reach, User, users_of

pytestmark = pytest.mark.process

ADD = {"a": 1, "b": 2}


def user_at(url: str, limit_s: float = 5.0) -> User:
    return users_of(Reach(url, "session", OPEN, limit_s, 10.0))[0]


def test_lost_session_is_opened_again_once(faulty: Any) -> None:
    user = user_at(faulty.start(lose_session_after=2).url)
    answers = [user.call("add", ADD) for _ in range(5)]
    assert all(answer.is_right for answer in answers), answers
    user.close()


def test_call_that_was_put_off_is_made_again(faulty: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_PAUSES_S", (0.0, 0.0, 0.0))
    user = user_at(faulty.start(http_429_every=2).url)
    assert all(user.call("add", ADD).is_right for _ in range(4))
    always = user_at(faulty.start(http_429_every=1).url)
    answer = always.call("add", ADD)
    assert (answer.outcome, answer.is_right) == ("refused", False)
    assert "429" in answer.problem


@pytest.mark.parametrize(
    ("mode", "outcome", "problem"),
    [
        ("hang_every", "silent", "did not answer within 1 s"),
        ("reset_every", "lost", "connection failed"),
        ("rpc_error_every", "refused", "JSON-RPC"),
        ("is_error_every", "answered", ""),
        ("garbage_every", "refused", ""),
    ],
)
def test_call_without_an_answer_has_a_reason(mode: str, outcome: str, problem: str, faulty: Any) -> None:
    user = user_at(faulty.start(**{mode: 1}).url, 1.0)
    answer = user.call("add", ADD)
    assert answer.outcome == outcome
    assert not answer.is_right
    assert answer.problem
    assert problem in answer.problem
    user.close()


def test_closed_connection_without_a_text_has_the_name_of_its_error(
    faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = user_at(faulty.start().url)

    def fail(*_: object) -> None:
        raise httpx2.ReadError("")

    monkeypatch.setattr(user.client(), "call", fail)
    assert user._call("add", ADD)[0].problem == "the connection failed: ReadError"
    user.close()


def test_each_user_has_an_identity_of_its_own() -> None:
    def tokens(count: int) -> list[str]:
        access = bearer([f"token-{number}" for number in range(count)])
        return [
            user.access.own_headers()["Authorization"].removeprefix("Bearer ")
            for user in users_of(Reach("http://127.0.0.1:1/mcp", "session", access, 1.0, 1.0))
        ]

    assert tokens(1) == ["token-0"] * 3
    assert tokens(3) == ["token-1", "token-2", "token-1"], "the first is the lab's own"
    assert tokens(4) == ["token-1", "token-2", "token-3"]


def test_result_that_breaks_mcp_is_no_answer() -> None:
    assert calls._problem_of({"content": [], "structuredContent": {"a": 1}}) == ""
    assert "content blocks" in calls._problem_of({"structuredContent": {"a": 1}})
    assert "not JSON" in calls._problem_of({"content": [], "structuredContent": {"a": float("nan")}})
    assert "not JSON" in calls._problem_of({"content": [{"type": "text", "text": "\ud800"}]})
    assert calls._problem_of({"content": [{"type": "text", "text": "bad"}], "isError": True}) == "bad"


@pytest.mark.parametrize(("call_limit_s", "closing_s"), [(1.0, 1.0), (15.0, 5.0)])
def test_server_that_hangs_does_not_hold_up_the_end_of_a_session(
    faulty: Any, monkeypatch: pytest.MonkeyPatch, call_limit_s: float, closing_s: float
) -> None:
    user = user_at(faulty.start().url, call_limit_s)
    limits_s: list[float] = []
    monkeypatch.setattr(user.client(), "limit_requests", limits_s.append)
    user.close()
    user.close()
    assert limits_s == [closing_s]
