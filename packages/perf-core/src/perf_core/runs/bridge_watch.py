"""The bridge in front of a server on stdio, looked at before and after a load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from perf_core.adapter import Launch
from perf_core.analysis.bridge_use import BridgeObservations
from perf_core.server.bridge.cost import BridgeCost, measure_cost
from perf_core.server.bridge.pages import BridgeCounts, read_counts
from perf_core.server.credentials.masking import masked, secrets_in_command, secrets_in_environment
from perf_core.server.live import LiveServer


@dataclass(frozen=True)
class BridgeWatch:
    """Cost and counts of a bridge before a load; :func:`watch_bridge` makes one.

    Attributes:
        url: MCP endpoint of the bridge.
        secrets: Texts that what the server has written may contain, and that must not be shown.
    """

    url: str
    cost: BridgeCost | None
    before: BridgeCounts
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def observations(self) -> BridgeObservations:
        """Return these with the counts now."""
        after = read_counts(self.url)
        return BridgeObservations(
            self.cost,
            _masked(self.before, self.secrets),
            _masked(after, self.secrets) if after else None,
        )


def watch_bridge(live: LiveServer, launch: Launch) -> BridgeWatch | None:
    """Measure the bridge's own cost, for about a second, and read its counts; None without a bridge.

    To be called just before a load, while the machine is idle otherwise.
    """
    counts = None if live.bridge_pid is None else read_counts(live.url)
    if counts is None:
        return None
    # A bridge to a server elsewhere has no pipes to a child, whose cost could be measured.
    cost = None if counts.is_remote else measure_cost(live.url)
    secrets = (
        *live.access.secrets(),
        *secrets_in_command(launch.argv),
        *secrets_in_environment(launch.env),
    )
    return BridgeWatch(live.url, cost, read_counts(live.url) or counts, secrets)


def _masked(counts: BridgeCounts, secrets: Sequence[str]) -> BridgeCounts:
    return replace(
        counts,
        first_skipped_line=masked(counts.first_skipped_line, secrets),
        ends=tuple(replace(end, stderr=masked(end.stderr, secrets)) for end in counts.ends),
    )
