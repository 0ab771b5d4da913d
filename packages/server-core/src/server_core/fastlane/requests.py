"""Which requests are tool calls that can be answered at once; everything else is FastMCP's.

Recognising is not validating: a request that is wrong in any way is handed over, so that FastMCP says what is
wrong with it. Sources: the MCP specification, revisions 2026-07-28 (streamable HTTP, headers and `_meta` of
requests) and 2025-11-25.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from mcp_types import methods
from pydantic import ValidationError
from pydantic_core import from_json, to_json

STATELESS_VERSION: Final = "2026-07-28"
SESSION_VERSIONS: Final = frozenset({b"2025-11-25", b"2025-06-18", b"2025-03-26"})

_PREFIX: Final = "io.modelcontextprotocol/"
_META_KEYS: Final = frozenset(
    {f"{_PREFIX}protocolVersion", f"{_PREFIX}clientCapabilities", f"{_PREFIX}clientInfo"}
)
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

_CONTENT_TYPE: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})

_MOST_METAS: Final = 512
"""Spellings of `_meta` that are remembered: clients send the same one with each call."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that has been recognised.

    Attributes:
        id_json: The request's id as JSON.
        name: The tool.
        arguments: As they came.
        session_id: Its session; None on the stateless wire.
    """

    id_json: bytes
    name: str
    arguments: dict[str, Any]
    session_id: bytes | None = None


Headers = dict[bytes, bytes]
"""The headers that matter, by name, without blanks around their values."""

_FIELDS: Final = frozenset(
    {b"accept", b"content-type", b"mcp-protocol-version", b"mcp-method", b"mcp-name", b"mcp-session-id"}
)


class Recogniser:
    """Recognises tool calls."""

    def __init__(self) -> None:
        self._metas: set[bytes] = set()

    def may_be_call(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers | None:
        """Return the headers that matter, None when the request cannot be a call that is recognised."""
        found: Headers = {}
        for name, value in headers:
            if name in _FIELDS:
                if name in found:
                    return None
                found[name] = value.strip(b" \t")
            elif name.startswith(b"mcp-param-"):
                return None
        if found.get(b"accept") not in _ACCEPT or found.get(b"content-type") not in _CONTENT_TYPE:
            return None
        version, has_session = found.get(b"mcp-protocol-version"), b"mcp-session-id" in found
        if version == b"2026-07-28":
            is_call = found.get(b"mcp-method") == b"tools/call" and b"mcp-name" in found and not has_session
        else:
            is_call = version in SESSION_VERSIONS and has_session
        return found if is_call else None

    def call(self, headers: Headers, body: bytes) -> ToolCall | None:
        """Return the call in a request's body, None when it is something else or not quite right."""
        request = _request(body)
        if request is None:
            return None
        identity, params = request
        name, arguments = params.get("name"), params.get("arguments")
        if type(name) is not str or type(arguments) is not dict:
            return None
        session_id = headers.get(b"mcp-session-id")
        if session_id is not None:
            is_plain = params.keys() == _SESSION_PARAMS
        else:
            is_plain = headers[b"mcp-name"] == name.encode() and self._known_meta(params)
        return ToolCall(to_json(identity), name, arguments, session_id) if is_plain else None

    def _known_meta(self, params: dict[str, Any]) -> bool:
        """Return whether `_meta` is complete, asks for nothing special and is valid."""
        meta = params.get("_meta")
        if type(meta) is not dict or params.keys() != _STATELESS_PARAMS or not meta.keys() <= _META_KEYS:
            return False
        if (
            meta.get(f"{_PREFIX}protocolVersion") != STATELESS_VERSION
            or f"{_PREFIX}clientCapabilities" not in meta
        ):
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


def _request(body: bytes) -> tuple[int | str, dict[str, Any]] | None:
    """Return id and parameters of a tool call's envelope, None when it is something else."""
    try:
        message = from_json(body)
    except ValueError:
        return None
    if type(message) is not dict or message.keys() != _REQUEST_KEYS:
        return None
    identity, params = message["id"], message["params"]
    is_call = message["method"] == "tools/call" and message["jsonrpc"] == "2.0"
    if not is_call or type(identity) not in (int, str) or type(params) is not dict:
        return None
    return identity, params
