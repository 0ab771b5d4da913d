"""Requests given to servers: one server for each session, for each connection without one, or for all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from perf_core.server.bridge.http_connection import Connection, Head
from perf_core.server.bridge.messages import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MessageError,
    Request,
    error_answer,
    read_request,
)
from perf_core.server.bridge.prepared import (
    Prepared,
    PreparedUpstreams,
    client_name,
    leaves_as_new,
    offer_of,
)
from perf_core.server.bridge.upstreams import (
    INITIALIZED,
    NoAnswer,
    SharedUpstream,
    Start,
    Upstream,
    answer_of,
    is_result,
    start_with,
)

_SESSION_NOT_FOUND = -32001
"""Code that the official SDKs use."""

_STATELESS_SINCE = b"2026-07-28"
"""First protocol revision without sessions; revisions are dates, so that they can be compared as text."""

_DELETE_WAIT_S = 2.0
"""Longest wait of a DELETE for the end of the child: clients on stdio wait for it, too."""

_INITIALIZE = "initialize"
_NOT_SHARED = frozenset({INITIALIZED, "notifications/cancelled"})
"""Notifications that a shared child does not get: the first client has initialized it, and the id of a
cancelled request is not the one that the child knows."""

MAX_BACKLOG_BYTES = 64 * 2**20
"""Bytes that a child has not read, beyond which further requests to it are refused."""


class Service:
    """Answers the MCP requests at one path.

    Args:
        shared: Whether one upstream serves all clients.
        kept_client: Name of the client whose upstreams are kept for the next one if they are still as new:
            the lab's own, for which the start of a process is no figure. Empty for none.
    """

    def __init__(self, start: Start, *, shared: bool, kept_client: str = "") -> None:
        self._start = start
        self._sessions: dict[bytes, Upstream] = {}
        self._by_connection: dict[Connection, Upstream] = {}
        self._opening: dict[Connection, Upstream] = {}
        self._shared = SharedUpstream(start) if shared else None
        self._prepared = PreparedUpstreams(start)
        self._kept_client = kept_client
        self._as_new: dict[bytes, Prepared] = {}
        self._initialized: set[Upstream] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, connection: Connection, head: Head, body: bytes) -> None:
        """Answer a request, now or later."""
        if head.method == b"POST":
            try:
                request = read_request(body)
            except MessageError as error:
                connection.respond(400, error_answer(b"", error.code, str(error)))
                return
            self._post(connection, head, request)
        elif head.method == b"DELETE":
            self._delete(connection, head)
        else:
            problem = f"the bridge answers POST and DELETE, not {head.method.decode('latin-1')}"
            answer = error_answer(b"", METHOD_NOT_FOUND, problem)
            connection.respond(405, answer, {"allow": "POST, DELETE"})

    def prepare(self, connection: Connection, body: bytes) -> None:
        """Start servers for later sessions; the answer has the seconds that each took.

        Args:
            body: JSON with the ``count`` of servers, the message ``initialize`` of their clients, and the
                longest time that each may take, ``each_s``.
        """
        document = json.loads(body)
        request = read_request(json.dumps(document["initialize"]).encode())
        count, each_s = int(document["count"]), float(document["each_s"])
        self._run(self._prepare(connection, request, count, each_s))

    def disconnected(self, connection: Connection) -> None:
        """End what only this client used."""
        for table in (self._by_connection, self._opening):
            upstream = table.pop(connection, None)
            if upstream is not None:
                self._run(upstream.end())

    async def close(self) -> None:
        """End all upstreams."""
        upstreams = {*self._sessions.values(), *self._by_connection.values(), *self._opening.values()}
        upstreams |= set(self._prepared.all())
        if self._shared is not None and self._shared.upstream is not None:
            upstreams.add(self._shared.upstream)
        await asyncio.gather(*(upstream.end() for upstream in upstreams))
        # Their tasks hold what was being started meanwhile.
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _post(self, connection: Connection, head: Head, request: Request) -> None:
        session_id = head.session_id
        if session_id is not None:
            upstream = self._sessions.get(session_id)
            if upstream is None or not upstream.runs:
                reason = "expected a session that is open, got "
                reason += upstream.failure() if upstream else "an id that is unknown or was deleted"
                connection.respond(404, error_answer(request.raw_id, _SESSION_NOT_FOUND, reason))
                if upstream is not None:
                    # Its client opens another one. A server may lose one with each call.
                    del self._sessions[session_id]
                    self._as_new.pop(session_id, None)
                    self._initialized.discard(upstream)
                    self._run(upstream.end())
                return
            upstream.take_headers(head.headers)
            if self._as_new:
                self._note_use(session_id, request.method)
            self._pass_on(connection, upstream, request)
        elif request.method == _INITIALIZE and request.key is not None:
            self._run(self._open(connection, head, request))
        elif head.headers.get(b"mcp-protocol-version", b"") < _STATELESS_SINCE:
            problem = "expected the header Mcp-Session-Id of an open session, got none"
            connection.respond(400, error_answer(request.raw_id, INVALID_REQUEST, problem))
        elif (own := self._by_connection.get(connection)) is not None and own.runs:
            own.take_headers(head.headers)
            self._pass_on(connection, own, request)
        else:
            self._run(self._first_of_connection(connection, head, request))

    def _note_use(self, session_id: bytes, method: str) -> None:
        """Take note of a message after which an upstream may no longer be as new."""
        prepared = self._as_new.get(session_id)
        if prepared is None:
            return
        if method == INITIALIZED:
            self._as_new[session_id] = replace(prepared, is_initialized=True)
        elif not leaves_as_new(method):
            del self._as_new[session_id]

    def _pass_on(self, connection: Connection, upstream: Upstream, request: Request) -> None:
        channel = upstream.channel
        if upstream.backlog_bytes > MAX_BACKLOG_BYTES:
            problem = f"the server has not read the last {MAX_BACKLOG_BYTES // 2**20} MiB"
            connection.respond(503, error_answer(request.raw_id, INTERNAL_ERROR, problem))
        elif request.key is None:
            is_known = self._initialized and upstream in self._initialized and request.method == INITIALIZED
            if not is_known and (self._shared is None or request.method not in _NOT_SHARED):
                channel.notify(request)
            connection.accepted()
        elif channel.is_pending(request):
            problem = "expected an id that no unanswered request of this session has"
            connection.respond(400, error_answer(request.raw_id, INVALID_REQUEST, problem))
        else:
            connection.waiting_on = channel, channel.request(request, connection)

    async def _open(self, connection: Connection, head: Head, request: Request) -> None:
        """Answer `initialize` and open a session."""
        began = time.monotonic()
        prepared: Prepared | None = None
        try:
            if self._shared is not None:
                answer = await self._shared.initialize(head.headers, request)
                upstream = self._shared.upstream
            elif (taken := self._prepared.take(request)) is not None:
                prepared, answer = taken
                upstream = prepared.upstream
            else:
                upstream = await self._started(connection, head, self._opening)
                answer = await answer_of(upstream, request)
        except NoAnswer as error:
            self._opening.pop(connection, None)
            answer = error.answer or error_answer(request.raw_id, INTERNAL_ERROR, str(error))
            connection.fail(error.status, answer)
            return
        self._opening.pop(connection, None)
        if connection.is_closed or upstream is None:
            if upstream is not None and self._shared is None:
                await upstream.end()
            return
        if not is_result(answer):
            connection.answer(answer)
            if self._shared is None:
                await upstream.end()
            return
        session_id = secrets.token_hex(16)
        self._sessions[session_id.encode()] = upstream
        if self._kept_client and client_name(request) == self._kept_client:
            started_s = time.monotonic() - began
            self._as_new[session_id.encode()] = prepared or Prepared(
                offer_of(request), upstream, answer, started_s
            )
        if prepared is not None and prepared.is_initialized:
            self._initialized.add(upstream)
        connection.respond(200, answer, {"mcp-session-id": session_id})

    async def _prepare(self, connection: Connection, request: Request, count: int, each_s: float) -> None:
        durations_s = await self._prepared.prepare(request, count, each_s)
        connection.respond(200, json.dumps(durations_s).encode())

    async def _first_of_connection(self, connection: Connection, head: Head, request: Request) -> None:
        """Pass on the first request of a connection without sessions."""
        try:
            if self._shared is not None:
                upstream = await self._shared.started(head.headers)
            else:
                upstream = await self._started(connection, head, self._by_connection)
        except NoAnswer as error:
            connection.fail(error.status, error_answer(request.raw_id, INTERNAL_ERROR, str(error)))
            return
        if not connection.is_closed:
            self._pass_on(connection, upstream, request)

    async def _started(
        self, connection: Connection, head: Head, table: dict[Connection, Upstream]
    ) -> Upstream:
        """Start an upstream for a connection, and keep it in a table for as long as it is connected."""
        upstream = await start_with(self._start, head.headers)
        if connection.is_closed:
            await upstream.end()
            raise NoAnswer("the client has left")
        table[connection] = upstream
        return upstream

    def _delete(self, connection: Connection, head: Head) -> None:
        session_id = head.session_id
        upstream = self._sessions.pop(session_id, None) if session_id is not None else None
        prepared = self._as_new.pop(session_id, None) if session_id is not None else None
        if upstream is None:
            problem = "expected the id of an open session in Mcp-Session-Id"
            status = 400 if session_id is None else 404
            connection.respond(status, error_answer(b"", _SESSION_NOT_FOUND, problem))
        elif self._shared is not None:
            connection.respond(200, b"")
        elif prepared is not None and upstream.runs and not upstream.channel.pending:
            self._prepared.put(prepared)
            connection.respond(200, b"")
        else:
            self._initialized.discard(upstream)
            upstream.take_headers(head.headers)
            self._run(self._end_session(connection, upstream))

    async def _end_session(self, connection: Connection, upstream: Upstream) -> None:
        ending = asyncio.ensure_future(upstream.end())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(ending), _DELETE_WAIT_S)
        connection.respond(200, b"")
        await ending

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
