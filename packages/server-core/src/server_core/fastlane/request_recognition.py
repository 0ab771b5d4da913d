"""Recognition of requests that the lane can answer; every other request is FastMCP's.

Recognition is not validation: a request with any fault goes to FastMCP, which explains the fault. Sources:
the MCP specification, revisions 2026-07-28 (streamable HTTP, headers and `_meta` of requests) and 2025-11-25.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from mcp.server.streamable_http import check_accept_headers
from mcp.shared.inbound import decode_header_value
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION
from pydantic_core import from_json, to_json
from starlette.requests import Request

from server_core.fastlane.request_meta import EnvelopeCheck, is_plain_meta

STATELESS_VERSION: Final = LATEST_MODERN_VERSION
SESSION_VERSIONS: Final = frozenset(version.encode() for version in HANDSHAKE_PROTOCOL_VERSIONS)

_VERSION_HEADER: Final = STATELESS_VERSION.encode()
_REQUEST_KEYS: Final = frozenset({"jsonrpc", "id", "method", "params"})
_CALL_PARAMS: Final = frozenset({"name", "arguments", "_meta"})
_LIST_PARAMS: Final = frozenset({"cursor", "_meta"})

_ENCODED_PREFIX: Final = "=?"
"""Start of an encoded header value (``=?base64?…?=``)."""

_JSON: Final = b"application/json"

_MAX_ACCEPTS: Final = 64
_MAX_ACCEPT_BYTES: Final = 256
"""Values of `Accept` that are remembered. A client sends the same one with each request."""


@dataclass(slots=True)  # not frozen, which would cost each call a microsecond
class RpcMessage:
    """A JSON-RPC request, or a notification, which has no id; the parameters are not validated.

    Attributes:
        body: The message as the client sent it.
    """

    method: str
    id_json: bytes | None
    params: Any
    body: bytes = b""


@dataclass(slots=True)  # not frozen, which would cost each call a microsecond
class ToolCall:
    """A recognised tool call; the arguments are not validated.

    Attributes:
        meta: The request's `_meta` as the client sent it; None if it sent none.
    """

    id_json: bytes
    name: str
    arguments: dict[str, Any]
    meta: dict[str, Any] | None = None


Headers = dict[bytes, bytes]
"""The headers that matter here, by name, without whitespace around their values."""

_RELEVANT: Final = frozenset(
    {b"accept", b"content-type", b"mcp-protocol-version", b"mcp-method", b"mcp-name", b"mcp-session-id"}
)


class Recogniser:
    """Recognises tool calls, and remembers what it has checked.

    A server whose responses are all JSON (`json_response`) requires less of the header `Accept`.
    """

    def __init__(self, *, json_response: bool = False) -> None:
        self._json_response = json_response
        self._accepts: dict[bytes, bool] = {}
        self._envelopes = EnvelopeCheck(STATELESS_VERSION)

    def relevant_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers | None:
        """Return the headers that matter, None if FastMCP has to judge one of them."""
        relevant: Headers = {}
        for name, value in headers:
            if name in _RELEVANT:
                if name in relevant:
                    return None
                relevant[name] = value.strip(b" \t")
        content_type = relevant.get(b"content-type", b"")
        # The parameters of the type, such as a charset, are not read: JSON is always UTF-8.
        if content_type != _JSON and content_type.partition(b";")[0].rstrip(b" \t") != _JSON:
            return None
        return relevant if self._is_acceptable(relevant.get(b"accept", b"")) else None

    def _is_acceptable(self, accept: bytes) -> bool:
        """Return whether the SDK would answer a client that sends this `Accept`."""
        acceptable = self._accepts.get(accept)
        if acceptable is None:
            request = Request({"type": "http", "headers": [(b"accept", accept)]})
            has_json, has_events = check_accept_headers(request)
            acceptable = has_json and (has_events or self._json_response)
            if len(accept) <= _MAX_ACCEPT_BYTES:
                if len(self._accepts) >= _MAX_ACCEPTS:
                    self._accepts.clear()
                self._accepts[accept] = acceptable
        return acceptable

    def tool_call(self, headers: Headers, message: RpcMessage) -> ToolCall | None:
        """Return the tool call in a message, None if it is something else or has a fault."""
        params = message.params
        if message.method != "tools/call" or message.id_json is None or type(params) is not dict:
            return None
        name, arguments, meta = params.get("name"), params.get("arguments"), params.get("_meta")
        if type(name) is not str or not _CALL_PARAMS.issuperset(params):
            return None
        if arguments is None:
            arguments = {}
        elif type(arguments) is not dict:
            return None
        if is_stateless(headers):
            is_plain = _header_text(headers.get(b"mcp-name")) == name and self._envelopes.is_plain(meta)
        else:
            is_plain = meta is None or is_plain_meta(meta)
        return ToolCall(message.id_json, name, arguments, meta) if is_plain else None


def has_plain_params(params: Any) -> bool:
    """Return whether the parameters of a ping or list request, or of a notification, request nothing."""
    if params is None or params == {}:
        return True
    if type(params) is not dict or not params.keys() <= _LIST_PARAMS or params.get("cursor") is not None:
        return False
    meta = params.get("_meta")
    return meta is None or is_plain_meta(meta)


def is_stateless(headers: Headers) -> bool:
    """Return whether the headers are those of a tool call on the stateless wire."""
    return (
        headers.get(b"mcp-protocol-version") == _VERSION_HEADER
        and headers.get(b"mcp-method") == b"tools/call"
        and b"mcp-session-id" not in headers
    )


def is_in_session(headers: Headers) -> bool:
    """Return whether the headers are those of a request within a session."""
    return b"mcp-session-id" in headers and _is_of_session_wire(headers)


def named_session(headers: Headers) -> bytes | None:
    """Return the id of the session that a request names; None on the stateless wire, which has none."""
    return headers.get(b"mcp-session-id") if _is_of_session_wire(headers) else None


def may_open_session(headers: Headers) -> bool:
    """Return whether a request with these headers may be ``initialize``."""
    return b"mcp-session-id" not in headers and _is_of_session_wire(headers)


def _is_of_session_wire(headers: Headers) -> bool:
    """Return whether the SDK takes it for the session wire, whose clients may leave the version out."""
    version = headers.get(b"mcp-protocol-version")
    return version is None or version in SESSION_VERSIONS


def probable_tool_name(headers: Headers, body: bytes) -> str:
    """Return a guess at the name of the called tool, made without parsing the request."""
    if is_stateless(headers):
        return _header_text(headers.get(b"mcp-name")) or ""
    return _first_match(_NAME, body)


def leading_tool_name(headers: Headers, body: bytes) -> str:
    """Return the name of the called tool if it can be read without parsing the request, else an empty string.

    Parsing costs about 30 µs right after FastMCP has used the processor's caches, so a call of a tool that
    needs FastMCP is not parsed here. A guess would not do: an argument called `name` may be some other tool's
    name.
    """
    if is_stateless(headers):
        return _header_text(headers.get(b"mcp-name")) or ""
    return _first_match(_LEADING_NAME, body)


_NAME: Final = re.compile(rb'"name"\s*:\s*"([^"\\]*)"')
_LEADING_NAME: Final = re.compile(rb'"params"\s*:\s*\{\s*"name"\s*:\s*"([^"\\]*)"')
_NAME_WITHIN_BYTES: Final = 1000


def _first_match(pattern: re.Pattern[bytes], body: bytes) -> str:
    match = pattern.search(body, 0, _NAME_WITHIN_BYTES)
    return match[1].decode("utf-8", "replace") if match is not None else ""


def _header_text(value: bytes | None) -> str | None:
    """Return the text of a header that may be encoded, None if it is missing or wrongly encoded."""
    if value is None:
        return None
    text = value.decode("latin-1")
    return decode_header_value(text) if text.startswith(_ENCODED_PREFIX) else text


def parse_message(body: bytes) -> RpcMessage | None:
    """Return the request or notification in a body, None if it is something else or has a fault."""
    try:
        message = from_json(body)
    except ValueError:
        return None
    if type(message) is not dict or not _REQUEST_KEYS.issuperset(message) or message.get("jsonrpc") != "2.0":
        return None
    method, request_id = message.get("method"), message.get("id")
    if type(method) is not str or ("id" in message and type(request_id) not in (int, str)):
        return None
    return RpcMessage(
        method, None if request_id is None else to_json(request_id), message.get("params"), body
    )
