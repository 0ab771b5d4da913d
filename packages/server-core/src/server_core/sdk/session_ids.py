"""Session ids that name the worker and the machine that hold the session.

    4f0c…          one process
    2.4f0c…        worker 2
    a.2.4f0c…      worker 2 of the machine whose setting `node` is `a`

A proxy in front of several machines, or a worker that receives another worker's request, reads the owner from
the id. The prefix is a hint, not trusted: an id without a session is answered 404 wherever it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import Scope

from server_core.sdk.internals import Admission, open_sessions, session_owners, wrap_admission
from server_core.sdk.requestors import Requestor

_MAX_WORKER_DIGITS: Final = 4
_SESSION_VERSIONS: Final = frozenset(version.encode() for version in HANDSHAKE_PROTOCOL_VERSIONS)


@dataclass(frozen=True)
class SessionIds:
    """Creates and reads session ids.

    Attributes:
        node: This machine's name; empty if there is only one.
        worker: This worker's number; None if there is only one process.
    """

    node: str = ""
    worker: int | None = None

    def new(self) -> str:
        """Return a new id that cannot be guessed."""
        return self._node_prefix + ("" if self.worker is None else f"{self.worker}.") + uuid4().hex

    def worker_of(self, session_id: bytes) -> int | None:
        """Return the number of the worker that an id names, None if it names none of this machine."""
        prefix = self._node_prefix.encode()
        if not session_id.startswith(prefix):
            return None
        number, dot, _ = session_id[len(prefix) :].partition(b".")
        return int(number) if dot and len(number) <= _MAX_WORKER_DIGITS and number.isdigit() else None

    @property
    def _node_prefix(self) -> str:
        return f"{self.node}." if self.node else ""

    def assign_to_new_sessions(self, manager: StreamableHTTPSessionManager) -> None:
        """Give the sessions that a manager opens from now on ids of this kind."""

        def wrap(admit: Admission) -> Admission:
            def admit_session(requestor: Requestor | None) -> StreamableHTTPServerTransport | None:
                transport = admit(requestor)
                if transport is not None:
                    change_session_id(manager, transport, self.new())
                return transport

            return admit_session

        wrap_admission(manager, wrap)


def session_id_of(scope: Scope) -> bytes | None:
    """Return the session id in a request's headers; the first if there are several, as in the SDK."""
    for name, value in scope["headers"]:
        if name == b"mcp-session-id":
            return bytes(value.strip(b" \t"))
    return None


def is_of_session_wire(scope: Scope) -> bool:
    """Return whether the SDK takes a request for one of the session wire, by its first version if any."""
    for name, value in scope["headers"]:
        if name == b"mcp-protocol-version":
            return value.strip(b" \t") in _SESSION_VERSIONS
    return True


def session_of(scope: Scope) -> bytes | None:
    """Return the id of the session that a request names; None on the stateless wire, which has none."""
    session_id = session_id_of(scope)
    return session_id if session_id is not None and is_of_session_wire(scope) else None


def change_session_id(
    manager: StreamableHTTPSessionManager, transport: StreamableHTTPServerTransport, session_id: str
) -> None:
    """Replace the id of a session that was just opened and whose id no client has seen yet."""
    old_id = transport.mcp_session_id
    if old_id is None:
        raise RuntimeError(
            "expected a session with an id, got one without: this SDK release is not supported"
        )
    transport.mcp_session_id = session_id
    for table in (open_sessions(manager), session_owners(manager)):
        if old_id in table:
            table[session_id] = table.pop(old_id)  # type: ignore[assignment] # each table keeps its own type
