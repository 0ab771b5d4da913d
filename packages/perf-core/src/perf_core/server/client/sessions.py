"""Deletion of the sessions that a load left open."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx2

from perf_core.errors import TargetError
from perf_core.server.credentials.access import Access
from perf_core.server.credentials.http_client import http_client

_CONNECTIONS = 8
_REQUEST_TIMEOUT_S = 5.0
LONGEST_S = 30.0
"""Time for all deletions: a server that hangs must not hold up the lab."""


@dataclass(frozen=True)
class OpenSession:
    """A session that a client opened and did not close.

    Attributes:
        url: MCP endpoint that opened it.
        version: Protocol version that the server chose for it.
        identity: Index of the user that opened it in ``Access.users``; None for a server without any.
        cookies: Cookies of its client, as in their header: a load balancer may find its server by them.
    """

    id: str
    url: str
    version: str
    identity: int | None = None
    cookies: str = ""


@dataclass(frozen=True)
class Deletions:
    """Outcome of deleting sessions.

    Attributes:
        closed: Sessions that the server deleted.
        lost: Sessions that the server no longer had.
        failed: Sessions that it refused to delete, that it still served after it had deleted them, or about
            which it did not answer.
    """

    closed: int = 0
    lost: int = 0
    failed: int = 0


_PING = {"jsonrpc": "2.0", "id": 0, "method": "ping"}


def delete_sessions(
    sessions: Sequence[OpenSession], access: Access, longest_s: float = LONGEST_S
) -> Deletions:
    """Delete sessions, several at a time, for ``longest_s`` seconds at most, and count the outcomes."""
    if not sessions:
        return Deletions()
    deadline = time.monotonic() + longest_s
    with http_client(access, _REQUEST_TIMEOUT_S, max_connections=_CONNECTIONS, keeps_cookies=False) as http:

        def status_of(session: OpenSession) -> int:
            if time.monotonic() > deadline:
                return 0
            try:
                own = {} if session.identity is None else access.users[session.identity].headers()
                headers = {
                    **_with_cookies(own, session.cookies),
                    "Mcp-Session-Id": session.id,
                    "MCP-Protocol-Version": session.version,
                }
                status = http.delete(session.url, headers=headers).status_code
                return 0 if httpx2.codes.is_success(status) and _is_served(http, session, headers) else status
            except (httpx2.HTTPError, TargetError, ValueError):
                # No answer, no new token, or an id that no header can carry.
                return 0

        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            statuses = list(pool.map(status_of, sessions))
    closed = sum(httpx2.codes.is_success(status) for status in statuses)
    lost = statuses.count(httpx2.codes.NOT_FOUND)
    return Deletions(closed, lost, len(statuses) - closed - lost)


def _with_cookies(headers: Mapping[str, str], cookies: str) -> dict[str, str]:
    """Return the headers of a user with further cookies."""
    both = [*(text for name, text in headers.items() if name.lower() == "cookie"), cookies]
    others = {name: text for name, text in headers.items() if name.lower() != "cookie"}
    return {**others, "Cookie": "; ".join(filter(None, both))} if any(both) else others


def _is_served(http: httpx2.Client, session: OpenSession, headers: Mapping[str, str]) -> bool:
    """Return whether the server answers in a session that it has deleted; it must answer 404 then."""
    accept = {"Accept": "application/json, text/event-stream"}
    # Some servers answer with a stream, whose end need not be awaited.
    with http.stream("POST", session.url, json=_PING, headers={**headers, **accept}) as response:
        return response.is_success
