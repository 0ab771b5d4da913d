"""Requests that one worker forwards to another.

A session lives in the worker that opened it, and its id names that worker (`session_ids`). A client's
connections are spread over the workers, so its requests can arrive at any of them. A worker forwards a
request for another worker's session to its owner, over a Unix socket in a folder that only this server's user
can enter, and relays the response. `/metrics` collects the metrics of all workers the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import h11
import httpcore2
from starlette.types import ASGIApp, Receive, Scope, Send

from server_core.layers.paths import route_path
from server_core.layers.refusals import refuse
from server_core.sdk.session_ids import SessionIds, session_of

_logger = logging.getLogger(__name__)

_CONNECT_S: Final = 5.0
_METRICS_S: Final = 5.0
_IDLE_S: Final = 30.0
"""Shorter than the owner keeps idle connections, so that it never closes one just as it is used again."""

_BAD_GATEWAY: Final = -32603
_HOP_HEADERS: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Headers for one hop only, besides those that `Connection` names (RFC 9110, 7.6.1)."""

_BODY_HEADERS: Final = frozenset({b"content-length", b"expect"})
"""Headers about how a body arrives; it has been read completely by now."""


@dataclass(frozen=True)
class WorkerPlace:
    """A worker's position among the workers of a server.

    Workers are numbered from 0. `folder` has a Unix socket for each; `key` is a secret that only they have.
    """

    number: int
    count: int
    folder: Path
    key: bytes

    def socket_path(self, number: int) -> Path:
        """Return the Unix socket at which a worker answers the others."""
        return self.folder / f"worker-{number}.sock"


class Peers:
    """Connections to the other workers."""

    def __init__(self, place: WorkerPlace) -> None:
        self._pools = {
            number: httpcore2.AsyncConnectionPool(
                uds=str(place.socket_path(number)), max_connections=None, keepalive_expiry=_IDLE_S
            )
            for number in range(place.count)
            if number != place.number
        }

    def __contains__(self, number: int) -> bool:
        return number in self._pools

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()

    async def metrics(self) -> list[str]:
        """Return the other workers' metrics as text, without those that do not answer in time."""
        texts = await asyncio.gather(*map(self._metrics_of, self._pools))
        return [text for text in texts if text is not None]

    async def _metrics_of(self, number: int) -> str | None:
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), _METRICS_S)
        request = httpcore2.Request(
            "GET", "http://worker/metrics", headers={"host": "worker"}, extensions={"timeout": timeout}
        )
        with contextlib.suppress(httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError):
            response = await self._pools[number].handle_async_request(request)
            try:
                return (await response.aread()).decode()
            finally:
                await response.aclose()
        return None

    async def forward(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a worker answer a request whose body is in one message."""
        received = await receive()
        if received["type"] != "http.request":
            return
        response = asyncio.ensure_future(self._relay_response(number, scope, received.get("body", b""), send))
        disconnect = asyncio.ensure_future(_disconnect(receive))
        try:
            await asyncio.wait((response, disconnect), return_when=asyncio.FIRST_COMPLETED)
            if response.done():
                response.result()
        finally:
            # The response was sent, its client has disconnected, or the server cancels this request.
            response.cancel()
            disconnect.cancel()
            await asyncio.wait((response, disconnect))

    async def _relay_response(self, number: int, scope: Scope, body: bytes, send: Send) -> None:
        headers = [header for header in _end_to_end(scope["headers"]) if header[0] not in _BODY_HEADERS]
        if body:
            headers.append((b"content-length", b"%d" % len(body)))
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        request = httpcore2.Request(
            scope["method"],
            httpcore2.URL(scheme=b"http", host=b"worker", port=None, target=scope["raw_path"] + query),
            headers=headers,
            content=body,
            extensions={"timeout": {"connect": _CONNECT_S}},
        )
        started = False
        try:
            response = await self._pools[number].handle_async_request(request)
            try:
                started = True
                await _relay(response, send)
            finally:
                await response.aclose()
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
            # The worker has ended, and its sessions with it; 404 makes a client open another one.
            await refuse(send, 404, "Session not found")
        except (httpcore2.LocalProtocolError, h11.LocalProtocolError) as error:
            if started:
                raise
            await refuse(send, 400, f"Expected a request that can be passed on to another process: {error}")
        except (httpcore2.NetworkError, httpcore2.ProtocolError):
            if started:
                # A part has been sent, so the connection has to break, as it does when a response is left
                # incomplete.
                _logger.warning("worker %d ended in the middle of a response, which breaks off", number)
                return
            await refuse(
                send,
                502,
                "The process that holds this session ended while it answered: open a new session.",
                code=_BAD_GATEWAY,
            )


async def _relay(response: httpcore2.Response, send: Send) -> None:
    headers = [
        (name.lower(), value)
        for name, value in _end_to_end(response.headers)
        if name.lower() not in (b"date", b"server")
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    async for chunk in response.aiter_stream():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers that are not for one hop only."""
    pairs = list(headers)
    named = {
        option.strip()
        for name, value in pairs
        if name.lower() == b"connection"
        for option in value.lower().split(b",")
    }
    return [pair for pair in pairs if pair[0].lower() not in _HOP_HEADERS | named]


async def _disconnect(receive: Receive) -> None:
    """Return once the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Forwarding:
    """Forward requests to `path` for other workers' sessions to those workers; `app` answers all others."""

    def __init__(self, app: ASGIApp, session_ids: SessionIds, peers: Peers, path: str) -> None:
        self._app = app
        self._session_ids = session_ids
        self._peers = peers
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        owner = self._owner(scope)
        if owner is None:
            await self._app(scope, receive, send)
        else:
            await self._peers.forward(owner, scope, receive, send)

    def _owner(self, scope: Scope) -> int | None:
        """Return the number of the other worker that owns the request's session, None if none does."""
        if scope["type"] != "http" or route_path(scope) != self._path:
            return None
        session_id = session_of(scope)
        number = self._session_ids.worker_of(session_id) if session_id is not None else None
        return number if number is not None and number in self._peers else None
