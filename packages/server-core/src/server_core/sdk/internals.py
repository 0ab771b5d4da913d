"""Every private name of FastMCP, the MCP SDK and asyncio that server-core relies on.

Each is here because the library has no public equivalent. `tests/sdk/test_internals.py` names the feature
that breaks when a release drops one, and no other module may use a private name of another library.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from operator import attrgetter
from types import ModuleType
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.server.mixins import mcp_operations
from mcp.server import _streamable_http_modern
from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.lowlevel import Server
from mcp.server.runner import ServerRunner
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager


def _private(module: ModuleType, name: str, purpose: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        raise ImportError(
            f"{module.__name__} no longer has {name}, which server-core uses to {purpose}: "
            "this release is not supported"
        ) from None


enter_task: Final = _private(asyncio, "_enter_task", "call tools outside of tasks")
leave_task: Final = _private(asyncio, "_leave_task", "call tools outside of tasks")
normalize_call_tool_result: Final = _private(
    mcp_operations, "_normalize_call_tool_result", "encode unusual tool results as FastMCP does"
)
SingleExchangeContext: Final = _private(
    _streamable_http_modern, "_SingleExchangeDispatchContext", "answer lists in light sessions"
)

MIDDLEWARE_CALL_HOOKS: Final = ("__call__", "on_message", "on_request", "on_call_tool", "_dispatch_handler")
"""Methods of FastMCP's `Middleware` that a tool call passes through."""

VISIBILITY_RULES_SUFFIX: Final = ":_visibility_rules"
"""End of the keys under which FastMCP stores which components a session hides or shows."""


def low_level_server(mcp: FastMCP[Any]) -> Server[Any]:
    """Return the SDK's server inside a FastMCP app, which holds the request handlers."""
    return mcp._mcp_server


def local_components(mcp: FastMCP[Any]) -> Mapping[str, Any]:
    """Return the live registry of the app's own tools, resources and prompts."""
    return mcp.local_provider._components


extensions: Final[Callable[[FastMCP[Any]], Any]] = attrgetter("_extensions")
"""Returns the app's extensions. Called on each request, hence no function of ours."""


def masks_error_details(mcp: FastMCP[Any]) -> bool:
    """Return whether the app hides the text of exceptions from clients."""
    return bool(mcp._mask_error_details)


def session_state_store(mcp: FastMCP[Any]) -> Any:
    """Return the store through which FastMCP writes session state."""
    return mcp._state_store


def session_state_backend(mcp: FastMCP[Any]) -> Any:
    """Return the storage behind `session_state_store`."""
    return mcp._state_storage


def request_state_security(mcp: FastMCP[Any]) -> Any:
    """Return the request-state security that the app was given, None for the default."""
    return mcp._request_state_security


def request_methods(server: Server[Any]) -> tuple[str, ...]:
    """Return the methods that a server handles; its capabilities follow from them."""
    return tuple(server._request_handlers)


def negotiate_initialize(runner: ServerRunner[Any], params: Any) -> tuple[Any, str]:
    """Return the parsed parameters of ``initialize`` and the negotiated protocol version."""
    return runner._negotiate_initialize(params)


def initialize_result(runner: ServerRunner[Any], params: Any) -> Any:
    """Return the result of ``initialize``."""
    return runner._handle_initialize(params)


def serialize_result(runner: ServerRunner[Any], method: str, version: str, result: Any) -> dict[str, Any]:
    """Return a result as the JSON object that clients of a protocol version receive."""
    return runner._serialize(method, version, result)


def open_sessions(manager: StreamableHTTPSessionManager) -> dict[str, StreamableHTTPServerTransport]:
    """Return the live table of a manager's sessions by id; the SDK publishes not even their number."""
    return manager._server_instances


def session_owners(manager: StreamableHTTPSessionManager) -> dict[str, AuthorizationContext]:
    """Return the live table of the callers that opened a manager's sessions."""
    return manager._session_owners


def lifespan_state(manager: StreamableHTTPSessionManager) -> Any:
    """Return what the app's lifespan yielded."""
    return manager._lifespan_state


Admission = Callable[[AuthorizationContext | None], StreamableHTTPServerTransport | None]
"""Opens a session for a caller; returns None when too many are open."""


def wrap_admission(manager: StreamableHTTPSessionManager, wrap: Callable[[Admission], Admission]) -> None:
    """Replace the manager's method that opens sessions by what `wrap` makes of it."""
    manager._admit_session = wrap(manager._admit_session)  # type: ignore[assignment, method-assign]


def idle_timeout_s(transport: StreamableHTTPServerTransport) -> float | None:
    """Return the seconds without a request after which a session expires."""
    return transport._idle_timeout


def count_in_flight(transport: StreamableHTTPServerTransport, change: int) -> int:
    """Add to the number of requests that a session is serving, and return the new number."""
    transport._requests_in_flight += change
    return transport._requests_in_flight
