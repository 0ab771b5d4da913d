"""Advice about refusals, and what a challenge and a token say."""

from __future__ import annotations

import base64
import json
import socket
import time
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from perf_core.server.credentials.masking import masked
from perf_core.server.credentials.refusals import (
    challenge_parameters,
    expired_at,
    expiry_of,
    no_answer,
    refusal,
)


def jwt(**claims: Any) -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, claims)
    ]
    return f"Bearer {'.'.join(parts)}.signature"


def refused(
    status: int,
    headers: dict[str, str] | None = None,
    *,
    token: str = "",
    has_credentials: bool = True,
    text: str = "no",
) -> str:
    request = httpx2.Request("POST", "http://h/mcp", headers={"Authorization": token} if token else {})
    response = httpx2.Response(status, headers=headers or {}, request=request, text=text)
    return refusal(response, "initialize", None, has_credentials=has_credentials).hint


def test_challenge_of_a_server() -> None:
    header = (
        'Bearer realm="a, b", error="invalid_token", error_description="it \\"expired\\"", scope=x, Basic'
    )
    assert challenge_parameters(header) == {
        "realm": "a, b",
        "error": "invalid_token",
        "error_description": 'it "expired"',
        "scope": "x",
    }
    assert challenge_parameters("") == {}


def test_expired_token_is_told() -> None:
    expired = refused(401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, token=jwt(exp=1_700_000_000))
    assert (
        "The server refused the credentials (invalid_token; the token expired at 2023-11-14 22:13:20 UTC)"
        in expired
    )
    assert expired_at(jwt(exp=time.time() + 60)) is None
    assert expiry_of(jwt(exp=1_700_000_000)) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    for text in ("", "Bearer opaque", "Bearer a.b.c", "Basic x", jwt(exp="soon"), jwt(exp=1e300), jwt()):
        assert expired_at(text) is expiry_of(text) is None


@pytest.mark.parametrize("place", range(270, 302))
def test_secret_at_the_end_of_an_excerpt_is_masked(place: int) -> None:
    text = f"{'x' * place} opensesame-{'7' * 40} is no key"
    secrets = [f"opensesame-{'7' * 40}"]
    request = httpx2.Request("POST", "http://h/mcp")
    error = refusal(httpx2.Response(400, request=request, text=text), "ping", None, has_credentials=True)
    header = {"WWW-Authenticate": f'Bearer error_description="{text}"'}
    challenged = refusal(
        httpx2.Response(401, request=request, headers=header), "ping", None, has_credentials=True
    )
    assert "opens" not in masked(f"{error}{challenged}", secrets)


def test_missing_credentials_are_told_with_the_ways_to_give_them() -> None:
    hint = refused(401, {"WWW-Authenticate": 'Bearer resource_metadata="http://h/m"'}, has_credentials=False)
    assert "It offers OAuth" in hint
    assert all(text in hint for text in ("--bearer-env NAME", "--header 'X-Key: $NAME'", "--oauth-client-id"))


@pytest.mark.parametrize("is_read", [True, False])
def test_connection_without_an_answer(is_read: bool) -> None:
    error = httpx2.ReadTimeout("") if is_read else httpx2.ConnectError("refused")
    answer = no_answer("http://me:pw-123@h/mcp", error)
    assert (answer.is_temporary, answer.timed_out) == (True, is_read)
    assert "pw-123" not in str(answer)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (httpx2.ConnectError("refused"), "Start the server"),
        (httpx2.ConnectTimeout(""), "Start the server"),
        (httpx2.ReadTimeout(""), "does not answer: look at the server's log, or restart it"),
        (httpx2.WriteTimeout(""), "does not answer: look at the server's log, or restart it"),
        (httpx2.RemoteProtocolError("Server disconnected without a response."), "write https:// in the URL"),
        (httpx2.ReadError("connection reset"), "write https:// in the URL"),
        (
            httpx2.RemoteProtocolError("illegal status line: bytearray(b'\\x15\\x03\\x01\\x00\\x02\\x02F')"),
            "seems to speak TLS: try https:// in the URL",
        ),
    ],
)
@pytest.mark.parametrize("given", [{}, {"hint": "Start the server: it gives tokens."}])
def test_only_what_does_not_listen_is_to_be_started(
    error: httpx2.HTTPError, advice: str, given: dict[str, str]
) -> None:
    hint = no_answer("http://h/mcp", error, **given).hint
    assert advice in hint
    assert ("Start the server" in hint) is isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)


@pytest.mark.parametrize(
    "body",
    [
        "<html><center>The plain HTTP request was sent to HTTPS port</center></html>",
        "Client sent an HTTP request to an HTTPS server.\n",
    ],
)
def test_server_that_wants_tls_is_named(body: str) -> None:
    assert "try https:// in the URL" in refused(400, text=body)


def test_time_limit_without_a_text_has_its_name() -> None:
    assert no_answer("http://h/mcp", httpx2.PoolTimeout("")).message.endswith("got no answer: PoolTimeout")


def test_other_servers_are_named_as_what_they_are() -> None:
    answer = no_answer(
        "https://as/token", httpx2.ConnectError("refused"), expected="a token from", hint="Start it."
    )
    assert str(answer) == "expected a token from https://as/token, got no answer: refused\nStart it."


def test_unknown_host_and_another_protocol_are_final() -> None:
    unknown = httpx2.ConnectError("[Errno -2] Name or service not known")
    unknown.__cause__ = socket.gaierror(-2, "Name or service not known")
    assert "got a host that is not known" in no_answer("http://no-such-host/mcp", unknown).message
    answer = no_answer("http://h:22/mcp", httpx2.RemoteProtocolError("illegal status line: 'SSH-2.0'"))
    assert "got an answer that is no HTTP" in answer.message
    ended = no_answer("http://h/mcp", httpx2.RemoteProtocolError("Server disconnected without a response."))
    kinds = [no_answer("http://no-such-host/mcp", unknown), answer, ended]
    assert [each.is_temporary for each in kinds] == [False, False, True]
