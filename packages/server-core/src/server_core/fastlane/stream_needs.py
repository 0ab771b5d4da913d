"""Tools that send their client messages beside the result, which answers in JSON cannot carry.

FastMCP drops progress and log messages where answers are JSON, and a tool that asks the client fails on the
call. The log can say so when the server starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from fastmcp.server.dependencies import without_injected_parameters
from fastmcp.tools import FunctionTool

from server_core.fastlane.code_names import code_names

_REQUESTS: Final = frozenset({"elicit", "elicit_form", "elicit_url", "create_message", "list_roots"})
_NOTIFICATIONS: Final = frozenset({"report_progress"})
"""Methods of FastMCP's context and its session. Those for log messages have the names of any logger's."""


@dataclass(frozen=True, slots=True)
class StreamNeeds:
    """Names of tools that ask their client for something, and of those that report progress."""

    asking: tuple[str, ...]
    reporting: tuple[str, ...]


def stream_needs(tools: Iterable[Any]) -> StreamNeeds:
    """Return which tools need event streams, as far as their own code tells."""
    methods = {tool.name: _context_methods(tool) for tool in tools if isinstance(tool, FunctionTool)}
    return StreamNeeds(
        tuple(sorted(name for name, used in methods.items() if used & _REQUESTS)),
        tuple(sorted(name for name, used in methods.items() if used & _NOTIFICATIONS)),
    )


def _context_methods(tool: FunctionTool) -> set[str]:
    """Return the attributes that a tool with a context reads; none of a tool without one."""
    code = getattr(tool.fn, "__code__", None)
    if code is None:
        return set()
    names = code_names(code)
    has_context = without_injected_parameters(tool.fn) != tool.fn or ("get_context",) in names.chains
    if not has_context:
        return set()
    chains = names.chains | names.free  # `context` in a nested function is a free variable of it
    return names.attributes.union(*(chain[1:] for chain in chains))
