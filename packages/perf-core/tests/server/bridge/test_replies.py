"""Replies of the bridge to requests of a server, since k6 has nobody to ask."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from perf_core.adapter import Launch
from perf_core.server.bridge.channel import Channel
from perf_core.server.bridge.counts import Counts
from perf_core.server.bridge.launching import ANSWERS_VARIABLE, bridged
from perf_core.server.bridge.messages import read_request
from perf_core.server.bridge.replies import DECLINE, Answers, answers_from_json, answers_to_json, reply_to
from perf_core.server.client.connection import connect
from perf_core.server.credentials.access import Access
from perf_core.server.process import ServerProcess

ASKER = str(Path(__file__).parents[2] / "servers" / "stdio_asker.py")
PARIS = Answers(elicitation={"city": "Paris"}, sampling="Yes.")
SAMPLED = {
    "role": "assistant",
    "content": {"type": "text", "text": "Yes."},
    "model": "perf-core",
    "stopReason": "endTurn",
}


@pytest.mark.parametrize(
    ("method", "params", "answers", "result"),
    [
        ("ping", {}, DECLINE, {}),
        ("roots/list", {}, DECLINE, {"roots": []}),
        ("elicitation/create", {}, DECLINE, {"action": "decline"}),
        ("elicitation/create", {}, PARIS, {"action": "accept", "content": {"city": "Paris"}}),
        ("elicitation/create", {"mode": "form"}, PARIS, {"action": "accept", "content": {"city": "Paris"}}),
        ("elicitation/create", {"mode": "url"}, PARIS, {"action": "decline"}),
        ("elicitation/create", None, DECLINE, {"action": "decline"}),
        ("sampling/createMessage", {}, PARIS, SAMPLED),
    ],
)
def test_reply_has_a_result(method: str, params: Any, answers: Answers, result: dict[str, Any]) -> None:
    reply = reply_to({"id": "q", "method": method, "params": params}, answers)
    assert reply == {"jsonrpc": "2.0", "id": "q", "result": result}


@pytest.mark.parametrize(("method", "code"), [("sampling/createMessage", -1), ("no/such", -32601)])
def test_request_that_nobody_can_answer_gets_an_error(method: str, code: int) -> None:
    reply = reply_to({"id": 3, "method": method})
    assert reply["id"] == 3
    assert reply["error"]["code"] == code


def test_answers_survive_the_environment() -> None:
    assert answers_from_json(answers_to_json(PARIS)) == PARIS
    assert answers_from_json("") == DECLINE


def test_bridge_gets_answers_by_its_environment_alone() -> None:
    launch = bridged(Launch((sys.executable,), transport="stdio"), PARIS)
    assert "Paris" in launch.env[ANSWERS_VARIABLE]
    assert not any("Paris" in part for part in launch.argv)
    assert ANSWERS_VARIABLE not in bridged(Launch((sys.executable,), transport="stdio")).env
    web = Launch((sys.executable,), url="http://127.0.0.1:{port}")
    assert bridged(web, PARIS) == web


def channel(answers: Answers) -> tuple[Channel, list[Any]]:
    """Return a channel and what it has written."""
    written: list[Any] = []

    def write(data: bytes) -> None:
        written.append(json.loads(data))

    return Channel(write, written.append, Counts(), unique_ids=False, answers=answers), written


def test_request_in_any_spelling_is_answered() -> None:
    made, written = channel(PARIS)
    made.feed(b'{"method": "roots/list", "id": "\\u0037", "jsonrpc": "2.0"}\n')
    assert written == [{"jsonrpc": "2.0", "id": "7", "result": {"roots": []}}]


@pytest.mark.parametrize(
    ("answers", "declared"), [(DECLINE, {}), (PARIS, {"elicitation": {}, "sampling": {}})]
)
def test_server_is_told_what_it_may_ask(answers: Answers, declared: dict[str, Any]) -> None:
    made, written = channel(answers)
    params = {"protocolVersion": "2025-11-25", "capabilities": {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    made.request(read_request(json.dumps(message).encode()), Mock())
    assert written[0]["params"]["capabilities"] == declared


@pytest.mark.process
@pytest.mark.parametrize("transport", ["stdio", "stdio-shared"])
def test_calls_of_a_client_that_cannot_answer_are_answered_from_the_file(
    transport: Any, tmp_path: Path
) -> None:
    launch = Launch((sys.executable, ASKER), transport=transport)
    for answers, text, is_error in (
        (PARIS, '{"action": "accept", "content": {"city": "Paris"}}', False),
        (DECLINE, "nobody to ask", True),
    ):
        access = Access(answers=answers)
        process = ServerProcess(launch, "session", tmp_path / "log", access=access)
        # Like k6, this client declares nothing itself.
        with process as server, connect(server.url, "session") as client:
            result = client.call("ask", {})
        assert (result["content"][0]["text"], result["isError"]) == (text, is_error)
