"""Tests of requests and responses as bytes."""

from __future__ import annotations

import json

import pytest
from messages import Answer, Identity, call, chunked, delete, initialize, page, post, with_token


def parts(data: bytes) -> tuple[list[bytes], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


def test_a_call_fits_the_wire_of_its_client() -> None:
    lines, body = parts(call("add", {"a": 1}, Identity("token"), 7))
    assert b"Mcp-Name: add" in lines
    assert b"Authorization: Bearer token" in lines
    assert b"Content-Length: %d" % len(body) in lines
    assert json.loads(body)["params"]["_meta"]
    lines, body = parts(call("add", {"a": 1}, Identity("token", "s1"), 7))
    assert {b"Mcp-Session-Id: s1", b"Mcp-Protocol-Version: 2025-11-25"} <= set(lines)
    assert json.loads(body)["params"] == {"name": "add", "arguments": {"a": 1}}


def test_openings_ends_and_pages_have_no_session_or_body_too_many() -> None:
    assert b"Mcp-" not in initialize("token")
    assert delete(Identity("", "s1")).endswith(b"\r\n\r\n")
    assert page("/health").startswith(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


@pytest.mark.parametrize("sizes", [(), (1,), (3, 4), (100,)])
def test_chunks_hold_the_whole_body(sizes: tuple[int, ...]) -> None:
    whole = post(b"0123456789", Identity())
    lines, body = parts(chunked(whole, *sizes, trailers=b"A: b\r\n"))
    assert b"Transfer-Encoding: chunked" in lines
    assert not any(line.startswith(b"Content-Length") for line in lines)
    content = b""
    while size := int(body.partition(b"\r\n")[0], 16):
        body = body.partition(b"\r\n")[2]
        content, body = content + body[:size], body[size + 2 :]
    assert content == b"0123456789"
    assert body == b"0\r\nA: b\r\n\r\n"


def test_each_head_gets_the_token() -> None:
    two = page("/a") + page("/b")
    assert with_token(two, "t").count(b"\r\nAuthorization: Bearer t\r\nHost: ") == 2


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        ({"content-type": "application/json"}, b'{"id": 1}', {"id": 1}),
        ({"content-type": "text/event-stream"}, b"event: m\ndata: 1\n\ndata: {}\n\n", {}),
        ({"content-type": "text/event-stream"}, b": ping\n\n", None),
        ({}, b"nonsense", None),
        ({}, b"[" * 100_000, None),
    ],
)
def test_the_message_of_an_answer(headers: dict[str, str], body: bytes, message: object) -> None:
    assert Answer(200, headers, body).message == message
