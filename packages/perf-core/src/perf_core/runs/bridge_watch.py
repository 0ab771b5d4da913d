"""The bridge in front of a server on stdio, looked at before and after a load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from perf_core.adapter import Launch
from perf_core.analysis.bridge_use import BridgeObservations
from perf_core.server.bridge.cost import BridgeCost, measure_cost
from perf_core.server.bridge.pages import BridgeCounts, prepare_servers, read_counts
from perf_core.server.credentials.masking import masked, secrets_in_command, secrets_in_environment
from perf_core.server.live import LiveServer

_K6 = {"name": "k6", "version": "1"}
"""Client that k6's users say they are (k6/lib/wire.js)."""

_MOST_PREPARED = 50
"""Processes that are started before a load at most; further users start theirs when they come."""


@dataclass(frozen=True)
class BridgeWatch:
    """Cost and counts of a bridge before a load; :func:`watch_bridge` makes one.

    Attributes:
        url: MCP endpoint of the bridge.
        starts_s: Seconds that each process took that was started before the load.
        secrets: Texts that what the server has written may contain, and that must not be shown.
    """

    url: str
    cost: BridgeCost | None
    before: BridgeCounts
    starts_s: tuple[float, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def observations(self) -> BridgeObservations:
        """Return these with the counts now."""
        after = read_counts(self.url)
        return BridgeObservations(
            self.cost,
            _masked(self.before, self.secrets),
            _masked(after, self.secrets) if after else None,
            self.starts_s,
        )


def watch_bridge(live: LiveServer, launch: Launch, users: int) -> BridgeWatch | None:
    """Measure the bridge's own cost, start processes for the first users, and read its counts.

    Return None without a bridge. To be called just before a load, while the machine is idle otherwise.

    Args:
        users: Users with whom the load begins. Of a server on stdio each needs a process, whose start would
            otherwise fill the first seconds of the load.
    """
    counts = None if live.bridge_pid is None else read_counts(live.url)
    if counts is None:
        return None
    # A bridge to a server elsewhere has no pipes to a child, whose cost could be measured.
    cost = None if counts.is_remote else measure_cost(live.url)
    has_processes = launch.transport == "stdio" and live.handshake.wire == "session" and not counts.is_remote
    starts_s = _prepared(live, launch, min(users, _MOST_PREPARED)) if has_processes else ()
    secrets = (
        *live.access.secrets(),
        *secrets_in_command(launch.argv),
        *secrets_in_environment(launch.env),
    )
    return BridgeWatch(live.url, cost, read_counts(live.url) or counts, starts_s, secrets)


def _prepared(live: LiveServer, launch: Launch, users: int) -> tuple[float, ...]:
    if not users:
        return ()
    params = {"protocolVersion": live.access.revision, "capabilities": {}, "clientInfo": _K6}
    initialize = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    return prepare_servers(live.url, users, initialize, launch.ready_timeout_s)


def _masked(counts: BridgeCounts, secrets: Sequence[str]) -> BridgeCounts:
    return replace(
        counts,
        first_skipped_line=masked(counts.first_skipped_line, secrets),
        ends=tuple(replace(end, stderr=masked(end.stderr, secrets)) for end in counts.ends),
    )
