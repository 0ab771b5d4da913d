"""Private names of other libraries exist, and a missing one is reported with the feature that needs it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.server import server as fastmcp_server
from fastmcp.server.middleware import Middleware
from fastmcp.server.mixins import transport
from fastmcp.server.transforms import visibility
from mcp.server import _streamable_http_modern
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner
from mcp.server.session import ServerSession
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from opentelemetry import trace
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server_core.sdk import internals

APP: FastMCP[Any] = FastMCP("app")
SERVER = APP._mcp_server
RUNNER = ServerRunner(SERVER, Connection.from_envelope("2025-11-25", None, None), None)
MANAGER = StreamableHTTPSessionManager(SERVER)
TRANSPORT = StreamableHTTPServerTransport("id", idle_timeout=5.0)
SESSION = ServerSession(None, Connection.from_envelope("2025-11-25", None, None))  # type: ignore[arg-type]

NAMES: list[tuple[object, str, str, str]] = [
    (APP, "FastMCP", "_mcp_server", "to reach the request handlers"),
    (APP.local_provider, "LocalProvider", "_components", "to look tools up without waiting"),
    (APP, "FastMCP", "_extensions", "to leave apps with extensions to FastMCP"),
    (APP, "FastMCP", "_mask_error_details", "to mask errors on the fast lane"),
    (APP, "FastMCP", "_state_store", "to notice sessions that hide tools"),
    (APP, "FastMCP", "_state_storage", "to notice session state shared with other servers"),
    (APP, "FastMCP", "_request_state_security", "to share the key of request state between workers"),
    (SERVER, "Server", "_request_handlers", "to cache the result of initialize"),
    (RUNNER, "ServerRunner", "_negotiate_initialize", "to open light sessions"),
    (RUNNER, "ServerRunner", "_handle_initialize", "to open light sessions"),
    (RUNNER, "ServerRunner", "_serialize", "to encode results"),
    (MANAGER, "StreamableHTTPSessionManager", "_server_instances", "to count and find sessions"),
    (MANAGER, "StreamableHTTPSessionManager", "_session_owners", "to keep sessions to their owners"),
    (MANAGER, "StreamableHTTPSessionManager", "_lifespan_state", "to answer lists in light sessions"),
    (MANAGER, "StreamableHTTPSessionManager", "_admit_session", "to choose the ids of sessions"),
    (MANAGER, "StreamableHTTPSessionManager", "_discard_session", "to notice the ends of sessions"),
    (SESSION, "ServerSession", "_connection", "to tell tools in which session they are called"),
    (TRANSPORT, "StreamableHTTPServerTransport", "_idle_timeout", "to restart a session's idle time"),
    (TRANSPORT, "StreamableHTTPServerTransport", "_requests_in_flight", "to keep sessions from expiring"),
    (transport, "fastmcp.server.mixins.transport", "stdio_server", "to answer after the end of stdin"),
    (_streamable_http_modern, "_streamable_http_modern", "_SSE_PING_INTERVAL", "to send pings"),
    (trace, "opentelemetry.trace", "_TRACER_PROVIDER", "to leave traced requests to FastMCP"),
    (Middleware, "Middleware", "_dispatch_handler", "to find middleware that sees calls"),
    (APP, "FastMCP", "_transforms", "to leave apps with transforms to FastMCP"),
    (APP.local_provider, "LocalProvider", "_transforms", "to leave apps with transforms to FastMCP"),
    (APP, "FastMCP", "_list_page_size", "to cache lists"),
    (SERVER, "Server", "_notification_handlers", "to leave handled notifications to FastMCP"),
    *((APP, "FastMCP", name, "to notice changes of an app") for name in internals.APP_PARTS),
    *((SERVER, "Server", name, "to notice changes of an app") for name in internals.SERVER_PARTS),
    *(
        (APP.local_provider, "LocalProvider", name, "to notice changes of an app")
        for name in internals.PROVIDER_PARTS
    ),
    (visibility, "fastmcp.server.transforms.visibility", "_visibility_rules_key", "to notice hidden tools"),
    (fastmcp_server, "fastmcp.server.server", "_validation_error_summary", "to log wrong arguments"),
]
UVICORN_NAMES = (
    *("connection_made", "data_received", "on_headers_complete", "on_body", "on_message_complete"),
    *("on_response_complete", "timeout_keep_alive_handler", "connection_lost", "shutdown"),
)
"""Undocumented methods of uvicorn's protocol that the shortcut overrides or calls."""


@pytest.mark.parametrize(
    ("owner", "library_name", "name", "purpose"), NAMES, ids=lambda value: str(value)[:40]
)
def test_a_private_name_still_exists(owner: object, library_name: str, name: str, purpose: str) -> None:
    assert hasattr(owner, name), f"{library_name} no longer has {name}, which server-core uses {purpose}"


@pytest.mark.parametrize("name", UVICORN_NAMES)
def test_uvicorns_protocol_still_has_the_methods_of_the_shortcut(name: str) -> None:
    assert hasattr(HttpToolsProtocol, name), f"uvicorn's HttpToolsProtocol no longer has {name}"


def test_a_name_that_is_missing_at_import_is_reported_with_its_purpose() -> None:
    with pytest.raises(
        ImportError, match=r"asyncio no longer has _gone, which server-core uses to call tools: "
    ):
        internals._private(asyncio, "_gone", "call tools")


def test_the_accessors_return_what_the_names_hold() -> None:
    assert internals.low_level_server(APP) is SERVER
    assert internals.local_components(APP) is APP.local_provider._components
    assert not internals.extensions(APP)
    assert not internals.masks_error_details(APP)
    assert internals.request_state_security(APP) is None
    assert "tools/call" in internals.request_handlers(SERVER)
    assert internals.open_sessions(MANAGER) == internals.session_owners(MANAGER) == {}
    assert internals.lifespan_state(MANAGER) is None
    assert internals.tracer_provider() is None
    assert internals.notification_handlers(SERVER) == {}
    assert internals.transforms(APP) == internals.transforms(APP.local_provider) == []
    assert internals.list_page_size(APP) is None
    assert internals.idle_timeout_s(TRANSPORT) == 5.0
    assert [internals.count_in_flight(TRANSPORT, change) for change in (1, 1, -1)] == [1, 2, 1]


def test_admission_can_be_wrapped() -> None:
    manager = StreamableHTTPSessionManager(SERVER)
    internals.wrap_admission(manager, lambda _admit: lambda _requestor: None)
    assert manager._admit_session(None) is None


@pytest.mark.anyio
async def test_discarded_sessions_are_noticed() -> None:
    manager, discarded = StreamableHTTPSessionManager(SERVER), list[str]()
    internals.watch_discards(manager, discarded.append)
    transport = manager._admit_session(None)
    assert transport is not None
    assert transport.mcp_session_id is not None
    await manager._discard_session(transport.mcp_session_id, transport)
    assert discarded == [transport.mcp_session_id]
    assert internals.open_sessions(manager) == {}


def test_only_a_connection_with_a_session_has_a_sessions_id() -> None:
    assert internals.connection_session_id(SESSION) is None
    SESSION._connection.session_id = "abc"
    assert internals.connection_session_id(SESSION) == "abc"
    assert internals.connection_session_id(None) is None


def test_visibility_rules_are_stored_under_the_expected_key() -> None:
    source = visibility.__loader__.get_source(visibility.__name__)  # type: ignore[union-attr]
    assert f'{internals.VISIBILITY_RULES_SUFFIX}"' in source, (
        "FastMCP no longer stores visibility rules under keys that end with "
        f"{internals.VISIBILITY_RULES_SUFFIX}, which server-core uses to notice sessions that hide tools"
    )
