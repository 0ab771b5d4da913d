"""Requests of an MCP client and their HTTP headers, on both wires.

Source: the MCP specification, revisions 2025-11-25 (streamable HTTP) and 2026-07-28 (headers of each
request).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from perf_core.adapter import Wire
from perf_core.server.credentials.access import STATELESS_REVISION

CLIENT_INFO = {"name": "perf-core", "version": "1"}
PREFIX = "io.modelcontextprotocol/"
ACCEPT = "application/json, text/event-stream"


def request_message(
    number: int,
    method: str,
    params: Mapping[str, Any],
    wire: Wire,
    *,
    name: str | None = None,
    capabilities: Mapping[str, Any] | None = None,
    progress_token: str | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a JSON-RPC request and the HTTP headers that this request alone needs.

    Args:
        number: Its id, which must be unique within a session.
        name: Name of the tool or prompt, or URI of the resource, which the stateless wire has as a header.
        capabilities: Capabilities of the client, which the stateless wire states in each request.
        progress_token: Token with which the server may send progress.

    Example::

        request_message(1, "tools/call", {"name": "add", "arguments": {"a": 1}}, "session", name="add")
    """
    meta: dict[str, Any] = {} if progress_token is None else {"progressToken": progress_token}
    headers: dict[str, str] = {}
    if wire == "stateless":
        meta |= {
            f"{PREFIX}protocolVersion": STATELESS_REVISION,
            f"{PREFIX}clientCapabilities": dict(capabilities or {}),
            f"{PREFIX}clientInfo": CLIENT_INFO,
        }
        headers["Mcp-Method"] = method
        if name is not None:
            headers["Mcp-Name"] = _header_value(name)
    if meta:
        params = {**params, "_meta": {**params.get("_meta", {}), **meta}}
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params)}, headers


def _header_value(name: str) -> str:
    looks_encoded = name.lower().startswith("=?base64?") and name.endswith("?=")
    if name.isascii() and name.isprintable() and name == name.strip() and name and not looks_encoded:
        return name
    return f"=?base64?{base64.b64encode(name.encode()).decode()}?="
