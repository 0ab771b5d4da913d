"""Tests of hostile clients with a server in the same process."""

from __future__ import annotations

from typing import Any

import hostile_clients
import pytest
from hostile_clients import HostileClient
from hostile_inputs import ANY, HostileInput, Kinds, Target, status
from scripted_server import Script, response, result, serving
from tallies import HostileInputs

pytestmark = pytest.mark.anyio

REQUEST = b'POST /mcp HTTP/1.1\r\nContent-Length: 8\r\n\r\n{"id":1}'


def target() -> Target:
    return Target("token", "add", {"a": 1}, {"result": 3}, secret=b"secret99")


async def inputs_of(
    script: Script, drawn: HostileInput, *, may_close: bool = False, count: int = 2
) -> HostileInputs:
    """Return what a client made of an input that it sends some times."""
    sent: list[HostileInput] = []

    def draw(_rng: object, _target: Target) -> HostileInput:
        sent.append(drawn)
        return drawn

    kinds: Kinds = {"kind": draw}
    async with serving(script) as port:
        client = HostileClient(0, port, kinds, target(), seed=1, may_close=lambda: may_close)
        await client.run(lambda: len(sent) >= count)
    return client.inputs


async def test_right_answers_are_counted_by_status() -> None:
    inputs = await inputs_of(lambda _head, _message: response(431), HostileInput((REQUEST,), (status(431),)))
    assert inputs == HostileInputs({"kind": 2}, {("kind", 431): 2})


async def test_each_answer_of_a_connection_is_judged() -> None:
    drawn = HostileInput((REQUEST, REQUEST), (status(200), status(431)))
    inputs = await inputs_of(lambda _head, message: result(message, 3), drawn)
    assert inputs.answers == {("kind", 200): 4}
    assert len(inputs.wrong) == 2
    assert inputs.wrong[0].startswith("kind: expected [431], got 200")


async def test_data_of_others_is_wrong() -> None:
    inputs = await inputs_of(
        lambda _head, message: result(message, "perf-secret99"), HostileInput((REQUEST,), (ANY,))
    )
    assert "nothing of other clients" in inputs.wrong[0]


@pytest.mark.parametrize("may_close", [False, True])
async def test_only_a_kill_explains_a_closed_connection_where_a_result_is_due(may_close: bool) -> None:
    def close(_head: bytes, _message: Any) -> None:
        return None

    due = await inputs_of(close, HostileInput((REQUEST,), (target().right_answer,)), may_close=may_close)
    assert len(due.wrong) == (0 if may_close else 2)
    refused = await inputs_of(close, HostileInput((REQUEST,), (status(400),)), may_close=may_close)
    assert refused == HostileInputs({"kind": 2}, {("kind", 0): 2})


async def test_silence_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile_clients, "ANSWER_S", 0.01)
    inputs = await inputs_of(lambda _head, _message: b"", HostileInput((REQUEST,), (ANY,)))
    assert "expected an answer within 0.01 s" in inputs.wrong[0]


@pytest.mark.parametrize("ending", ["leave", "reset", "stall"])
async def test_a_client_that_leaves_judges_nothing(monkeypatch: pytest.MonkeyPatch, ending: Any) -> None:
    monkeypatch.setattr(hostile_clients, "_STALL_S", 0.02)
    drawn = HostileInput((REQUEST,), (), ending, connections=3)
    inputs = await inputs_of(lambda _head, _message: response(500), drawn)
    assert inputs == HostileInputs({"kind": 2}, {})


async def test_sessions_that_it_opens_can_be_used_by_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []

    def script(_head: bytes, message: Any) -> bytes:
        opened.extend([message] if message.get("method") == "initialize" else [])
        return response(200, {}, "Mcp-Session-Id: own")

    used: list[list[str]] = []

    def draw(_rng: object, seen: Target) -> HostileInput:
        used.append(list(seen.own_sessions))
        return HostileInput((REQUEST,), (ANY,))

    async with serving(script) as port:
        client = HostileClient(0, port, {"kind": draw}, target(), seed=1, may_close=lambda: False)
        await client.run(lambda: len(opened) >= 2)
    assert ["own"] in used
