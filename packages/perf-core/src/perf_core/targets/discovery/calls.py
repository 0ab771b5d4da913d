"""Calls on an idle server, each with a time limit: an answer, or the reason why there is none."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import httpx2

from perf_core.adapter import Wire
from perf_core.errors import RequestRefused, TargetError
from perf_core.load.answers import is_result_of
from perf_core.server.client.connection import Client, connect
from perf_core.server.credentials.access import Access

Outcome = Literal["answered", "refused", "silent", "asks", "lost"]

USERS = 3
"""Sessions from which each call is made: an answer that differs between them is not expected under load."""

_SESSION_GONE = frozenset({400, 401, 404})
_BUSY = frozenset({429, 503})
_PAUSES_S = (0.5, 1.0, 2.0)
"""Pauses before calls that a server put off are repeated: a rate limit must not look like a broken tool."""


@dataclass(frozen=True)
class Answer:
    """Outcome of one call.

    Attributes:
        outcome: ``answered`` with a result, which may be an error of the tool; ``refused`` with a JSON-RPC
            error or an HTTP status; ``silent`` until the time limit; ``asks`` if the server sent a request of
            its own first; ``lost`` if the connection failed.
        result: The result without the ``_meta`` of the protocol; empty without one.
        problem: Why there is no useful result: the error of the tool, its refusal, the request.
        ended_at: Time at which it was there.
    """

    outcome: Outcome
    took_s: float
    result: Mapping[str, Any]
    problem: str = ""
    ended_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_right(self) -> bool:
        """Whether there is a result that is no error."""
        return self.outcome == "answered" and not self.problem


@dataclass(frozen=True)
class Reach:
    """Address of a server, and the access and patience of its users.

    Attributes:
        call_limit_s: Longest time of a call.
        open_limit_s: Longest time to open a session, which on stdio is the start of a process.
    """

    url: str
    wire: Wire
    access: Access
    call_limit_s: float
    open_limit_s: float


class User:
    """One client with a session of its own, opened when it is first needed and again when it was lost."""

    def __init__(self, reach: Reach) -> None:
        self.access = reach.access
        self._reach = reach
        self._client: Client | None = None
        self._open = contextlib.ExitStack()

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Call a tool. A session that the server has forgotten is opened again, once.

        Raises:
            TargetError: No session can be opened.
        """
        is_fresh = self._client is None
        answer, status = self._call(tool, arguments)
        for pause_s in _PAUSES_S if status in _BUSY else ():
            time.sleep(pause_s)
            answer, status = self._call(tool, arguments)
            if status not in _BUSY:
                break
        if not is_fresh and (answer.outcome == "lost" or status in _SESSION_GONE):
            self.close()
            answer, _ = self._call(tool, arguments)
        if answer.outcome in {"silent", "lost", "asks"}:
            # The server may still be busy with that call, or wait for a reply.
            self.close()
        return answer

    def _call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[Answer, int | None]:
        client = self.client()
        before = len(client.server_methods)
        began = time.perf_counter()
        try:
            result = client.call(tool, arguments)
        except httpx2.TimeoutException:
            problem = f"it did not answer within {self._reach.call_limit_s:.3g} s"
            return Answer("silent", time.perf_counter() - began, {}, problem), None
        except httpx2.HTTPError as error:
            problem = f"the connection failed: {str(error) or type(error).__name__}"
            return Answer("lost", time.perf_counter() - began, {}, problem), None
        except RequestRefused as error:
            if error.status == httpx2.codes.UNAUTHORIZED:
                for identity in self.access.identities:
                    identity.refused()
            return Answer("refused", time.perf_counter() - began, {}, error.message), error.status
        took_s = time.perf_counter() - began
        methods = client.server_methods[before:]
        if methods:
            return Answer("asks", took_s, {}, f"it sends the request {methods[0]} during its call"), None
        content = {name: value for name, value in result.items() if name != "_meta"}
        return Answer("answered", took_s, content, _problem_of(content)), None

    def client(self) -> Client:
        """Return the client in its session.

        Raises:
            TargetError: The handshake fails.
        """
        if self._client is None:
            reach = self._reach
            with contextlib.ExitStack() as stack:
                connection = connect(reach.url, reach.wire, reach.open_limit_s, access=reach.access)
                self._client = stack.enter_context(connection)
                self._client.limit_requests(reach.call_limit_s)
                self._open = stack.pop_all()
        return self._client

    def close(self) -> None:
        """Delete the session; a server that does not answer that is left alone."""
        self._client = None
        with contextlib.suppress(TargetError, httpx2.HTTPError):
            self._open.close()


def _problem_of(result: Mapping[str, Any]) -> str:
    """Return why a result is no useful answer; empty if it is one."""
    if not is_result_of("tools/call", result):
        return "its result has no list of content blocks, as MCP requires"
    try:
        json.dumps(result, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        return f"its result is not JSON that can be written: {error}"
    return error_text(result)


def error_text(result: Mapping[str, Any]) -> str:
    """Return the text of a tool's error; empty for a result that is none."""
    if result.get("isError") is not True:
        return ""
    return next(texts_of(result), "") or "isError without a text"


def texts_of(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a tool's result."""
    content = result.get("content")
    for block in content if isinstance(content, list) else []:
        if isinstance(block, Mapping) and block.get("type") == "text" and isinstance(block.get("text"), str):
            yield block["text"]


def users_of(reach: Reach, count: int = USERS) -> tuple[User, ...]:
    """Return the users of whom each call is asked, each with an identity of its own if there are several."""
    identities = reach.access.users
    own = [(identities[number % len(identities)],) if identities else () for number in range(count)]
    return tuple(User(replace(reach, access=replace(reach.access, identities=each))) for each in own)
