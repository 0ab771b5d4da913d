"""MCP messages of the suites' clients, which must be the same for all commits.

Source: the MCP specification, revisions 2025-11-25 (sessions) and 2026-07-28 (stateless).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SESSION_REVISION = "2025-11-25"
STATELESS_REVISION = "2026-07-28"
CLIENT_INFO = {"name": "asv-suites", "version": "1"}
MESSAGE_HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}

_PREFIX = "io.modelcontextprotocol/"
_META = {
    f"{_PREFIX}protocolVersion": STATELESS_REVISION,
    f"{_PREFIX}clientCapabilities": {},
    f"{_PREFIX}clientInfo": CLIENT_INFO,
}


def initialize_message() -> dict[str, Any]:
    """Return the message that opens a session."""
    params = {"protocolVersion": SESSION_REVISION, "capabilities": {}, "clientInfo": CLIENT_INFO}
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}


def call_message(
    wire: str, number: int, tool: str, arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the message that calls a tool, and the headers that the wire requires."""
    params: dict[str, Any] = {"name": tool, "arguments": dict(arguments)}
    headers: dict[str, str] = {}
    if wire == "stateless":
        params["_meta"] = _META
        headers = {
            "mcp-protocol-version": STATELESS_REVISION,
            "mcp-method": "tools/call",
            "mcp-name": tool,
        }
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}, headers
