"""Ids of sessions, which say where the session lives when there is more than one place.

    4f0c…          one process
    2.4f0c…        worker 2
    a.2.4f0c…      worker 2 of the machine that its settings call `a`

A proxy in front of several machines, or a worker that gets another one's request, finds the place in the id.
Nothing depends on its being true: an id that no session has is answered 404 wherever it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Scope


@dataclass(frozen=True)
class SessionNames:
    """Makes and reads ids.

    Attributes:
        node: This machine; empty when there is one.
        worker: This process's number; None when there is one.
    """

    node: str = ""
    worker: int | None = None

    def new(self) -> str:
        """Return an id that nobody can guess."""
        return self._before_worker + ("" if self.worker is None else f"{self.worker}.") + uuid4().hex

    def worker_of(self, identity: bytes) -> int | None:
        """Return the worker that an id names, None when it names none of this machine."""
        before = self._before_worker.encode()
        if not identity.startswith(before):
            return None
        number, dot, _ = identity[len(before) :].partition(b".")
        return int(number) if dot and len(number) <= _MOST_DIGITS and number.isdigit() else None

    @property
    def _before_worker(self) -> str:
        return f"{self.node}." if self.node else ""

    def name_sessions_of(self, manager: StreamableHTTPSessionManager) -> None:
        """Let a manager's new sessions have such ids; its own know no place."""
        admit = manager._admit_session

        def admit_session(requestor: Any) -> StreamableHTTPServerTransport | None:
            transport = admit(requestor)
            if transport is not None:
                rename(manager, transport, self.new())
            return transport

        manager._admit_session = admit_session  # type: ignore[method-assign]


_MOST_DIGITS = 4


def session_in(scope: Scope) -> bytes | None:
    """Return the id of the session that a request is in; the first of several, as the SDK sees it."""
    for name, value in scope["headers"]:
        if name == b"mcp-session-id":
            return bytes(value.strip(b" \t"))
    return None


def rename(
    manager: StreamableHTTPSessionManager, transport: StreamableHTTPServerTransport, identity: str
) -> None:
    """Give a session that was admitted just now another id, which nobody has heard of yet."""
    given = transport.mcp_session_id
    if given is None:
        raise RuntimeError("the session manager opened a session without an id: not supported")
    transport.mcp_session_id = identity
    manager._server_instances[identity] = manager._server_instances.pop(given)
    if given in manager._session_owners:
        manager._session_owners[identity] = manager._session_owners.pop(given)
