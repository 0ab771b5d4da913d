"""Recognition of requests that the lane can answer; every other request is FastMCP's.

Recognition is not validation: a request with any fault goes to FastMCP, which explains the fault. Sources:
the MCP specification, revisions 2026-07-28 (streamable HTTP, headers and `_meta` of requests) and 2025-11-25.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from mcp_types import methods
from pydantic import ValidationError
from pydantic_core import from_json, to_json

STATELESS_VERSION: Final = "2026-07-28"
SESSION_VERSIONS: Final = frozenset({b"2025-11-25", b"2025-06-18"})

_VERSION_HEADER: Final = STATELESS_VERSION.encode()
_PROTOCOL_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
_META_KEYS: Final = frozenset({_PROTOCOL_VERSION, _CAPABILITIES, "io.modelcontextprotocol/clientInfo"})
_REQUEST_KEYS: Final = frozenset({"jsonrpc", "id", "method", "params"})
_STATELESS_PARAMS: Final = frozenset({"name", "arguments", "_meta"})
_SESSION_PARAMS: Final = frozenset({"name", "arguments"})

_ACCEPT: Final = frozenset(
    {
        b"application/json, text/event-stream",
        b"application/json,text/event-stream",
        b"text/event-stream, application/json",
    }
)
"""Values that clients send; any other spelling is left to FastMCP."""

_ENCODED_PREFIX: Final = "=?"
"""Start of an encoded header value (``=?base64?…?=``)."""

_CONTENT_TYPE: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})

_MAX_VALID_METAS: Final = 512
"""Values of `_meta` that are remembered as valid. A client sends the same one with each call."""


@dataclass(frozen=True, slots=True)
class RpcMessage:
    """A JSON-RPC request, or a notification, which has no id; the parameters are not validated."""

    method: str
    id_json: bytes | None
    params: Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A recognised tool call; the arguments are not validated."""

    id_json: bytes
    name: str
    arguments: dict[str, Any]


Headers = dict[bytes, bytes]
"""The headers that matter here, by name, without whitespace around their values."""

_RELEVANT: Final = frozenset(
    {b"accept", b"content-type", b"mcp-protocol-version", b"mcp-method", b"mcp-name", b"mcp-session-id"}
)


class Recogniser:
    """Recognises tool calls, and remembers the values of `_meta` that it has validated."""

    def __init__(self) -> None:
        self._valid_metas: set[bytes] = set()

    def relevant_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers | None:
        """Return the headers that matter, None if FastMCP has to judge one of them."""
        relevant: Headers = {}
        for name, value in headers:
            if name in _RELEVANT:
                if name in relevant:
                    return None
                relevant[name] = value.strip(b" \t")
        if relevant.get(b"accept") not in _ACCEPT or relevant.get(b"content-type") not in _CONTENT_TYPE:
            return None
        return relevant

    def tool_call(self, headers: Headers, message: RpcMessage) -> ToolCall | None:
        """Return the tool call in a message, None if it is something else or has a fault."""
        params = message.params
        if message.method != "tools/call" or message.id_json is None or type(params) is not dict:
            return None
        name, arguments = params.get("name"), params.get("arguments")
        if type(name) is not str or type(arguments) is not dict:
            return None
        if is_stateless(headers):
            is_literal = name.isascii() and not name.startswith(_ENCODED_PREFIX)
            matches_header = is_literal and headers.get(b"mcp-name") == name.encode()
            is_plain = matches_header and self._has_plain_meta(params)
        else:
            is_plain = params.keys() == _SESSION_PARAMS
        return ToolCall(message.id_json, name, arguments) if is_plain else None

    def _has_plain_meta(self, params: dict[str, Any]) -> bool:
        """Return whether `_meta` is complete and valid, and requests nothing special."""
        meta = params.get("_meta")
        if type(meta) is not dict or params.keys() != _STATELESS_PARAMS or not meta.keys() <= _META_KEYS:
            return False
        if meta.get(_PROTOCOL_VERSION) != STATELESS_VERSION or _CAPABILITIES not in meta:
            return False
        try:
            key = marshal.dumps(meta)
        except ValueError:
            return False
        if key in self._valid_metas:
            return True
        try:
            methods.validate_client_request("tools/call", STATELESS_VERSION, params)
        except (ValidationError, KeyError):
            return False
        if len(self._valid_metas) >= _MAX_VALID_METAS:
            self._valid_metas.clear()
        self._valid_metas.add(key)
        return True


def is_stateless(headers: Headers) -> bool:
    """Return whether the headers are those of a tool call on the stateless wire."""
    return (
        headers.get(b"mcp-protocol-version") == _VERSION_HEADER
        and headers.get(b"mcp-method") == b"tools/call"
        and b"mcp-session-id" not in headers
    )


def is_in_session(headers: Headers) -> bool:
    """Return whether the headers are those of a request within a session."""
    return headers.get(b"mcp-protocol-version") in SESSION_VERSIONS and b"mcp-session-id" in headers


def may_open_session(headers: Headers) -> bool:
    """Return whether a request with these headers may be ``initialize``."""
    version = headers.get(b"mcp-protocol-version")
    return b"mcp-session-id" not in headers and (version is None or version in SESSION_VERSIONS)


def probable_tool_name(headers: Headers, body: bytes) -> str:
    """Return a guess at the name of the called tool, made without parsing the request.

    Parsing costs about 30 µs right after FastMCP has used the processor's caches. A wrong guess sends a
    request to FastMCP that the lane could have answered, which is slower but never wrong.
    """
    if is_stateless(headers):
        return headers.get(b"mcp-name", b"").decode("latin-1")
    match = _NAME.search(body, 0, _NAME_WITHIN_BYTES)
    return match[1].decode("latin-1") if match is not None else ""


_NAME: Final = re.compile(rb'"name"\s*:\s*"([^"\\]*)"')
_NAME_WITHIN_BYTES: Final = 1000


def parse_message(body: bytes) -> RpcMessage | None:
    """Return the request or notification in a body, None if it is something else or has a fault."""
    try:
        message = from_json(body)
    except ValueError:
        return None
    if type(message) is not dict or not message.keys() <= _REQUEST_KEYS or message.get("jsonrpc") != "2.0":
        return None
    method, request_id = message.get("method"), message.get("id")
    if type(method) is not str or ("id" in message and type(request_id) not in (int, str)):
        return None
    return RpcMessage(method, None if request_id is None else to_json(request_id), message.get("params"))
