"""In-memory clients connected over HTTP: every test with one becomes a test of the HTTP transport.

A FastMCP `Client` that is given an app calls its low-level server through a pair of streams, without HTTP. It
gets the app's own HTTP app here, in the same process and without a socket. What only the in-memory
transport can do (raise the server's exceptions in the client) is missing, so some tests fail with and without
the lane.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
from fastmcp import FastMCP
from fastmcp.client.transports.base import TransportOptions
from fastmcp.client.transports.http import StreamableHttpTransport
from fastmcp.client.transports.memory import FastMCPTransport
from fastmcp.server import http
from fastmcp.utilities.asgi_transport import StreamingASGITransport, run_asgi_lifespan
from mcp import ClientSession

_ORIGIN: Final = "http://127.0.0.1"
_PATH: Final = "/mcp"


def install(*, sessions: bool) -> None:
    """Connect in-memory clients over HTTP from now on.

    Args:
        sessions: Whether clients that leave the choice to negotiation use sessions (revision 2025-11-25);
            otherwise they find the stateless wire (2026-07-28).
    """
    in_memory = FastMCPTransport.connect_session

    @contextlib.asynccontextmanager
    async def connect_session(
        self: FastMCPTransport, *, transport_options: TransportOptions | None = None, **session_kwargs: Any
    ) -> AsyncIterator[ClientSession]:
        options = transport_options or TransportOptions()
        if isinstance(self.server, FastMCP):
            connected = _connect_over_http(self.server, options, session_kwargs)
        else:  # a server of the SDK alone
            connected = in_memory(self, transport_options=options, **session_kwargs)
        async with connected as session:
            yield session

    FastMCPTransport.connect_session = connect_session  # type: ignore[method-assign]
    FastMCPTransport.legacy_only = sessions


@contextlib.asynccontextmanager
async def _connect_over_http(
    server: FastMCP[Any], options: TransportOptions, session_kwargs: Any
) -> AsyncIterator[ClientSession]:
    # Looked up here, because the lane's plug-in replaces the function. Without authorization, as in memory.
    app = http.create_streamable_http_app(server, _PATH)

    def client_factory(**kwargs: Any) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=StreamingASGITransport(app), base_url=_ORIGIN, **kwargs)

    transport = StreamableHttpTransport(_ORIGIN + _PATH, httpx_client_factory=client_factory)
    # The in-memory transport does not forward the headers of the request being served either.
    own_options = dataclasses.replace(options, forward_incoming_headers=False)
    async with (
        run_asgi_lifespan(app),
        transport.connect_session(transport_options=own_options, **session_kwargs) as session,
    ):
        yield session
