"""Replies to requests that a server sends during a call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx2
import pytest

from perf_core.adapter import Wire
from perf_core.server.client.connection import Client, connect
from perf_core.server.client.replies import (
    DECLINE,
    MOST_ROUNDS,
    Answers,
    input_methods,
    needs_user,
    read_whole,
    with_replies,
)
from perf_core.server.credentials.access import Access

Start = Callable[..., Any]
PARIS = Answers(elicitation={"city": "Paris"}, sampling="Yes.")


def call(url: str, tool: str, wire: Wire, answers: Answers = DECLINE) -> tuple[dict[str, Any], list[str]]:
    with connect(url, wire, access=Access(answers=answers)) as client:
        return client.call(tool, {}), client.server_methods


def reply_in(result: dict[str, Any]) -> Any:
    """Return the reply of the client, which the server repeats as its answer."""
    return json.loads(result["content"][0]["text"].removesuffix("\u2028"))


@pytest.mark.parametrize("wire", ["session", "stateless"])
@pytest.mark.parametrize(
    ("tool", "answers", "reply"),
    [
        ("asks", DECLINE, {"action": "decline"}),
        ("asks", PARIS, {"action": "accept", "content": {"city": "Paris"}}),
        ("lists", DECLINE, {"roots": []}),
    ],
)
def test_call_that_asks_its_client_ends(
    tool: str, answers: Answers, reply: object, wire: Wire, streamer: Start
) -> None:
    result, methods = call(streamer().url, tool, wire, answers)
    assert reply_in(result) == reply
    assert methods == [{"asks": "elicitation/create", "lists": "roots/list"}[tool]]


def test_sampling_is_answered_from_the_file(streamer: Start) -> None:
    result, _ = call(streamer().url, "samples", "session", PARIS)
    assert reply_in(result)["content"] == {"type": "text", "text": "Yes."}


def test_sampling_is_refused_with_an_error_where_there_is_one(streamer: Start) -> None:
    server = streamer()
    result, _ = call(server.url, "samples", "session")
    assert reply_in(result)["code"] == -1
    # The stateless wire has no reply for a refusal: the call ends with the question.
    result, methods = call(server.url, "samples", "stateless")
    assert result["resultType"] == "input_required"
    assert methods == ["sampling/createMessage"]


def test_capabilities_are_those_with_an_answer(streamer: Start) -> None:
    server = streamer()
    call(server.url, "quick", "session")
    assert server.server.capabilities == {}
    call(server.url, "quick", "session", PARIS)
    assert server.server.capabilities == {"elicitation": {}, "sampling": {}}


def test_ping_is_answered_and_is_no_question() -> None:
    assert not needs_user({"method": "ping"})
    assert needs_user({"method": "elicitation/create"})


def test_request_for_input_without_requests_is_repeated_with_its_state() -> None:
    result = {"resultType": "input_required", "requestState": "s"}
    assert input_methods(result) == ("input_required",)
    assert with_replies({"name": "x"}, result) == {"name": "x", "requestState": "s"}
    assert with_replies({}, {"inputRequests": 7}) is None
    assert with_replies({}, {"inputRequests": {"a": 7}}) is None
    assert input_methods({"content": []}) == ()


def test_server_that_always_asks_does_not_hold_up_the_lab() -> None:
    calls = 0

    def always(request: httpx2.Request) -> httpx2.Response:
        nonlocal calls
        calls += b'"tools/call"' in request.content
        number = json.loads(request.content)["id"]
        result = {"resultType": "input_required", "requestState": "s"}
        return httpx2.Response(200, json={"jsonrpc": "2.0", "id": number, "result": result})

    with httpx2.Client(transport=httpx2.MockTransport(always)) as http:
        client = Client(http, "http://server/mcp", "stateless")
        assert client.call("x", {})["resultType"] == "input_required"
    assert calls == 1 + MOST_ROUNDS


def body(pieces: Iterable[bytes], kind: str) -> httpx2.Response:
    request = httpx2.Request("POST", "http://server/mcp")
    return httpx2.Response(200, headers={"Content-Type": kind}, content=iter(pieces), request=request)


def event_stream(pieces: Iterable[bytes]) -> httpx2.Response:
    return body(pieces, "text/event-stream")


def test_events_are_read_whole_whatever_their_pieces() -> None:
    answer = {"jsonrpc": "2.0", "id": 3, "result": {"text": "a\u2028b"}}
    notification = b'data: {"method": "notifications/message"}\n\n'
    text = f"id: 1\r\ndata: {json.dumps(answer, ensure_ascii=False)}\r\n\r\n".encode()
    later = b'data: {"id": 4, "result": {}}\n\n'
    pieces = [notification + text[:20], *(text[i : i + 1] for i in range(20, len(text))), later]
    response = read_whole(event_stream(pieces), 3, lambda _request: None, 10)
    assert response.json() == answer
    assert response.headers["content-type"] == "application/json"


def test_stream_without_the_answer_returns_its_last_message() -> None:
    response = read_whole(event_stream([b'data: {"id": 9, "result": {}}\n\n']), 3, lambda _request: None, 10)
    assert response.json() == {"id": 9, "result": {}}
    assert read_whole(event_stream([b": ping\n\n"]), 3, lambda _request: None, 10).text == ""


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
def test_answer_that_never_ends_is_given_up(kind: str) -> None:
    def progress() -> Iterator[bytes]:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            yield b": still there\n\n"

    with pytest.raises(httpx2.ReadTimeout):
        read_whole(body(progress(), kind), 3, lambda _request: None, 0.05)


def test_other_body_is_left_as_it_is() -> None:
    page = "<title>Größe</title>".encode("latin-1")
    response = read_whole(body([page[:9], page[9:]], "text/html; charset=latin-1"), 3, lambda _: None, 10)
    assert response.text == "<title>Größe</title>"
    assert response.headers["content-type"] == "text/html; charset=latin-1"


def test_event_that_is_nested_without_end_is_no_answer() -> None:
    nested = b"data: " + b"[" * 100_000 + b"\n\n"
    answer = b'data: {"id": 3, "result": {}}\n\n'
    assert read_whole(event_stream([nested, answer]), 3, lambda _: None, 10).json()["id"] == 3
