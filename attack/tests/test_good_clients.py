"""Tests of good clients with a server in the same process: what is right, wrong, lost, and ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import good_clients
import pytest
from good_clients import GoodClient, keep_calling
from scripted_server import Script, response, result, serving
from tallies import GoodCalls

from perf_core import Expectation, Journey, Step

pytestmark = pytest.mark.anyio

STEP = Step("add", {"name": "perf-{unique}"}, Expectation.result({"result": 3}))
JOURNEY = Journey("sum", (STEP,))


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(good_clients, "_PAUSE_S", 0)


async def calls_of(script: Script, wire: str, *, journeys: int = 5) -> tuple[GoodCalls, list[str]]:
    """Return what a client made of a number of journeys, and the sessions that could be overheard."""
    overheard: list[str] = []
    left = [journeys]

    def counted(head: bytes, message: Any) -> bytes | None:
        left[0] -= isinstance(message, dict) and (message.get("params") or {}).get("name") == "add"
        return script(head, message)

    async with serving(counted) as port:
        client = GoodClient(3, port, "token", wire, [JOURNEY], secret="secret99", seed=1, overheard=overheard)
        await keep_calling([client], lambda: left[0] <= 0)
    return client.calls, overheard


def answering(value: Any, *, names: list[str] | None = None) -> Script:
    def script(head: bytes, message: Any) -> bytes:
        if head.startswith(b"DELETE"):
            return response(200)
        if message["method"] == "initialize":
            return response(200, {}, "Mcp-Session-Id: s1")
        if message["method"] == "notifications/initialized":
            return response(202)
        if names is not None and message["params"]["name"] == "add":
            names.append(message["params"]["arguments"]["name"])
        return result(message, value)

    return script


@pytest.mark.parametrize("wire", ["session", "stateless"])
async def test_right_answers_are_counted(wire: str) -> None:
    names: list[str] = []
    calls, overheard = await calls_of(answering(3, names=names), wire)
    assert calls.answered >= 5
    assert (calls.wrong, calls.losses, calls.sessions_ended) == ((), (), 0)
    assert calls.longest_s > 0
    assert set(overheard) == ({"s1"} if wire == "session" else set())
    assert len(set(names)) == len(names) == 5
    assert all(name.startswith("perf-secret99") and len(name) == 21 for name in names)


def _with_id(number: object) -> Script:
    return lambda _head, message: result({**message, "id": number}, 3)


@pytest.mark.parametrize(
    "script",
    [
        answering(4),
        answering("3"),
        _with_id(99),
        lambda _head, _message: response(200),
        lambda _head, _message: response(400, {"error": {"code": 1, "message": "x"}}),
    ],
    ids=["another result", "another type", "another id", "empty", "refused"],
)
async def test_other_answers_are_wrong(script: Script) -> None:
    calls, _ = await calls_of(script, "stateless", journeys=1)
    assert calls.answered == 0
    assert len(calls.wrong) == 1
    assert calls.wrong[0].startswith("add {'name': 'perf-secret99")


def _ended(message: Any) -> bytes:
    text = "The worker process ended by signal 9 (Killed). Nothing stored is lost; try again."
    error = {"content": [{"type": "text", "text": text}], "isError": True}
    return response(200, {"jsonrpc": "2.0", "id": message["id"], "result": error})


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _message: None, "expected an answer, got"),
        (lambda _message: response(502, {"error": {}}), "got 502"),
        (lambda _message: response(503), "got 503"),
        (lambda _message: response(429), "got 429"),
        (_ended, "add: its worker process ended"),
    ],
    ids=["closed", "502", "503", "429", "worker ended"],
)
async def test_a_request_without_its_answer_is_lost_and_not_sent_again(
    make: Callable[[Any], bytes | None], reason: str
) -> None:
    sent: list[str] = []

    def script(_head: bytes, message: Any) -> bytes | None:
        if message["params"]["name"] != "add":
            return result(message, 0)
        sent.append(message["params"]["arguments"]["name"])
        return make(message) if len(sent) == 2 else result(message, 3)

    calls, _ = await calls_of(script, "stateless")
    assert (calls.answered, calls.wrong) == (4, ())
    (loss,) = calls.losses
    assert (loss.client, loss.at_s > 0) == (3, True)
    assert reason in loss.reason
    assert len(set(sent)) == len(sent) == 5


async def test_a_session_that_ended_is_replaced() -> None:
    opened = []
    usual = answering(3)

    def script(head: bytes, message: Any) -> bytes | None:
        if message is not None and message["method"] == "initialize":
            opened.append(message)
        is_call = message is not None and message["method"] == "tools/call" and b"session-id" in head.lower()
        return response(404, {"error": {}}) if is_call and len(opened) == 1 else usual(head, message)

    calls, _ = await calls_of(script, "session")
    assert (calls.sessions_ended, calls.losses, calls.wrong) == (1, (), ())
    assert len(opened) > 1
