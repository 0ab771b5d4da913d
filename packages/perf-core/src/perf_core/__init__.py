"""Performance lab for MCP servers: the public interface for adapters."""

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
    ThinkTime,
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
    "ThinkTime",
    "Wire",
]
