"""The memory of sessions for `initialize` is small, whatever clients send."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_core.sdk.handshake_params import (
    MAX_HANDSHAKE_BYTES,
    LargeHandshakeError,
    remembered,
    with_remembered_params,
)

PARAMS: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"roots": {"listChanged": True}},
    "clientInfo": {"name": "client", "version": "1"},
}
LARGE = "x" * 5000
PICTURES = {
    **PARAMS,
    "clientInfo": {**PARAMS["clientInfo"], "icons": [{"src": f"data:image/png;base64,{LARGE}"}]},
}


def message(params: Any, **others: Any) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params, **others}
    ).encode()


def test_a_small_handshake_is_remembered_as_it_is() -> None:
    params = {**PARAMS, "_meta": {"a/b": 1}, "unknown": [None, 1.5]}
    assert json.loads(remembered(params)) == params
    assert with_remembered_params(message(params)) == message(params)


@pytest.mark.parametrize("large", [PICTURES, {**PARAMS, "_meta": {"a/b": LARGE}}])
def test_pictures_and_meta_are_left_out_if_they_are_too_much(large: dict[str, Any]) -> None:
    assert json.loads(remembered(large)) == PARAMS
    kept = json.loads(with_remembered_params(message(large)))
    assert kept == {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": PARAMS}


@pytest.mark.parametrize(
    "large",
    [
        {**PARAMS, "clientInfo": {"name": LARGE, "version": "1"}},
        {**PARAMS, "capabilities": {"experimental": {LARGE: {}}}},
        {**PARAMS, "unknown": LARGE},
        {**PARAMS, "protocolVersion": LARGE},
        [LARGE],
        LARGE,
    ],
)
def test_what_is_too_large_without_them_is_refused(large: Any) -> None:
    with pytest.raises(LargeHandshakeError, match=f"at most {MAX_HANDSHAKE_BYTES} bytes.*got [0-9]+"):
        remembered(large)
    with pytest.raises(LargeHandshakeError):
        with_remembered_params(message(large))


def test_a_method_in_escapes_is_recognised() -> None:
    escaped = message({**PARAMS, "unknown": LARGE}).replace(b'"initialize"', rb'"initializ\u0065"')
    with pytest.raises(LargeHandshakeError):
        with_remembered_params(escaped)


def test_padding_is_not_passed_on() -> None:
    padded = message(PARAMS).replace(b'{"jsonrpc"', b"{" + b" " * 10_000 + b'"jsonrpc"')
    assert len(with_remembered_params(padded)) < MAX_HANDSHAKE_BYTES


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"{" + b'"initialize' * 1000,
        b'["initialize", "' + LARGE.encode() + b'"]',
        json.dumps({"method": "tools/call", "params": {"text": f"initialize {LARGE}"}}).encode(),
        json.dumps({"method": "initialize", "id": LARGE}).encode(),
    ],
)
def test_other_messages_are_passed_on_as_they_are(other: bytes) -> None:
    assert with_remembered_params(other) is other


@given(st.binary(max_size=200))
def test_any_bytes_are_passed_on(body: bytes) -> None:
    assert with_remembered_params(body) is body


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_session_never_remembers_more_than_the_limit(params: Any) -> None:
    with contextlib.suppress(LargeHandshakeError):
        assert len(remembered({**PARAMS, "x": params})) <= MAX_HANDSHAKE_BYTES
