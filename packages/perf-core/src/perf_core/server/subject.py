"""A server that can be measured: its adapter and its URL."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from perf_core.adapter import Launch, Scenario, ServerAdapter
from perf_core.errors import UsageError
from perf_core.server.access import OPEN, Access, bearer


@dataclass(frozen=True)
class DerivedAdapter:
    """An adapter assembled from parts of another, for example for the same server started differently."""

    name: str
    server_name: str | None
    launch: Launch
    scenarios: Mapping[str, Scenario]


@dataclass(frozen=True)
class Subject:
    """A server that can be measured.

    Attributes:
        url: MCP endpoint of a server that is already running; None when the lab starts it.
        package: Distribution of the adapter with its version; empty for a file.
        access: How clients reach it; a server that is started with tokens of its own needs none.
    """

    adapter: ServerAdapter
    url: str | None = None
    package: str = ""
    access: Access = OPEN

    @property
    def name(self) -> str:
        """Name of the server on the command line."""
        return self.adapter.name

    def scenario(self, name: str) -> Scenario:
        """Return the scenario with this name.

        Raises:
            UsageError: There is none; the hint lists the scenarios.
        """
        scenarios = self.adapter.scenarios
        if name not in scenarios:
            raise UsageError(
                f"target {self.name} has no scenario {name!r}{closest_name(name, scenarios)}",
                f"It has: {', '.join(scenarios)}.",
            )
        return scenarios[name]


def access_of(launch: Launch, access: Access) -> Access:
    """Return how clients reach a server that was started, which may be with tokens of its own."""
    return bearer(launch.tokens) if launch.tokens else access


def closest_name(name: str, candidates: Iterable[str]) -> str:
    """Return "; did you mean …?" with the candidate closest to ``name``, or an empty text."""
    close = difflib.get_close_matches(name, list(candidates), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
