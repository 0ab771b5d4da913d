"""One MCP connection of the probe, which notes when each event of a stream arrives.

Source: the MCP specification, revision 2025-11-25: basic utilities (progress) and transports ("Sending
messages to the server", "Listening for messages from the server").
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from perf_core.adapter import Step, Wire
from perf_core.errors import TargetError
from perf_core.load.probe.observations import HeldStream, ProbedCall, StreamEnd
from perf_core.server.client.messages import ACCEPT, CLIENT_INFO, request_message
from perf_core.server.client.replies import input_methods, is_request, needs_user, reply_to
from perf_core.server.credentials.access import STATELESS_REVISION, Access
from perf_core.server.credentials.bounded_transport import LARGEST_ANSWER_BYTES
from perf_core.server.credentials.masking import cut, masked_url

_SHOWN_CHARACTERS = 200

MOST_REOPENED = 20
"""Times for which a held stream that ended is opened again."""

_REOPENED_AFTER_S = 1.0
"""Pause before that, unless the server states another one (``retry``)."""

_SHORTEST_PAUSE_S = 0.1

_TIMING_CHARACTERS = 1_000

_LONGEST_RETRY_MS = 3_600_000
"""Longest pause that a server may state; numbers without end do not fit into a float."""


@dataclass
class _Arrivals:
    """Messages that have arrived during one call."""

    began: float
    events_s: list[float] = field(default_factory=list)
    progress: int = 0
    server_methods: list[str] = field(default_factory=list)
    sent_s: float = 0.0
    head_s: float | None = None
    server_timing: str = ""

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """Note when the connection sends the request, which may have to be opened before."""
        if event.endswith("send_request_headers.started"):
            self.sent_s = time.perf_counter() - self.began

    def note_head(self, response: httpx2.Response) -> None:
        """Note the head of the answer."""
        self.head_s = time.perf_counter() - self.began
        if not _is_stream(response):
            self.server_timing = response.headers.get("server-timing", "")[:_TIMING_CHARACTERS]

    def note(self, message: Any) -> None:
        """Note a message before the answer."""
        self.events_s.append(time.perf_counter() - self.began)
        if isinstance(message, Mapping) and message.get("method") == "notifications/progress":
            self.progress += 1


class Connection:
    """A connection to a server, with a session if the wire has sessions.

    Args:
        http: Client with which to send; its own limit of time is one for each read.
        timeout_s: Longest time until an answer is complete.
    """

    def __init__(
        self, http: httpx2.AsyncClient, url: str, wire: Wire, access: Access, timeout_s: float
    ) -> None:
        self.held: list[HeldStream] = []
        self._http = http
        self._url = url
        self._wire = wire
        self._access = access
        self._timeout_s = timeout_s
        self._numbers = itertools.count(1)
        self._session: dict[str, str] = {}
        self._calls: dict[str, _Arrivals] = {}

    async def open(self) -> None:
        """Perform the handshake.

        Raises:
            httpx2.HTTPError: Nothing answers there, or not with success.
            TargetError: The answer is not an MCP handshake.
        """
        if self._wire == "stateless":
            self._session = {"MCP-Protocol-Version": STATELESS_REVISION}
            return
        revision = self._access.revision
        # A client that declares no capabilities, as k6 is: a server asks it nothing.
        params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": CLIENT_INFO}
        message, headers = self._message("initialize", params)
        async with self._http.stream("POST", self._url, json=message, headers=headers) as response:
            response.raise_for_status()
            session_id = response.headers.get("mcp-session-id")
            answer = None
            async with contextlib.aclosing(_messages(response)) as events:
                async for event in events:
                    if _is_answer(event, message["id"]):
                        answer = event
                        break
        if answer is None or not isinstance(answer.get("result"), dict):
            raise TargetError(f"expected a result of initialize at {masked_url(self._url)}, got none")
        self._session = {"MCP-Protocol-Version": str(answer["result"].get("protocolVersion", revision))}
        if session_id is not None:
            self._session["Mcp-Session-Id"] = session_id
        initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await self._http.post(self._url, json=initialized, headers=self._headers())

    async def call(self, step: Step) -> tuple[ProbedCall, Mapping[str, Any]]:
        """Send a request with a progress token; return when what arrived, and the result or an empty one."""
        token = f"probe-{next(self._numbers)}"
        message, headers = self._message_of(step, progress_token=token)
        at_s = time.time()
        arrivals = self._calls[token] = _Arrivals(time.perf_counter())
        size_bytes, problem, answer, total_s = 0, "", None, None
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream(
                    "POST", self._url, json=message, headers=headers, extensions={"trace": arrivals.trace}
                ) as response,
                contextlib.aclosing(_messages(response)) as events,
            ):
                arrivals.note_head(response)
                async for event in events:
                    size_bytes = response.num_bytes_downloaded
                    if _is_answer(event, message["id"]):
                        answer, total_s = event, time.perf_counter() - arrivals.began
                        break
                    await self._before_the_answer(event, arrivals)
                problem = _problem_of(answer, response.status_code)
        except TimeoutError:
            problem = f"no answer within {self._timeout_s:g} s"
        except httpx2.HTTPError as error:
            problem = f"no answer: {str(error) or type(error).__name__}"
        finally:
            del self._calls[token]
        result = answer.get("result") if answer else None
        result = result if isinstance(result, dict) else {}
        call = ProbedCall(
            tool=step.tool,
            at_s=at_s,
            events_s=tuple(arrivals.events_s),
            progress=arrivals.progress,
            server_methods=(*arrivals.server_methods, *input_methods(result)),
            total_s=total_s,
            size_bytes=size_bytes,
            problem=problem,
            sent_s=arrivals.sent_s,
            head_s=arrivals.head_s,
            server_timing=arrivals.server_timing,
        )
        return call, result

    async def read_slowly(
        self, http: httpx2.AsyncClient, step: Step, bytes_per_s: float, limit_s: float
    ) -> tuple[float, int, bool]:
        """Send a request and read its answer slowly; return seconds, bytes and whether it is whole.

        Args:
            http: Client with a connection of its own.
        """
        message, headers = self._message_of(step)
        http.cookies.update(self._http.cookies)
        began = time.perf_counter()
        size_bytes, is_whole = 0, False
        with contextlib.suppress(TimeoutError, httpx2.HTTPError):
            async with (
                asyncio.timeout(limit_s),
                http.stream("POST", self._url, json=message, headers=headers) as response,
            ):
                async for piece in response.aiter_raw():
                    size_bytes += len(piece)
                    # By the clock: a pause for each piece would add up the time that pauses are late.
                    due_s = began + size_bytes / bytes_per_s
                    await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
                is_whole = True
        return time.perf_counter() - began, size_bytes, is_whole

    async def hold(self, accepted: asyncio.Event) -> None:
        """Hold a GET stream, and open it again when it ends, until the task is cancelled.

        Each stream that ended is in ``held`` afterwards. A stream that is refused is not opened again.

        Args:
            accepted: Set as soon as the server has answered a request with status 200.
        """
        last_event_id = ""
        for _ in range(1 + MOST_REOPENED):
            opened_at_s, began = time.time(), time.perf_counter()
            end: StreamEnd = "unanswered"
            status = events = 0
            retry_s = _REOPENED_AFTER_S
            headers = {**self._headers(), "Accept": "text/event-stream"}
            if last_event_id:
                headers["Last-Event-ID"] = last_event_id
            try:
                async with self._http.stream("GET", self._url, headers=headers) as response:
                    status, end = response.status_code, "refused"
                    if _is_stream(response):
                        end = "open"
                        accepted.set()
                        async for event in httpx2.EventSource(response, LARGEST_ANSWER_BYTES):
                            events += 1
                            # It becomes a header.
                            if event.id.isascii() and event.id.isprintable():
                                last_event_id = event.id or last_event_id
                            retry_s = (
                                retry_s if event.retry is None else min(event.retry, _LONGEST_RETRY_MS) / 1000
                            )
                            await self._beside_calls(_json(event.data))
                        end = "closed"
            except httpx2.HTTPError:
                end = "dropped"
            finally:
                self.held.append(HeldStream(opened_at_s, time.perf_counter() - began, end, status, events))
            if end == "refused":
                return
            await asyncio.sleep(max(retry_s, _SHORTEST_PAUSE_S))

    async def close(self) -> None:
        """Delete the session, if there is one."""
        if "Mcp-Session-Id" in self._session:
            await self._http.delete(self._url, headers=self._headers())

    async def _before_the_answer(self, event: Any, arrivals: _Arrivals) -> None:
        arrivals.note(event)
        if is_request(event):
            if needs_user(event):
                arrivals.server_methods.append(str(event["method"]))
            await self._reply(event)

    async def _beside_calls(self, event: Any) -> None:
        """Take note of a message on a held stream, which some servers use for the progress of calls."""
        if is_request(event):
            await self._reply(event)
        params = event.get("params") if isinstance(event, dict) else None
        token = params.get("progressToken") if isinstance(params, dict) else None
        if isinstance(token, str) and token in self._calls:
            self._calls[token].note(event)

    async def _reply(self, request: Mapping[str, Any]) -> None:
        reply = reply_to(request, self._access.answers)
        await self._http.post(self._url, json=reply, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Accept": ACCEPT, **self._access.own_headers(), **self._session}

    def _message_of(self, step: Step, **options: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the request of a step; those of other methods than ``tools/call`` have their parameters."""
        params: dict[str, Any] = dict(step.arguments)
        if step.method == "tools/call":
            params = {"name": step.tool, "arguments": params}
        name = params.get("name", params.get("uri"))
        return self._message(step.method, params, **({"name": str(name)} if name else {}), **options)

    def _message(
        self, method: str, params: Mapping[str, Any], **options: Any
    ) -> tuple[dict[str, Any], dict[str, str]]:
        message, headers = request_message(next(self._numbers), method, params, self._wire, **options)
        return message, {**self._headers(), **headers}


def _is_stream(response: httpx2.Response) -> bool:
    content_type: str = response.headers.get("content-type", "")
    return response.status_code == httpx2.codes.OK and content_type.startswith("text/event-stream")


def _is_answer(message: Any, number: int) -> bool:
    return isinstance(message, dict) and message.get("id") == number and "method" not in message


async def _messages(response: httpx2.Response) -> AsyncGenerator[Any, None]:
    """Yield the JSON value of each event, or that of the whole body; None for what is not JSON."""
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        yield _json(await response.aread())
        return
    async for event in httpx2.EventSource(response, LARGEST_ANSWER_BYTES):
        # An event without data only carries an id, from which a client can resume.
        if event.data:
            yield _json(event.data)


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _problem_of(answer: Mapping[str, Any] | None, status: int) -> str:
    """Return what is wrong with an answer, or an empty text."""
    if answer is None:
        return f"status {status} without an answer"
    error, result = answer.get("error"), answer.get("result")
    if isinstance(error, dict):
        return f"JSON-RPC error {error.get('code')}: {cut(str(error.get('message')), _SHOWN_CHARACTERS)}"
    if not isinstance(result, dict):
        return "neither a result nor an error"
    if result.get("isError"):
        return f"isError: {cut(json.dumps(result.get('content')), _SHOWN_CHARACTERS)}"
    return ""
