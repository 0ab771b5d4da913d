"""Every private name of FastMCP, the MCP SDK and asyncio that server-core relies on.

Each is here because the library has no public equivalent. `tests/sdk/test_internals.py` names the feature
that breaks when a release drops one, and no other module may use a private name of another library.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from operator import attrgetter
from types import ModuleType
from typing import Any, Final
from uuid import uuid4

import anyio
from fastmcp import FastMCP
from fastmcp.server import context as fastmcp_context
from fastmcp.server import dependencies as fastmcp_dependencies
from fastmcp.server import server as fastmcp_server
from fastmcp.server.middleware import dereference
from fastmcp.server.mixins import mcp_operations
from fastmcp.server.mixins import transport as fastmcp_transport
from fastmcp.server.providers import Provider
from mcp.server import _streamable_http_modern
from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.lowlevel import Server
from mcp.server.runner import ServerRunner
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse
from opentelemetry import trace


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
get_frame: Final = _private(sys, "_getframe", "leave tools that look at their callers to FastMCP")
normalize_call_tool_result: Final = _private(
    mcp_operations, "_normalize_call_tool_result", "encode unusual tool results as FastMCP does"
)
validation_error_summary: Final = _private(
    fastmcp_server, "_validation_error_summary", "log wrong arguments as FastMCP does"
)
dereference_tool: Final = _private(
    dereference, "_dereference_tool", "check headers against the schemas that clients see"
)
SingleExchangeContext: Final = _private(
    _streamable_http_modern, "_SingleExchangeDispatchContext", "answer lists in light sessions"
)

stdio_server: Final = _private(
    fastmcp_transport, "stdio_server", "answer over stdio what is in flight when stdin ends"
)

MIDDLEWARE_DISPATCH: Final = ("__call__", "_dispatch_handler")
"""Methods of FastMCP's `Middleware` that call its hooks."""

APP_PARTS: Final = ("auth", "providers", "_mcp_server", "_local_provider", "_transforms", "_extensions")
SERVER_PARTS: Final = ("middleware", "get_tool_input_schema")
PROVIDER_PARTS: Final = ("_transforms", "_components")
"""Attributes of an app, its low-level server and its local provider, by which changes are noticed."""

current_context: Final = _private(fastmcp_context, "_current_context", "give tools on the lane their context")
current_server: Final = _private(
    fastmcp_dependencies, "_current_server", "tell tools on the lane which server calls them"
)
current_transport: Final = _private(
    fastmcp_context, "_current_transport", "tell tools on the lane how they are served"
)

VISIBILITY_RULES_SUFFIX: Final = ":_visibility_rules"
"""End of the keys under which FastMCP stores which components a session hides or shows."""


low_level_server: Final[Callable[[FastMCP[Any]], Server[Any]]] = attrgetter("_mcp_server")
"""Returns the SDK's server inside an app, which holds the request handlers."""

local_components: Final[Callable[[FastMCP[Any]], Mapping[str, Any]]] = attrgetter(
    "local_provider._components"
)
"""Returns the live registry of the app's own tools, resources and prompts."""

extensions: Final[Callable[[FastMCP[Any]], Any]] = attrgetter("_extensions")
"""Returns the app's extensions."""

transforms: Final[Callable[[Provider], list[Any]]] = attrgetter("_transforms")
"""Returns the live list of an app's or a provider's transforms; the public property copies it."""

list_page_size: Final[Callable[[FastMCP[Any]], int | None]] = attrgetter("_list_page_size")
"""Returns the number of components on a page of a list, None without pages."""

tracer_provider: Final[Callable[[], object]] = functools.partial(attrgetter("_TRACER_PROVIDER"), trace)
"""Returns what records the process's spans, None if nothing does; the public one looks for settings, too."""

masks_error_details: Final[Callable[[FastMCP[Any]], bool]] = attrgetter("_mask_error_details")
"""Returns whether the app hides the text of exceptions from clients."""

session_state_store: Final[Callable[[FastMCP[Any]], Any]] = attrgetter("_state_store")
"""Returns the store through which FastMCP writes session state."""

session_state_backend: Final[Callable[[FastMCP[Any]], Any]] = attrgetter("_state_storage")
"""Returns the storage behind `session_state_store`; None before FastMCP has created its own on first use."""

session_state_store_if_created: Final[Callable[[FastMCP[Any]], Any]] = attrgetter("_FastMCP__state_store")
"""Returns the store through which FastMCP writes session state, None before it was used."""


def set_session_state_store(mcp: FastMCP[Any], store: object) -> None:
    """Replace the store through which FastMCP writes session state; None lets it create one on next use."""
    vars(mcp)["_FastMCP__state_store"] = store


request_state_security: Final[Callable[[FastMCP[Any]], Any]] = attrgetter("_request_state_security")
"""Returns the request-state security that the app was given, None for the default."""

request_handlers: Final[Callable[[Server[Any]], Mapping[str, Any]]] = attrgetter("_request_handlers")
"""Returns the server's handlers by method; its capabilities follow from them."""

notification_handlers: Final[Callable[[Server[Any]], Mapping[str, Any]]] = attrgetter(
    "_notification_handlers"
)
"""Returns the server's handlers of notifications by method."""

open_sessions: Final[Callable[[StreamableHTTPSessionManager], dict[str, StreamableHTTPServerTransport]]] = (
    attrgetter("_server_instances")
)
"""Returns the live table of a manager's sessions by id; the SDK publishes not even their number."""

session_owners: Final[Callable[[StreamableHTTPSessionManager], dict[str, AuthorizationContext]]] = attrgetter(
    "_session_owners"
)
"""Returns the live table of the callers that opened a manager's sessions."""

stateless_ping_interval_s: Final[Callable[[], float]] = functools.partial(
    attrgetter("_SSE_PING_INTERVAL"), _streamable_http_modern
)
"""Returns the seconds after which the SDK sends pings on the stateless wire."""

lifespan_state: Final[Callable[[StreamableHTTPSessionManager], Any]] = attrgetter("_lifespan_state")
"""Returns what the app's lifespan yielded."""

idle_timeout_s: Final[Callable[[StreamableHTTPServerTransport], float | None]] = attrgetter("_idle_timeout")
"""Returns the seconds without a request after which a session expires."""


def negotiate_initialize(runner: ServerRunner[Any], params: Any) -> tuple[Any, str]:
    """Return the parsed parameters of ``initialize`` and the negotiated protocol version."""
    return runner._negotiate_initialize(params)


def initialize_result(runner: ServerRunner[Any], params: Any) -> Any:
    """Return the result of ``initialize``."""
    return runner._handle_initialize(params)


def serialize_result(runner: ServerRunner[Any], method: str, version: str, result: Any) -> dict[str, Any]:
    """Return a result as the JSON object that clients of a protocol version receive."""
    return runner._serialize(method, version, result)


_NOBODYS_ID: Final = uuid4().hex
"""Id of no request. Clients do not know it."""
_PASSED_ON_WITHIN_S: Final = 1.0


Admission = Callable[[AuthorizationContext | None], StreamableHTTPServerTransport | None]
"""Opens a session for a caller; returns None when too many are open."""


def wrap_admission(manager: StreamableHTTPSessionManager, wrap: Callable[[Admission], Admission]) -> None:
    """Replace the manager's method that opens sessions by what `wrap` makes of it."""
    manager._admit_session = wrap(manager._admit_session)  # type: ignore[assignment, method-assign]


def watch_discards(manager: StreamableHTTPSessionManager, discarded: Callable[[str], None]) -> None:
    """Call `discarded` with the id of each session that a manager forgets; for some more than once."""
    discard = manager._discard_session

    async def discard_session(session_id: str, transport: StreamableHTTPServerTransport) -> None:
        discarded(session_id)
        await discard(session_id, transport)

    manager._discard_session = discard_session  # type: ignore[method-assign]


async def let_go_of_messages(transport: StreamableHTTPServerTransport) -> None:
    """Make a session let go of the last request that it has read and of the last response that it has sent.

    The loops that pass messages on keep the latest one in a local variable, the request with its body. A
    response that nobody waits for, which the SDK drops, takes its place. An event store would keep it: with
    one, the last response stays.
    """
    nothing = SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=_NOBODYS_ID, result={}))
    streams: list[Any] = [transport._read_stream_writer]
    if transport._event_store is None:
        streams.append(transport._write_stream)
    with anyio.move_on_after(_PASSED_ON_WITHIN_S):
        for stream in streams:
            if stream is not None:
                with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                    await stream.send(nothing)


def connection_session_id(session: object) -> str | None:
    """Return the id of the session that a request came in, which the SDK has checked; None without one."""
    connection = getattr(session, "_connection", None)
    return None if connection is None else connection.session_id


def count_in_flight(transport: StreamableHTTPServerTransport, change: int) -> int:
    """Add to the number of requests that a session is serving, and return the new number."""
    transport._requests_in_flight += change
    return transport._requests_in_flight


@contextmanager
def replaced_stdio_server(streams: Callable[[], AbstractAsyncContextManager[Any]]) -> Iterator[None]:
    """Let FastMCP serve other streams than those of the SDK over stdio."""
    names = vars(fastmcp_transport)
    names["stdio_server"] = streams
    try:
        yield
    finally:
        names["stdio_server"] = stdio_server
