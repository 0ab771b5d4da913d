"""Performance lab for MCP servers. The public interface of a server's adapter is on this page."""

from perf_core.adapter import (
    Expectation,
    Journey,
    Launch,
    Scenario,
    ServerAdapter,
    Step,
    Target,
    Wire,
)

__all__ = [
    "Expectation",
    "Journey",
    "Launch",
    "Scenario",
    "ServerAdapter",
    "Step",
    "Target",
    "Wire",
]
