"""A server that can be measured: its adapter, and where it runs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from perf_core.adapter import Launch, Scenario, ServerAdapter
from perf_core.errors import UsageError


@dataclass(frozen=True)
class Described:
    """An adapter made from parts of others: the same server started differently, for example."""

    name: str
    server_name: str | None
    launch: Launch
    scenarios: Mapping[str, Scenario]


@dataclass(frozen=True)
class Subject:
    """A server that can be measured.

    Attributes:
        adapter: What it tells about itself.
        url: MCP endpoint of the server when it runs already; None when the lab starts it.
        package: Distribution that brought the adapter, with its version; empty for a file.
    """

    adapter: ServerAdapter
    url: str | None = None
    package: str = ""

    @property
    def name(self) -> str:
        """What people type."""
        return self.adapter.name

    def scenario(self, name: str) -> Scenario:
        """Return one of its scenarios.

        Raises:
            UsageError: It has none of that name; the hint has those that it has.
        """
        found = self.adapter.scenarios.get(name)
        if found is None:
            known = self.adapter.scenarios
            raise UsageError(
                f"target {self.name} has no scenario {name!r}{closest_name(name, known)}",
                f"It has: {', '.join(known)}.",
            )
        return found


def closest_name(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" with the known name closest to `name`, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
