"""The workers of one server among themselves.

A session lives in the worker that opened it, and its id says which (`session_names`). A request of a session
can arrive at any worker, for a client's connections are spread over them; the one that gets it hands it to
the owner over a Unix socket in a folder that only this server's user can enter, and hands the answer back as
it comes. `/metrics` asks everybody.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpcore2
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.layers.refusals import refuse
from server_core.sdk.session_ids import SessionNames, session_in

_CONNECT_S: Final = 5.0
_METRICS_S: Final = 5.0
_IDLE_S: Final = 30.0
"""Less than the owner keeps idle connections: one that both use again and close at once loses a request."""

_BAD_GATEWAY: Final = -32603
_OF_THE_CONNECTION: Final = frozenset(
    {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"expect"}
)
"""Headers that are about one hop (RFC 9110, 7.6.1); the body is in one piece by now."""


@dataclass(frozen=True)
class Place:
    """Where a worker stands.

    Attributes:
        number: Its number, from 0.
        of: How many there are.
        folder: What they share: a Unix socket each.
        key: A secret of this server's processes.
    """

    number: int
    of: int
    folder: Path
    key: bytes

    def socket_of(self, number: int) -> Path:
        """Return the Unix socket at which a worker answers the others."""
        return self.folder / f"worker-{number}.sock"


class Peers:
    """The other workers.

    Args:
        place: This worker's.
    """

    def __init__(self, place: Place) -> None:
        self._pools = {
            number: httpcore2.AsyncConnectionPool(
                uds=str(place.socket_of(number)), max_connections=None, keepalive_expiry=_IDLE_S
            )
            for number in range(place.of)
            if number != place.number
        }

    def __contains__(self, number: int) -> bool:
        return number in self._pools

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()

    async def metrics(self) -> list[str]:
        """Return the other workers' own metrics as text; one that does not answer is left out."""
        found = await asyncio.gather(*map(self._metrics_of, self._pools))
        return [text for text in found if text is not None]

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

    async def hand_over(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a worker answer a request whose body is in one message."""
        arrived = await receive()
        if arrived["type"] != "http.request":
            return
        answering = asyncio.ensure_future(self._answer(number, scope, arrived.get("body", b""), send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            # Whichever is left has nothing to wait for: the answer is out, or nobody waits for it.
            answering.cancel()
            leaving.cancel()
            await asyncio.wait((answering, leaving))

    async def _answer(self, number: int, scope: Scope, body: bytes, send: Send) -> None:
        headers = [header for header in scope["headers"] if header[0] not in _OF_THE_CONNECTION]
        if not any(name == b"content-length" for name, _ in headers):
            headers.append((b"content-length", b"%d" % len(body)))
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        request = httpcore2.Request(
            scope["method"],
            httpcore2.URL(scheme=b"http", host=b"worker", port=None, target=scope["raw_path"] + query),
            headers=headers,
            content=body,
            extensions={"timeout": {"connect": _CONNECT_S}},
        )
        begun = False
        try:
            response = await self._pools[number].handle_async_request(request)
            try:
                begun = True
                await _pass_on(response, send)
            finally:
                await response.aclose()
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
            # The worker is gone, and its sessions with it; 404 makes a client open another one.
            await refuse(send, 404, "Session not found")
        except (httpcore2.NetworkError, httpcore2.ProtocolError):
            if begun:
                raise  # half an answer is out: the connection has to break
            await refuse(
                send,
                502,
                "The process that holds this session ended while it answered: open a new session.",
                code=_BAD_GATEWAY,
            )


async def _pass_on(response: httpcore2.Response, send: Send) -> None:
    headers = [
        (name.lower(), value)
        for name, value in response.headers
        if name.lower() not in _OF_THE_CONNECTION and name.lower() not in (b"date", b"server")
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    async for chunk in response.aiter_stream():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    """Return when the client has gone."""
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return


class Forwarding:
    """Answer requests of own sessions, and of none, through `app`; hand others to the workers that own them.

    Args:
        app: Gets what is this worker's.
        names: Read the ids.
        peers: The others.
        path: The MCP endpoint.
    """

    def __init__(self, app: ASGIApp, names: SessionNames, peers: Peers, path: str) -> None:
        self._app = app
        self._names = names
        self._peers = peers
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        owner = self._owner(scope)
        if owner is None:
            await self._app(scope, receive, send)
        else:
            await self._peers.hand_over(owner, scope, receive, send)

    def _owner(self, scope: Scope) -> int | None:
        """Return the other worker whose session a request is in."""
        if scope["type"] != "http" or scope["path"] != self._path:
            return None
        identity = session_in(scope)
        number = self._names.worker_of(identity) if identity is not None else None
        return number if number is not None and number in self._peers else None
