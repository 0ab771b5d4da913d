"""What a client of the session wire asks before it calls, as the SDK answers it: ``initialize`` and lists."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Final

from fastmcp import FastMCP
from mcp.server._streamable_http_modern import _SingleExchangeDispatchContext
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, serve_one
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from pydantic import ValidationError
from pydantic_core import to_json

LISTS: Final = frozenset({"tools/list", "resources/list", "resources/templates/list", "prompts/list"})

VERSIONS: Final = ("2025-11-25", "2025-06-18")
"""Revisions with sessions whose results have structured content."""

_MOST_OPENINGS: Final = 100
_OPENING_KEYS: Final = frozenset({"protocolVersion", "capabilities", "clientInfo"})


class Handshake:
    """Makes results and remembers them while nothing changes.

    Args:
        mcp: The app.
        components: The app's own tools, resources and prompts.
    """

    def __init__(self, mcp: FastMCP[Any], components: Mapping[str, Any]) -> None:
        self._mcp = mcp
        self._components = components
        self._openings: dict[tuple[object, ...], bytes] = {}
        self._lists: dict[tuple[str, str], tuple[tuple[Any, ...], bytes]] = {}

    def opening(self, params: Any) -> tuple[bytes, str] | None:
        """Return the result of ``initialize`` as JSON and the version agreed on.

        None when FastMCP has to look at the parameters, or when the version is one whose results differ.
        """
        if type(params) is not dict or params.keys() != _OPENING_KEYS:
            return None
        server = self._mcp._mcp_server
        runner = ServerRunner(server, Connection.from_envelope(VERSIONS[0], None, None), None)
        try:
            _, version = runner._negotiate_initialize(params)
        except ValidationError:
            return None
        if version not in VERSIONS:
            return None
        mcp = self._mcp
        handlers = tuple(server._request_handlers)  # what the server says it can do follows from them
        key = (version, mcp.name, mcp.version, mcp.instructions, mcp.website_url, handlers)
        if key not in self._openings:
            result = runner._serialize("initialize", version, runner._handle_initialize(params))
            if len(self._openings) >= _MOST_OPENINGS:
                self._openings.clear()
            self._openings[key] = to_json(result)
        return self._openings[key], version

    async def listing(self, method: str, version: str, lifespan_state: Any) -> bytes:
        """Return the result of a list as JSON, as clients of a version get it.

        Raises:
            Exception: The app cannot list.
        """
        now = tuple(self._components.values())
        known = self._lists.get((method, version))
        if known is not None and len(known[0]) == len(now) and all(map(operator.is_, known[0], now)):
            return known[1]
        context = _SingleExchangeDispatchContext(
            transport=TransportContext(kind="streamable-http", can_send_request=False),
            request_id=0,
            message_metadata=ServerMessageMetadata(),
        )
        result = await serve_one(
            self._mcp._mcp_server,
            context,
            method,
            None,
            connection=Connection.from_envelope(version, None, None),
            lifespan_state=lifespan_state,
        )
        made = to_json(result)
        self._lists[method, version] = (now, made)
        return made
