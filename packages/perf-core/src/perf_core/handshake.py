"""A real MCP handshake on either wire: who answers at a URL, and which tools it lists.

Source: the MCP specification, revisions 2025-11-25 (lifecycle, streamable HTTP) and 2026-07-28
(``server/discover``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from perf_core.adapter import Wire
from perf_core.errors import TargetError

SESSION_REVISION = "2025-11-25"
STATELESS_REVISION = "2026-07-28"

_CLIENT_INFO = {"name": "perf-core", "version": "1"}
_ACCEPT = "application/json, text/event-stream"


@dataclass(frozen=True)
class Handshake:
    """What a server said of itself.

    Attributes:
        url: The MCP endpoint.
        wire: Protocol era of the handshake.
        server_name: ``serverInfo.name``.
        server_version: ``serverInfo.version``.
        tools: Names of its tools, sorted.
        duration_s: From the first request to the answer of the first (``initialize`` or
            ``server/discover``).
    """

    url: str
    wire: Wire
    server_name: str
    server_version: str
    tools: tuple[str, ...]
    duration_s: float


def shake_hands(url: str, wire: Wire, timeout_s: float = 10.0) -> Handshake:
    """Greet the server at ``url`` and list its tools.

    Raises:
        TargetError: Nothing answers there, or not as MCP says; names the step and what came.
    """
    # The lab measures loopback and named servers directly: a proxy of the environment would be measured too.
    with httpx2.Client(timeout=timeout_s, trust_env=False) as client:
        try:
            return _session(client, url) if wire == "session" else _stateless(client, url)
        except httpx2.HTTPError as error:
            raise TargetError(
                f"an MCP server was expected at {url}; the request failed: {error or type(error).__name__}",
                "Start the server, or correct --server-url.",
            ) from error


class _Caller:
    """Sends JSON-RPC messages with the headers that have been agreed on so far."""

    def __init__(self, client: httpx2.Client, url: str) -> None:
        self._client = client
        self._url = url
        self._last_id = 0
        self.headers = {"Accept": _ACCEPT}

    def request(self, method: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], httpx2.Headers]:
        self._last_id += 1
        message = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        response = self._client.post(self._url, json=message, headers=self.headers)
        return _result(response, method), response.headers

    def notify(self, method: str) -> None:
        self._client.post(self._url, json={"jsonrpc": "2.0", "method": method}, headers=self.headers)

    def delete_session(self) -> None:
        self._client.delete(self._url, headers=self.headers)

    def tools(self, params: Mapping[str, Any]) -> Iterator[str]:
        cursor: str | None = None
        for _ in range(100):  # a server whose cursor never ends must not hold the lab
            result, _headers = self.request("tools/list", {**params, "cursor": cursor} if cursor else params)
            yield from (str(tool.get("name")) for tool in result.get("tools", []))
            cursor = result.get("nextCursor")
            if not cursor:
                return


def _session(client: httpx2.Client, url: str) -> Handshake:
    caller = _Caller(client, url)
    began = time.perf_counter()
    params = {"protocolVersion": SESSION_REVISION, "capabilities": {}, "clientInfo": _CLIENT_INFO}
    info, headers = caller.request("initialize", params)
    duration_s = time.perf_counter() - began
    caller.headers["MCP-Protocol-Version"] = str(info.get("protocolVersion", SESSION_REVISION))
    session_id = headers.get("mcp-session-id")
    if session_id is None:  # servers may do without sessions on this wire
        return _handshake(url, "session", info.get("serverInfo"), tuple(sorted(caller.tools({}))), duration_s)
    caller.headers["Mcp-Session-Id"] = session_id
    try:
        caller.notify("notifications/initialized")
        tools = tuple(sorted(caller.tools({})))
    finally:
        caller.delete_session()
    return _handshake(url, "session", info.get("serverInfo"), tools, duration_s)


def _stateless(client: httpx2.Client, url: str) -> Handshake:
    caller = _Caller(client, url)
    began = time.perf_counter()
    params = {
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": STATELESS_REVISION,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": _CLIENT_INFO,
        }
    }
    caller.headers |= {"MCP-Protocol-Version": STATELESS_REVISION, "Mcp-Method": "server/discover"}
    info, _headers = caller.request("server/discover", params)
    duration_s = time.perf_counter() - began
    caller.headers["Mcp-Method"] = "tools/list"
    tools = tuple(sorted(caller.tools(params)))
    return _handshake(url, "stateless", _server_info(info), tools, duration_s)


def _server_info(discovered: Mapping[str, Any]) -> Any:
    # Revision 2026-07-28 carries the identity in the result's _meta.
    meta = discovered.get("_meta")
    in_meta = meta.get("io.modelcontextprotocol/serverInfo") if isinstance(meta, dict) else None
    return in_meta or discovered.get("serverInfo")


def _handshake(url: str, wire: Wire, info: Any, tools: tuple[str, ...], duration_s: float) -> Handshake:
    info = info if isinstance(info, dict) else {}
    name, version = str(info.get("name", "")), str(info.get("version", ""))
    return Handshake(url, wire, name, version, tools, duration_s)


def _result(response: httpx2.Response, method: str) -> dict[str, Any]:
    message = _message(response)
    result = message.get("result") if isinstance(message, dict) else None
    if response.status_code != httpx2.codes.OK or not isinstance(result, dict):
        raise TargetError(
            f"{method} at {response.request.url} expects status 200 and a JSON-RPC result; "
            f"status {response.status_code} came with {response.text[:300]!r}",
            "Is this the MCP endpoint (often …/mcp), and does it speak this wire? Try the other with --wire.",
        )
    return result


def _message(response: httpx2.Response) -> Any:
    text = response.text
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        text = _last_event_data(text)
    try:
        return json.loads(text)
    except ValueError:
        return None


def _last_event_data(stream: str) -> str:
    """Return the data of the last event: notifications may come before the response."""
    events: list[list[str]] = [[]]
    for line in stream.splitlines():
        if not line:
            events.append([])
        elif line.startswith("data:"):
            events[-1].append(line.removeprefix("data:").removeprefix(" "))
    return next(("\n".join(data) for data in reversed(events) if data), "")
