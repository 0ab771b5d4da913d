"""Performance lab for MCP servers. The public interface of a server's adapter is on this page."""

from perf_core.adapter import (
    UNIQUE,
    Expectation,
    Journey,
    Launch,
    Limits,
    Scenario,
    ServerAdapter,
    Step,
    Target,
    Wire,
)

__all__ = [
    "UNIQUE",
    "Expectation",
    "Journey",
    "Launch",
    "Limits",
    "Scenario",
    "ServerAdapter",
    "Step",
    "Target",
    "Wire",
]
