"""Recognition of requests: spellings of headers and bodies that clients send, and what is remembered."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from server_core.fastlane import request_recognition
from server_core.fastlane.request_recognition import (
    Recogniser,
    ToolCall,
    has_plain_params,
    is_in_session,
    leading_tool_name,
    may_open_session,
    parse_message,
    probable_tool_name,
)

PREFIX = "io.modelcontextprotocol/"
BOTH = b"application/json, text/event-stream"
STATELESS = [
    (b"accept", BOTH),
    (b"content-type", b"application/json"),
    (b"mcp-protocol-version", b"2026-07-28"),
    (b"mcp-method", b"tools/call"),
    (b"mcp-name", b"echo"),
]
IN_SESSION = [*STATELESS[:2], (b"mcp-session-id", b"s"), (b"mcp-protocol-version", b"2025-11-25")]
META = {f"{PREFIX}protocolVersion": "2026-07-28", f"{PREFIX}clientCapabilities": {}}
CALL = {"name": "echo", "arguments": {"text": "x"}}


def recognised(headers: list[tuple[bytes, bytes]], params: Any, **recogniser: Any) -> ToolCall | None:
    one = Recogniser(**recogniser)
    relevant = one.relevant_headers(headers)
    if relevant is None:
        return None
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    message = parse_message(body)
    assert message is not None
    return one.tool_call(relevant, message)


def changed(headers: list[tuple[bytes, bytes]], name: bytes, value: bytes) -> list[tuple[bytes, bytes]]:
    return [(each, value if each == name else old) for each, old in headers]


@pytest.mark.parametrize(
    ("accept", "of_json_server", "of_stream_server"),
    [
        (b"application/json, text/event-stream", True, True),
        (b"text/event-stream,application/json", True, True),
        (b"application/json;q=1.0, text/event-stream;q=0.5", True, True),
        (b"Application/JSON , Text/Event-Stream", True, True),
        (b"*/*", True, True),
        (b"application/*, text/*", True, True),
        (b"application/json", True, False),
        (b"text/event-stream", False, False),
        (b"text/html", False, False),
        (b"", False, False),
    ],
)
def test_an_accept_is_judged_as_by_the_sdk(
    accept: bytes, of_json_server: bool, of_stream_server: bool
) -> None:
    headers = changed(IN_SESSION, b"accept", accept)
    for json_response, expected in ((True, of_json_server), (False, of_stream_server)):
        call = recognised(headers, CALL, json_response=json_response)
        assert (call is not None) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"application/json", True),
        (b"application/json; charset=utf-8", True),
        (b"application/json;charset=UTF-8", True),
        (b"application/json ; x=y", True),
        (b"Application/JSON", False),  # FastMCP takes it on one of the wires only
        (b"application/jsonl", False),
        (b"text/plain", False),
        (b"", False),
    ],
)
def test_a_content_type_may_have_parameters(content_type: bytes, expected: bool) -> None:
    assert (recognised(changed(IN_SESSION, b"content-type", content_type), CALL) is not None) == expected


def test_the_memory_of_accepts_is_bounded() -> None:
    one, limit, sizes = Recogniser(), request_recognition._MAX_ACCEPTS, []
    for number in range(2 * limit + 1):
        assert one.relevant_headers(changed(IN_SESSION, b"accept", BOTH + b"; q=%d" % number)) is not None
        sizes.append(len(one._accepts))
    assert max(sizes) == limit
    assert one.relevant_headers(changed(IN_SESSION, b"accept", BOTH + b";" + b"x" * 1000)) is not None
    assert max(map(len, one._accepts)) <= request_recognition._MAX_ACCEPT_BYTES


@pytest.mark.parametrize(
    "version", [b"2024-11-05", b"2025-03-26", b"2025-06-18", b"2025-11-25", b" 2025-11-25\t", None]
)
def test_a_session_may_speak_any_revision_and_need_not_say_so(version: bytes | None) -> None:
    opening = [*STATELESS[:2], *([] if version is None else [(b"mcp-protocol-version", version)])]
    one = Recogniser()
    headers = one.relevant_headers(opening)
    assert headers is not None
    assert may_open_session(headers)
    headers = one.relevant_headers([*opening, (b"mcp-session-id", b"s")])
    assert headers is not None
    assert is_in_session(headers)


@pytest.mark.parametrize("version", [b"2026-07-28", b"2099-01-01", b""])
def test_a_session_of_an_unknown_revision_is_fastmcps(version: bytes) -> None:
    headers = Recogniser().relevant_headers(changed(IN_SESSION, b"mcp-protocol-version", version))
    assert headers is not None
    assert not is_in_session(headers)


@pytest.mark.parametrize("headers", [STATELESS, IN_SESSION], ids=["stateless", "in a session"])
@pytest.mark.parametrize(
    "params",
    [CALL, {"name": "echo"}, {"name": "echo", "arguments": None}, {"name": "echo", "arguments": {}}],
)
def test_arguments_may_be_missing(headers: list[tuple[bytes, bytes]], params: dict[str, Any]) -> None:
    meta = {"_meta": META} if headers is STATELESS else {}
    call = recognised(headers, {**params, **meta})
    assert call is not None
    assert call.arguments == (params.get("arguments") or {})


@pytest.mark.parametrize("headers", [STATELESS, IN_SESSION], ids=["stateless", "in a session"])
@pytest.mark.parametrize("more", ["task", "requestState", "inputResponses", "cursor"])
def test_other_parameters_are_fastmcps(headers: list[tuple[bytes, bytes]], more: str) -> None:
    meta = {"_meta": META} if headers is STATELESS else {}
    assert recognised(headers, {**CALL, **meta, more: None}) is None


def test_a_call_carries_its_meta() -> None:
    for meta in ({"progressToken": 3}, None):
        call = recognised(IN_SESSION, CALL if meta is None else {**CALL, "_meta": meta})
        assert call is not None
        assert call.meta == meta


@pytest.mark.parametrize(
    ("name", "header", "expected"),
    [
        ("größe", b"=?base64?" + base64.b64encode("größe".encode()) + b"?=", True),
        ("größe", "größe".encode("latin-1"), True),
        ("größe", "größe".encode(), False),
        ("=?x", b"=?x", True),
        ("echo", b"=?base64?ZWNobw==?=", True),
        ("echo", b"=?base64?ZWNobx==?=", False),
        ("echo", b"ech", False),
    ],
)
def test_a_name_may_be_encoded_in_its_header(name: str, header: bytes, expected: bool) -> None:
    headers = changed(STATELESS, b"mcp-name", header)
    assert (recognised(headers, {"name": name, "_meta": META}) is not None) == expected
    if expected:
        relevant = Recogniser().relevant_headers(headers)
        assert relevant is not None
        assert probable_tool_name(relevant, b"") == leading_tool_name(relevant, b"") == name


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (None, True),
        ({}, True),
        ({"_meta": {}}, True),
        ({"_meta": None}, True),
        ({"_meta": {"progressToken": 1, "traceparent": "x"}}, True),
        ({"cursor": None}, True),
        ({"cursor": "x"}, False),
        ({"_meta": {"progressToken": 1.5}}, False),
        ({"_meta": 1}, False),
        ({"more": 1}, False),
        ([], False),
    ],
)
def test_parameters_that_request_nothing_are_plain(params: Any, expected: bool) -> None:
    assert has_plain_params(params) == expected


SESSION = {b"mcp-session-id": b"s"}


@pytest.mark.parametrize(("padding", "name"), [(900, "echo"), (1000, "")])
def test_a_name_is_searched_for_in_the_first_kilobyte(padding: int, name: str) -> None:
    body = b'{"jsonrpc":"2.0","x":"%b","params":{"name":"echo"}}' % (b"x" * padding)
    assert probable_tool_name(SESSION, body) == name
    assert leading_tool_name(SESSION, body) == name


@pytest.mark.parametrize(
    ("params", "guess"),
    [
        ({"_meta": {"progressToken": 1}, "name": "echo"}, "echo"),
        ({"arguments": {"name": "Ann"}, "name": "echo"}, "Ann"),
        ({"protocolVersion": "2025-11-25", "clientInfo": {"name": "echo"}}, "echo"),
    ],
)
def test_only_a_leading_name_is_certain(params: dict[str, Any], guess: str) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "x", "params": params}).encode()
    assert probable_tool_name(SESSION, body) == guess
    assert leading_tool_name(SESSION, body) == ""
