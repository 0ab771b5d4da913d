"""The references as the lab sees them: the calculator's journeys, other launches, no targets of their own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from calculator_server import perf_adapter
from lab_references import node
from perf_core import Launch, Scenario
from perf_core.errors import UsageError
from perf_core.scenarios import NO_ERRORS


@dataclass(frozen=True)
class ReferenceAdapter:
    """A yardstick: it answers what the calculator answers, and only its answers are judged.

    Attributes:
        name: What people type after ``--target``.
        server_name: ``serverInfo.name`` of its handshake.
        launch: How to start it.
        scenarios: Most of the calculator's, without its targets.
        burns: Whether its command takes ``--burn-us``.
    """

    name: str
    server_name: str | None
    launch: Launch
    scenarios: Mapping[str, Scenario] = field(repr=False)
    burns: bool = True


def with_burn(adapter: ReferenceAdapter, burn_us: int) -> ReferenceAdapter:
    """Return the adapter of the same server, slower by a known amount: for calibrating comparisons.

    Args:
        adapter: A reference in Python.
        burn_us: CPU time, in µs, that each tool call wastes on top of its own.

    Raises:
        UsageError: The reference cannot burn, or the time is negative.
    """
    if not adapter.burns or burn_us < 0:
        raise UsageError(
            f"a reference in Python and 0 µs or more were expected; {adapter.name} and {burn_us} µs came",
            f"These can burn: {asgi.name}, {fastmcp.name}.",
        )
    launch = replace(adapter.launch, argv=(*adapter.launch.argv, "--burn-us", str(burn_us)))
    return replace(adapter, name=f"{adapter.name}+{burn_us}us", launch=launch)


def _scenarios() -> dict[str, Scenario]:
    return {
        name: replace(scenario, targets=(NO_ERRORS,))
        for name, scenario in perf_adapter.adapter.scenarios.items()
        # Those that start the calculator in a way of its own would measure the calculator, and what is said
        # to mistakes (cleanup) is each server's own.
        if scenario.launch is None and name != "cleanup"
    }


def _python(name: str, module: str, env: Mapping[str, str] | None = None) -> ReferenceAdapter:
    argv = (sys.executable, "-m", f"lab_references.{module}", "--ready-file", "{ready_file}")
    return ReferenceAdapter(name, name, Launch(argv, env=env or {}), _scenarios())


def _typescript() -> ReferenceAdapter:
    argv = (node.find_node(), str(node.FOLDER / "server.mjs"), "--ready-file", "{ready_file}")
    return ReferenceAdapter(
        "reference-typescript", "reference-typescript", Launch(argv), _scenarios(), burns=False
    )


asgi = _python("reference-asgi", "bare_asgi")
# Looking for a newer version is no part of serving, and asks the network.
fastmcp = _python("reference-fastmcp", "plain_fastmcp", {"FASTMCP_CHECK_FOR_UPDATES": "off"})
typescript = _typescript()
