"""Counts of the open sessions that a server reports during a load."""

from __future__ import annotations

import time
from dataclasses import dataclass

from perf_core.sampling.periodic import PeriodicThread
from perf_core.server.client import endpoints
from perf_core.server.credentials.access import OPEN, Access

INTERVAL_S = 3.0
"""Time between two counts: each is a request to the server under load."""


@dataclass(frozen=True)
class SessionCount:
    """Open sessions at one moment.

    Attributes:
        at_s: Seconds since the epoch.
        open: Number of sessions that the server reports.
    """

    at_s: float
    open: int


class SessionCounter(PeriodicThread):
    """Counts the open sessions of a server in a thread; use it as a context manager.

    It asks a server that does not report them only once.

    Args:
        url: MCP endpoint of the server; its metrics are beside it.
        access: How clients reach the server.
    """

    def __init__(self, url: str, access: Access = OPEN, interval_s: float = INTERVAL_S) -> None:
        super().__init__(self._count, interval_s, "session counter")
        self._url = url
        self._access = access
        self._is_reported: bool | None = None
        self._counts: list[SessionCount] = []

    @property
    def counts(self) -> tuple[SessionCount, ...]:
        """Counts so far, in order."""
        return tuple(self._counts)

    def _count(self) -> None:
        if self._is_reported is False:
            return
        count = endpoints.open_sessions(self._url, access=self._access)
        # A server that hangs later on still reports its sessions when it is back.
        self._is_reported = self._is_reported or count is not None
        if count is not None:
            self._counts.append(SessionCount(time.time(), count))
