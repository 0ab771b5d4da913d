"""Recognition of `_meta` that requests nothing of FastMCP.

Clients put into `_meta` what a plain tool cannot use: a progress token, a log level, the caller's trace
context (which `trace_context` keeps for it), and keys of their own, such as Claude Code's
``claudecode/toolUseId``, VS Code's ``vscode.conversationId`` and Codex's ``x-codex-turn-metadata``. FastMCP
and the SDK read only what is listed here. In doubt the request is FastMCP's: values that the SDK would
refuse, keys under its own prefix that are not known here, and ``fastmcp``, by which a client selects a
version of a tool.
"""

from __future__ import annotations

import marshal
from typing import Any, Final

from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    LOG_LEVEL_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    methods,
)
from pydantic import ValidationError

_PROGRESS_TOKENS: Final = ("progressToken", "progress_token")
"""The SDK validates the key of the protocol, and once more the name of its own field."""

_VERSION_SELECTION: Final = "fastmcp"
_READ_BY_FASTMCP: Final = frozenset({_VERSION_SELECTION, *_PROGRESS_TOKENS})
_SDK_PREFIX: Final = "io.modelcontextprotocol/"
_ENVELOPE_KEYS: Final = frozenset(
    {PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, LOG_LEVEL_META_KEY}
)
"""The keys whose values the SDK validates on the stateless wire, besides the progress token."""

_MAX_ENVELOPES: Final = 512
_MAX_ENVELOPE_BYTES: Final = 4096
"""Envelopes that are remembered as valid, 2 MB at most: clients choose them."""

_MARSHAL_VERSION: Final = 2
"""Later formats depend on how often an object is referenced, so equal envelopes could differ as bytes."""


def is_plain_meta(meta: Any) -> bool:
    """Return whether the `_meta` of a request in a session requests nothing of FastMCP.

    Revisions with sessions know no log level of a single request, so that any value is ignored there.
    """
    if type(meta) is not dict:
        return False
    for key in meta:
        if key in _READ_BY_FASTMCP:
            # FastMCP judges what only converts to a valid token.
            if key == _VERSION_SELECTION or type(meta[key]) not in (int, str):
                return False
        elif key[: len(_SDK_PREFIX)] == _SDK_PREFIX and key != LOG_LEVEL_META_KEY:
            return False
    return True


class EnvelopeCheck:
    """Checks the `_meta` of tool calls on the stateless wire, and remembers the envelopes that were valid.

    The envelope is the part that the SDK validates. A client sends the same one with each call, while its
    progress token and trace context change.
    """

    def __init__(self, version: str) -> None:
        self._version = version
        self._valid: set[bytes] = set()

    def is_plain(self, meta: Any) -> bool:
        """Return whether a call's `_meta` is complete and valid, and requests nothing of FastMCP."""
        if type(meta) is not dict or meta.get(PROTOCOL_VERSION_META_KEY) != self._version:
            return False
        envelope = {key: value for key, value in meta.items() if key in _ENVELOPE_KEYS}
        if CLIENT_CAPABILITIES_META_KEY not in envelope:
            return False
        if len(envelope) < len(meta):
            rest = {key: value for key, value in meta.items() if key not in _ENVELOPE_KEYS}
            if not is_plain_meta(rest):
                return False
        return self._is_valid(envelope)

    def _is_valid(self, envelope: dict[str, Any]) -> bool:
        try:
            key = marshal.dumps(envelope, _MARSHAL_VERSION)
        except ValueError:
            return False
        if key in self._valid:
            return True
        try:
            methods.validate_client_request("tools/call", self._version, {"name": "", "_meta": envelope})
        except (ValidationError, KeyError):
            return False
        if len(key) <= _MAX_ENVELOPE_BYTES:
            if len(self._valid) >= _MAX_ENVELOPES:
                self._valid.clear()
            self._valid.add(key)
        return True
