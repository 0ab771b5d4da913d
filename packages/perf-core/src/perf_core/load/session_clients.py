"""Clients that open sessions, leave them, delete them, or send what a server must refuse.

Each client has a connection of its own, as clients of different users have, and closes it when it leaves. The
handshake is that of the official SDKs: ``initialize``, ``notifications/initialized``, and then a GET stream
for messages of the server.

Source: the MCP specification, revision 2025-11-25, lifecycle and transports.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx2

from perf_core.server.client.messages import ACCEPT, request_message
from perf_core.server.client.sessions import OpenSession
from perf_core.server.credentials.access import STATELESS_REVISION, Access
from perf_core.server.credentials.bounded_transport import LARGEST_ANSWER_BYTES
from perf_core.server.credentials.http_client import async_http_client
from perf_core.server.credentials.masking import cut

CLIENT_INFO = {"name": "perf-core sessions", "version": "1"}
"""Another name than that of the lab's other clients, whose processes the bridge keeps for the next."""

_EXCERPT_CHARACTERS = 200
_READ_CHARACTERS = 2000
_CONNECT_S = 5.0
_ASKS_TO_WAIT = frozenset({429, 503})
_PATIENCE = 3
"""Times that a request is sent again when the server asks to wait."""

_LONGEST_RETRY_S = 5.0


@dataclass(frozen=True)
class Reply:
    """Answer of a server to the last request of a client, or to the one that failed.

    Attributes:
        request: What was asked, in words.
        status: HTTP status; 0 without one.
        excerpt: Beginning of the body of a refusal, or the reason for which there was no answer.
        session: The session that was opened.
        error_code: Code of the JSON-RPC error in the answer; None without one.
    """

    request: str
    status: int
    excerpt: str = ""
    retry_after: str = ""
    session: OpenSession | None = None
    error_code: int | None = None

    @property
    def is_success(self) -> bool:
        """Whether the request was done."""
        return 200 <= self.status < 300 and self.error_code is None


class SessionClient:
    """One place at which clients come and go, one after the other, with one connection at a time."""

    def __init__(self, http: httpx2.AsyncClient, url: str, access: Access, timeout_s: float) -> None:
        self._http = http
        self._url = url
        self._access = access
        self._timeout_s = timeout_s
        self._numbers = itertools.count(1)
        self._put_off: list[Reply] = []

    def taken_put_off(self) -> list[Reply]:
        """Return the answers since the last time by which the server put a request off (429, 503)."""
        replies, self._put_off = self._put_off, []
        return replies

    async def open(self) -> Reply:
        """Open a session and leave: the connection is closed, the session is not."""
        opened = await self._initialize()
        if not opened.is_success:
            return opened
        accepted = await self._initialized(opened.session, leaves=True)
        return opened if accepted.is_success else replace(accepted, session=opened.session)

    async def refused_open(self) -> Reply:
        """Send ``initialize`` to a server that is expected to refuse it, and leave."""
        return await self._initialize(leaves=True, patience=0)

    async def open_and_delete(self) -> Reply:
        """Open a session, delete it, and leave."""
        opened = await self._initialize()
        if not opened.is_success or opened.session is None:
            return opened
        await self._initialized(opened.session)
        return replace(await self.delete(opened.session), session=opened.session)

    async def delete(self, session: OpenSession) -> Reply:
        """Delete a session and leave."""
        return await self._exchange("DELETE", "DELETE", None, session=session, leaves=True)

    async def ping(self, session: OpenSession | None, *, leaves: bool = True) -> Reply:
        """Send a ``ping`` in a session, which harms no server and costs it little."""
        message, _ = request_message(next(self._numbers), "ping", {}, "session")
        return await self._post("ping", message, session=session, leaves=leaves)

    async def ping_twice(self, session: OpenSession | None) -> Reply:
        """Send two pings over a new connection: as many requests as it takes to open a session."""
        first = await self.ping(session, leaves=False)
        return await self.ping(session) if first.status else first

    async def refused_twice(self, version: str) -> Reply:
        """Send two requests that a server must refuse: in a session that never was, and in none.

        Return the answer to the first, unless the second was let through.
        """
        invented = OpenSession(uuid.uuid4().hex, self._url, version)
        unknown = await self.ping(invented, leaves=False)
        message, _ = request_message(next(self._numbers), "tools/list", {}, "session")
        without = await self._post("tools/list", message, leaves=True, version=version)
        first = Reply("ping in an unknown session", unknown.status, unknown.excerpt)
        second = Reply("tools/list without a session", without.status, without.excerpt)
        return second if without.is_success else first

    async def list_twice(self) -> Reply:
        """Send ``server/discover`` and ``tools/list`` on the stateless wire over a new connection."""
        await self._stateless("server/discover", leaves=False)
        return await self._stateless("tools/list", leaves=True)

    async def unknown_twice(self) -> Reply:
        """Send two requests on the stateless wire whose method no server knows."""
        await self._stateless("lab/unknown", leaves=False)
        return await self._stateless("lab/unknown", leaves=True)

    async def _stateless(self, method: str, *, leaves: bool) -> Reply:
        message, headers = request_message(next(self._numbers), method, {}, "stateless")
        headers = {**headers, "MCP-Protocol-Version": STATELESS_REVISION}
        return await self._post(method, message, leaves=leaves, headers=headers)

    async def _initialized(self, session: OpenSession | None, *, leaves: bool = False) -> Reply:
        message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        return await self._post("notifications/initialized", message, session=session, leaves=leaves)

    async def _initialize(self, *, leaves: bool = False, patience: int = 1) -> Reply:
        params = {
            "protocolVersion": self._access.revision,
            "capabilities": self._access.answers.capabilities,
            "clientInfo": CLIENT_INFO,
        }
        message, _ = request_message(next(self._numbers), "initialize", params, "session")
        return await self._post("initialize", message, leaves=leaves, patience=patience)

    async def _post(
        self,
        request: str,
        message: Mapping[str, Any],
        *,
        session: OpenSession | None = None,
        leaves: bool = False,
        version: str = "",
        headers: Mapping[str, str] | None = None,
        patience: int = _PATIENCE,
    ) -> Reply:
        return await self._exchange(
            request,
            "POST",
            message,
            session=session,
            leaves=leaves,
            version=version,
            headers=headers,
            patience=patience,
        )

    async def _exchange(
        self,
        request: str,
        method: str,
        message: Mapping[str, Any] | None,
        *,
        session: OpenSession | None = None,
        leaves: bool = False,
        version: str = "",
        headers: Mapping[str, str] | None = None,
        patience: int = _PATIENCE,
    ) -> Reply:
        whole = {"Accept": ACCEPT, **self._access.own_headers(), **(headers or {})}
        if session is not None:
            whole |= headers_of(session)
        elif version:
            whole["MCP-Protocol-Version"] = version
        if leaves:
            whole["Connection"] = "close"
        reply = await self._once(request, method, message, whole)
        for _ in range(patience):
            if reply.status not in _ASKS_TO_WAIT:
                break
            # It may be a limit on requests, not on sessions: the same request is sent again.
            self._put_off.append(replace(reply, request=f"{request}, put off"))
            await asyncio.sleep(seconds_of(reply.retry_after))
            reply = await self._once(request, method, message, whole)
        return reply

    async def _once(
        self, request: str, method: str, message: Mapping[str, Any] | None, whole: Mapping[str, str]
    ) -> Reply:
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream(method, self._url, json=message, headers=dict(whole)) as response,
            ):
                number = message.get("id") if message is not None else None
                answer, body = await _answer_in(response, number)
                return self._reply(request, response, answer, body)
        except TimeoutError:
            return Reply(request, 0, f"no answer within {self._timeout_s:g} s")
        except httpx2.HTTPError as error:
            return Reply(request, 0, cut(str(error) or type(error).__name__, _EXCERPT_CHARACTERS))

    def _reply(self, request: str, response: httpx2.Response, answer: Any, body: str) -> Reply:
        status = int(response.status_code)
        error = answer.get("error") if isinstance(answer, dict) else None
        code = error.get("code") if isinstance(error, dict) else None
        is_refusal = status >= 300 or isinstance(error, dict)
        session = None
        result = answer.get("result") if isinstance(answer, dict) else None
        session_id = response.headers.get("mcp-session-id")
        if request == "initialize" and isinstance(result, dict) and session_id is not None:
            version = str(result.get("protocolVersion", self._access.revision))
            cookies = "; ".join(f"{name}={value}" for name, value in response.cookies.items())
            session = OpenSession(session_id, self._url, version, cookies=cookies)
        return Reply(
            request,
            status,
            cut(body, _EXCERPT_CHARACTERS) if is_refusal else "",
            response.headers.get("retry-after", ""),
            session,
            code if isinstance(code, int) else (0 if isinstance(error, dict) else None),
        )


def seconds_of(retry_after: str) -> float:
    """Return how long a server asks to wait, within reason; a second if it states no number."""
    try:
        return min(max(float(retry_after), 0.0), _LONGEST_RETRY_S)
    except ValueError:
        return 1.0


def headers_of(session: OpenSession) -> dict[str, str]:
    """Return the headers of requests in a session."""
    own = {"Mcp-Session-Id": session.id, "MCP-Protocol-Version": session.version}
    return {**own, "Cookie": session.cookies} if session.cookies else own


async def _answer_in(response: httpx2.Response, number: Any) -> tuple[Any, str]:
    """Return the JSON-RPC answer in a response, and the beginning of its body as text."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        if number is None:
            return None, ""
        async for event in httpx2.EventSource(response, LARGEST_ANSWER_BYTES):
            message = _json(event.data)
            if isinstance(message, dict) and message.get("id") == number and "method" not in message:
                return message, event.data[:_READ_CHARACTERS]
        return None, ""
    body = await response.aread()
    return _json(body), body[:_READ_CHARACTERS].decode("utf-8", "replace")


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class HeldStreams:
    """GET streams that are held until they are dropped all at once.

    Attributes:
        ended: Streams that the server ended.
    """

    def __init__(self, http: httpx2.AsyncClient, url: str, access: Access, timeout_s: float) -> None:
        self.ended = 0
        self._http = http
        self._url = url
        self._access = access
        self._timeout_s = timeout_s
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    async def hold(self, session: OpenSession) -> Reply:
        """Open the stream of a session and hold it."""
        accepted: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._hold(session, accepted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await accepted
        except TimeoutError:
            task.cancel()
            return Reply("GET stream", 0, f"no answer within {self._timeout_s:g} s")

    async def vanish(self, session: OpenSession) -> Reply:
        """Open the stream of a session and close its connection at once, as a client does that ends."""
        try:
            async with asyncio.timeout(self._timeout_s), self._request(session) as response:
                return await _accepted(response)
        except TimeoutError:
            return Reply("GET stream", 0, f"no answer within {self._timeout_s:g} s")
        except httpx2.HTTPError as error:
            return Reply("GET stream", 0, cut(str(error) or type(error).__name__, _EXCERPT_CHARACTERS))

    async def drop(self) -> None:
        """Close all connections, as clients do that end without a word."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hold(self, session: OpenSession, accepted: asyncio.Future[Reply]) -> None:
        try:
            async with self._request(session) as response:
                reply = await _accepted(response)
                _set(accepted, reply)
                if not reply.is_success:
                    return
                async for _ in response.aiter_raw():
                    pass
            self.ended += 1
        except httpx2.HTTPError as error:
            self.ended += 1
            reason = cut(str(error) or type(error).__name__, _EXCERPT_CHARACTERS)
            _set(accepted, Reply("GET stream", 0, reason))

    def _request(self, session: OpenSession) -> AbstractAsyncContextManager[httpx2.Response]:
        headers = {**self._access.own_headers(), **headers_of(session), "Accept": "text/event-stream"}
        return self._http.stream("GET", self._url, headers=headers)


async def _accepted(response: httpx2.Response) -> Reply:
    """Return whether a server holds a stream; the body of a refusal is read."""
    status = int(response.status_code)
    if response.is_success and response.headers.get("content-type", "").startswith("text/event-stream"):
        return Reply("GET stream", status)
    body = (await response.aread()).decode("utf-8", "replace")
    return Reply("GET stream", status, cut(body, _EXCERPT_CHARACTERS), error_code=0)


def _set(future: asyncio.Future[Reply], reply: Reply) -> None:
    if not future.done():
        future.set_result(reply)


@dataclass(frozen=True)
class Clients:
    """Clients that come at the same time, and the streams that they hold."""

    places: tuple[SessionClient, ...]
    streams: HeldStreams


@asynccontextmanager
async def session_clients(
    url: str, access: Access, *, at_once: int, most_streams: int, timeout_s: float
) -> AsyncIterator[Clients]:
    """Yield clients, each with a connection of its own; all connections are closed afterwards.

    Args:
        at_once: Number of clients that come at the same time.
        most_streams: Most streams that are held at the same time.
        timeout_s: Longest time for one answer.

    Raises:
        UsageError: The file of certificates cannot be used.
    """
    async with AsyncExitStack() as stack:
        limit = httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s))
        places = []
        for _ in range(at_once):
            http = await stack.enter_async_context(async_http_client(access, limit))
            _forget_cookies(http)
            places.append(SessionClient(http, url, access, timeout_s))
        endless = httpx2.Timeout(None, connect=min(_CONNECT_S, timeout_s))
        stream_http = await stack.enter_async_context(
            async_http_client(access, endless, max_connections=most_streams)
        )
        _forget_cookies(stream_http)
        streams = HeldStreams(stream_http, url, access, timeout_s)
        try:
            yield Clients(tuple(places), streams)
        finally:
            await streams.drop()


def _forget_cookies(http: httpx2.AsyncClient) -> None:
    """Keep no cookies: each client is a new one, and those of a session go with its requests."""
    http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
