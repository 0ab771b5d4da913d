"""Which requests are tool calls that can be answered at once; everything else is FastMCP's.

Recognising is not validating: a request that is wrong in any way is handed over, so that FastMCP says what is
wrong with it. Sources: the MCP specification, revisions 2026-07-28 (streamable HTTP, headers and `_meta` of
requests) and 2025-11-25.
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
"""What clients send; another spelling is judged by FastMCP."""

_ENCODED: Final = "=?"
"""Begins a header value that says something else than it shows (``=?base64?…?=``)."""

_CONTENT_TYPE: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})

_MOST_METAS: Final = 512
"""Spellings of `_meta` that are remembered: clients send the same one with each call."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a notification.

    Attributes:
        method: Its method.
        id_json: The request's id as JSON; None for a notification.
        params: As they came; None when there are none.
    """

    method: str
    id_json: bytes | None
    params: Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that has been recognised.

    Attributes:
        id_json: The request's id as JSON.
        name: The tool.
        arguments: As they came.
    """

    id_json: bytes
    name: str
    arguments: dict[str, Any]


Headers = dict[bytes, bytes]
"""The headers that matter, by name, without blanks around their values."""

_FIELDS: Final = frozenset(
    {b"accept", b"content-type", b"mcp-protocol-version", b"mcp-method", b"mcp-name", b"mcp-session-id"}
)


class Recogniser:
    """Recognises tool calls."""

    def __init__(self) -> None:
        self._metas: set[bytes] = set()

    def read(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers | None:
        """Return the headers that matter, None when one of them is FastMCP's to judge."""
        found: Headers = {}
        for name, value in headers:
            if name in _FIELDS:
                if name in found:
                    return None
                found[name] = value.strip(b" \t")
        if found.get(b"accept") not in _ACCEPT or found.get(b"content-type") not in _CONTENT_TYPE:
            return None
        return found

    def call(self, headers: Headers, message: Message) -> ToolCall | None:
        """Return the tool call in a message, None when it is something else or not quite right."""
        params = message.params
        if message.method != "tools/call" or message.id_json is None or type(params) is not dict:
            return None
        name, arguments = params.get("name"), params.get("arguments")
        if type(name) is not str or type(arguments) is not dict:
            return None
        if is_stateless(headers):
            is_spelled_out = name.isascii() and not name.startswith(_ENCODED)
            is_named = is_spelled_out and headers.get(b"mcp-name") == name.encode()
            is_plain = is_named and self._known_meta(params)
        else:
            is_plain = params.keys() == _SESSION_PARAMS
        return ToolCall(message.id_json, name, arguments) if is_plain else None

    def _known_meta(self, params: dict[str, Any]) -> bool:
        """Return whether `_meta` is complete, asks for nothing special and is valid."""
        meta = params.get("_meta")
        if type(meta) is not dict or params.keys() != _STATELESS_PARAMS or not meta.keys() <= _META_KEYS:
            return False
        if meta.get(_PROTOCOL_VERSION) != STATELESS_VERSION or _CAPABILITIES not in meta:
            return False
        try:
            key = marshal.dumps(meta)
        except ValueError:
            return False
        if key in self._metas:
            return True
        try:
            methods.validate_client_request("tools/call", STATELESS_VERSION, params)
        except (ValidationError, KeyError):
            return False
        if len(self._metas) >= _MOST_METAS:
            self._metas.clear()
        self._metas.add(key)
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
    """Return whether a request with such headers may be ``initialize``."""
    version = headers.get(b"mcp-protocol-version")
    return b"mcp-session-id" not in headers and (version is None or version in SESSION_VERSIONS)


def first_name(headers: Headers, body: bytes) -> str:
    """Return what is probably the name of the tool that is called, without reading the whole request.

    Reading costs some 30 µs where FastMCP has just used the processor's caches for itself. A wrong guess
    hands a request over that could have been answered here, which is never wrong.
    """
    if is_stateless(headers):
        return headers.get(b"mcp-name", b"").decode("latin-1")
    found = _NAME.search(body, 0, _WHERE_NAMES_STAND)
    return found[1].decode("latin-1") if found is not None else ""


_NAME: Final = re.compile(rb'"name"\s*:\s*"([^"\\]*)"')
_WHERE_NAMES_STAND: Final = 1000


def message_in(body: bytes) -> Message | None:
    """Return the request or notification in a body, None when it is something else or not quite right."""
    try:
        message = from_json(body)
    except ValueError:
        return None
    if type(message) is not dict or not message.keys() <= _REQUEST_KEYS or message.get("jsonrpc") != "2.0":
        return None
    method, identity = message.get("method"), message.get("id")
    if type(method) is not str or ("id" in message and type(identity) not in (int, str)):
        return None
    return Message(method, None if identity is None else to_json(identity), message.get("params"))
