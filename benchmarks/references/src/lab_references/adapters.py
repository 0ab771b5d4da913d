"""Adapters of the reference servers: the calculator's journeys without its targets, and other launches."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from calculator_server import perf_adapter
from lab_references import node
from lab_references.serving import Handicap
from perf_core import Launch, Scenario
from perf_core.errors import UsageError
from perf_core.scenarios import NO_ERRORS


@dataclass(frozen=True)
class ReferenceAdapter:
    """A reference server: it answers like the calculator, and only its answers are judged.

    Attributes:
        name: Name for ``--target``.
        server_name: ``serverInfo.name`` in its handshake.
        launch: How to start it.
        scenarios: Most of the calculator's scenarios, without its targets.
        takes_handicap: Whether its command takes ``--burn-us`` and the other options of a handicap.
    """

    name: str
    server_name: str | None
    launch: Launch
    scenarios: Mapping[str, Scenario] = field(repr=False)
    takes_handicap: bool = True


def with_burn(adapter: ReferenceAdapter, burn_us: int) -> ReferenceAdapter:
    """Return the adapter of the same server, made slower by a fixed amount, to calibrate comparisons.

    Args:
        adapter: A reference server in Python.
        burn_us: Additional CPU time of each tool call, in µs.

    Raises:
        UsageError: The server has no option ``--burn-us``, or the time is negative.
    """
    if not adapter.takes_handicap or burn_us < 0:
        raise UsageError(
            f"expected a reference server in Python and 0 µs or more, got {adapter.name} and {burn_us} µs",
            f"Use {asgi.name} or {fastmcp.name}.",
        )
    return with_handicap(adapter, Handicap(burn_us), f"{adapter.name}+{burn_us}us")


def with_handicap(adapter: ReferenceAdapter, handicap: Handicap, name: str) -> ReferenceAdapter:
    """Return the adapter of the same server under another name, with slowness or errors of known size.

    Raises:
        UsageError: The server's command does not take a handicap.
    """
    if not adapter.takes_handicap:
        raise UsageError(
            f"expected a reference server in Python, got {adapter.name}",
            f"Use {asgi.name} or {fastmcp.name}.",
        )
    launch = replace(adapter.launch, argv=(*adapter.launch.argv, *handicap.arguments()))
    return replace(adapter, name=name, launch=launch)


def _scenarios() -> dict[str, Scenario]:
    return {
        name: replace(scenario, targets=(NO_ERRORS,))
        for name, scenario in perf_adapter.adapter.scenarios.items()
        # Scenarios with their own launch would measure the calculator. `cleanup` makes calls with mistakes,
        # for which each server has its own error messages.
        if scenario.launch is None and name != "cleanup"
    }


def _python(name: str, module: str, env: Mapping[str, str] | None = None) -> ReferenceAdapter:
    argv = (sys.executable, "-m", f"lab_references.{module}", "--ready-file", "{ready_file}")
    return ReferenceAdapter(name, name, Launch(argv, env=env or {}), _scenarios())


def _typescript() -> ReferenceAdapter:
    argv = (node.find_node(), str(node.FOLDER / "server.mjs"), "--ready-file", "{ready_file}")
    return ReferenceAdapter(
        "reference-typescript", "reference-typescript", Launch(argv), _scenarios(), takes_handicap=False
    )


asgi = _python("reference-asgi", "bare_asgi")
# The check for a newer version is not part of serving, and it needs the network.
fastmcp = _python("reference-fastmcp", "plain_fastmcp", {"FASTMCP_CHECK_FOR_UPDATES": "off"})
typescript = _typescript()
