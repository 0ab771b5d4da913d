"""A small MCP client for both wires, for handshakes and contract tests; the load uses k6's own client.

Source: the MCP specification, revisions 2025-11-25 (lifecycle, streamable HTTP) and 2026-07-28
(``server/discover``, headers of each request).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from perf_core.adapter import Wire
from perf_core.errors import RequestRefused, TargetError
from perf_core.server.access import OPEN, SESSION_REVISION, STATELESS_REVISION, Access

_CLIENT_INFO = {"name": "perf-core", "version": "1"}
_PREFIX = "io.modelcontextprotocol/"
_META = {
    f"{_PREFIX}protocolVersion": STATELESS_REVISION,
    f"{_PREFIX}clientCapabilities": {},
    f"{_PREFIX}clientInfo": _CLIENT_INFO,
}
_MAX_PAGES = 100


class Client:
    """A connection to a server; :func:`connect` opens it, which sets ``server_info`` (name and version)."""

    def __init__(self, http: httpx2.Client, url: str, wire: Wire, access: Access = OPEN) -> None:
        self.server_info: Mapping[str, Any] = {}
        self._http = http
        self._url = url
        self._wire = wire
        self._last_id = 0
        self._revision = access.revision
        self._headers = {"Accept": "application/json, text/event-stream", **access.own_headers()}

    def tools(self) -> tuple[str, ...]:
        """Return the sorted names of the server's tools.

        Raises:
            TargetError: The answer does not conform to MCP.
        """
        return tuple(sorted(self._tool_names()))

    def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a tool and return its result unchanged.

        Raises:
            TargetError: The answer is not a JSON-RPC result.
        """
        return self._request("tools/call", {"name": tool, "arguments": dict(arguments)}, tool)

    def server_request(self, tool: str, arguments: Mapping[str, Any], wait_s: float) -> str:
        """Call a tool and return the method of the first request that the server sends during the call.

        Return an empty text if it sends none before its answer or within ``wait_s``. It gets no reply.

        Raises:
            TimeoutError: There is neither an answer nor a request within that time.
        """
        message, headers = self._message_of("tools/call", {"name": tool, "arguments": dict(arguments)}, tool)
        # The limit of the HTTP client is one for each read: progress could put it off for ever.
        deadline = time.monotonic() + wait_s
        try:
            with self._http.stream(
                "POST", self._url, json=message, headers=headers, timeout=wait_s
            ) as response:
                for line in response.iter_lines():
                    if time.monotonic() > deadline:
                        raise TimeoutError("the server sent neither an answer nor a request in time")
                    event = _json(line.removeprefix("data:")) if line.startswith("data:") else None
                    if isinstance(event, dict) and "id" in event:
                        return str(event.get("method", ""))
        except httpx2.TimeoutException as error:
            raise TimeoutError from error
        return ""

    def handshake(self) -> None:
        """Perform the handshake of the wire.

        Raises:
            TargetError: The answer does not conform to MCP.
        """
        if self._wire == "session":
            self._initialize()
        else:
            self._discover()

    def close(self) -> None:
        """Delete the session, if there is one."""
        if "Mcp-Session-Id" in self._headers:
            self._http.delete(self._url, headers=self._headers)

    def status_after_close(self) -> int | None:
        """Delete the session and return the HTTP status of a request that still uses it.

        Return None without a session, and if the server lets no client delete one.
        """
        if "Mcp-Session-Id" not in self._headers:
            return None
        if not self._http.delete(self._url, headers=self._headers).is_success:
            return None
        return self._post("ping", {}).status_code

    def _initialize(self) -> None:
        params = {"protocolVersion": self._revision, "capabilities": {}, "clientInfo": _CLIENT_INFO}
        response = self._post("initialize", params)
        info = _result(response, "initialize")
        self.server_info = info.get("serverInfo") or {}
        self._headers["MCP-Protocol-Version"] = str(info.get("protocolVersion", self._revision))
        session_id = response.headers.get("mcp-session-id")
        if session_id is not None:  # sessions are optional on this wire
            self._headers["Mcp-Session-Id"] = session_id
        message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        self._http.post(self._url, json=message, headers=self._headers)

    def _discover(self) -> None:
        self._headers["MCP-Protocol-Version"] = STATELESS_REVISION
        result = self._request("server/discover", {})
        # Revision 2026-07-28 has the server's identity in the result's _meta.
        meta = result.get("_meta") or {}
        self.server_info = meta.get(f"{_PREFIX}serverInfo") or result.get("serverInfo") or {}

    def _tool_names(self) -> Iterator[str]:
        cursor: str | None = None
        for _ in range(_MAX_PAGES):  # a server that always sends a next cursor must not block the lab
            result = self._request("tools/list", {"cursor": cursor} if cursor else {})
            yield from (str(tool.get("name")) for tool in result.get("tools", []))
            cursor = result.get("nextCursor")
            if not cursor:
                return

    def _request(self, method: str, params: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
        return _result(self._post(method, params, name), method)

    def _post(self, method: str, params: Mapping[str, Any], name: str | None = None) -> httpx2.Response:
        message, headers = self._message_of(method, params, name)
        return self._http.post(self._url, json=message, headers=headers)

    def _message_of(
        self, method: str, params: Mapping[str, Any], name: str | None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a request and its HTTP headers."""
        self._last_id += 1
        headers = dict(self._headers)
        if self._wire == "stateless":
            params = {**params, "_meta": _META}
            headers["Mcp-Method"] = method
            if name is not None:
                headers["Mcp-Name"] = _header_value(name)
        return {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}, headers


@contextmanager
def connect(
    url: str, wire: Wire, timeout_s: float = 10.0, *, access: Access = OPEN
) -> Iterator[Client]:
    """Yield a client after its handshake with the server at ``url``, and delete its session afterwards.

    Raises:
        TargetError: Nothing answers there, or the answer does not conform to MCP.
    """
    # Without the proxies of the environment, which would be measured too.
    with httpx2.Client(timeout=timeout_s, trust_env=False) as http:
        client = Client(http, url, wire, access)
        try:
            client.handshake()
            yield client
            client.close()
        except httpx2.HTTPError as error:
            raise TargetError(
                f"expected an MCP server at {url}, got no answer: {error or type(error).__name__}",
                "Start the server, or correct --server-url.",
            ) from error


def _header_value(name: str) -> str:
    if name.isascii() and name.isprintable() and name == name.strip():
        return name
    return f"=?base64?{base64.b64encode(name.encode()).decode()}?="


def _result(response: httpx2.Response, method: str) -> dict[str, Any]:
    message = _message(response)
    result = message.get("result") if isinstance(message, dict) else None
    if response.status_code != httpx2.codes.OK or not isinstance(result, dict):
        error = message.get("error") if isinstance(message, dict) else None
        raise RequestRefused(
            f"{method} at {response.request.url}: expected status 200 and a JSON-RPC result, "
            f"got status {response.status_code} and {response.text[:300]!r}",
            "Check that this is the MCP endpoint (often …/mcp), or try the other wire with --wire.",
            status=response.status_code,
            code=error.get("code") if isinstance(error, dict) else None,
        )
    return result


def _message(response: httpx2.Response) -> Any:
    text = response.text
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        text = _last_event_data(text)
    return _json(text)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _last_event_data(stream: str) -> str:
    """Return the data of the last event; earlier events may be notifications."""
    events: list[list[str]] = [[]]
    for line in stream.splitlines():
        if not line:
            events.append([])
        elif line.startswith("data:"):
            events[-1].append(line.removeprefix("data:").removeprefix(" "))
    return next(("\n".join(data) for data in reversed(events) if data), "")
