"""A server at a URL that clients reach through a bridge of the lab.

k6 speaks streamable HTTP, and replies to no request of a server. So a server on the transport HTTP+SSE (MCP
2024-11-05) needs a bridge, and one on streamable HTTP whose requests are to be answered from a file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from perf_core.adapter import Wire
from perf_core.interruption import Interruption
from perf_core.server.bridge.launching import http_launch, sse_launch
from perf_core.server.client.handshake import agreed_access, difference
from perf_core.server.credentials.access import Access, Identity
from perf_core.server.listeners import ListenerWatch, has_ended, root_listener
from perf_core.server.process import ServerProcess

RemoteTransport = Literal["http+sse", "http"]


@dataclass(frozen=True)
class _Bound:
    """A user of the server behind the bridge: the bridge's own address has no authorization server."""

    identity: Identity
    is_renewable = property(lambda self: self.identity.is_renewable)
    renew_at_s = property(lambda self: self.identity.renew_at_s)

    def headers(self) -> Mapping[str, str]:
        return self.identity.headers()

    def refused(self) -> None:
        self.identity.refused()

    def secrets(self) -> Sequence[str]:
        return self.identity.secrets()

    def at(self, url: str) -> _Bound:  # noqa: ARG002 - it stays the user of the server
        return self


class BridgedServer:
    """A server behind a bridge; figures of its processes are those of the server, if it is visible."""

    def __init__(
        self,
        bridge: ServerProcess,
        url: str,
        wire: Wire,
        started: ServerProcess | None,
        transport: RemoteTransport,
    ) -> None:
        self.transport: str = transport
        self._bridge = bridge
        self._started = started
        self._wire = wire
        self.url = bridge.url
        self.handshake = bridge.handshake
        self.access = agreed_access(bridge.access, bridge.handshake)
        self._process = root_listener(url) if started is None else started.root
        self._listeners = ListenerWatch(self._process, url) if self._process else None
        self.pid: int | None = self._process.pid if self._process else None
        self.bridge_pid: int | None = bridge.pid
        self.ready_s: float | None = started.ready_s if started else None
        self.temporary_folder: Path | None = started.temporary_folder if started else None

    def ended(self) -> str:
        """Return how it ended, or an empty text while it runs or is not visible."""
        for what, process in (("server", self._started), ("bridge to the server", self._bridge)):
            if process is not None and (how := process.how_ended()):
                tail = process.log_tail() or "(empty)"
                return f"the {what} ended {how} during the run; end of its log: {tail}"
        if self._process is not None and has_ended(self._process):
            return "the server's process ended during the run"
        return ""

    def changed(self, killed: Collection[int] = ()) -> str:
        """Return how it differs from the server at the start, or an empty text.

        Raises:
            TargetError: It runs, but no longer answers a handshake.
        """
        replaced = self._listeners.replacement(killed) if self._listeners else ""
        return self.ended() or replaced or difference(self.handshake, self.access)


@contextlib.contextmanager
def bridged_server(
    url: str,
    wire: Wire,
    access: Access,
    *,
    log_path: Path,
    interruption: Interruption,
    started: ServerProcess | None = None,
    transport: RemoteTransport = "http+sse",
) -> Iterator[BridgedServer]:
    """Yield the server at a URL behind a new bridge, after a handshake; end the bridge afterwards.

    Args:
        access: How clients reach the server; the bridge passes their headers on.
        log_path: Log of the bridge.
        started: The server's process, if the lab started it.
        transport: How the server talks.

    Raises:
        TargetError: The bridge does not start, or the server does not answer through it.
    """
    bound = replace(
        access,
        identities=tuple(map(_Bound, access.at(url).identities)),
        # These are the bridge's business.
        ca_file=None,
        insecure=False,
    )
    launch_of = sse_launch if transport == "http+sse" else http_launch
    launch = launch_of(url, ca_file=access.ca_file, insecure=access.insecure)
    with ServerProcess(launch, wire, log_path, access=bound, interruption=interruption) as bridge:
        yield BridgedServer(bridge, url, wire, started, transport)
