"""The SDK's responses to ``initialize`` and list requests, cached for light sessions."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Final

from fastmcp import FastMCP
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, serve_one
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from pydantic import ValidationError
from pydantic_core import to_json

from server_core.sdk.internals import (
    SingleExchangeContext,
    initialize_result,
    low_level_server,
    negotiate_initialize,
    request_handlers,
    serialize_result,
)

LISTS: Final = frozenset({"tools/list", "resources/list", "resources/templates/list", "prompts/list"})

VERSIONS: Final = ("2025-11-25", "2025-06-18")
"""Revisions with sessions whose results have structured content."""

_MAX_INITIALIZE_RESULTS: Final = 100
_INITIALIZE_KEYS: Final = frozenset({"protocolVersion", "capabilities", "clientInfo"})


class Handshake:
    """Computes results with the SDK and caches them until the app or its components change."""

    def __init__(self, mcp: FastMCP[Any], components: Mapping[str, Any]) -> None:
        self._mcp = mcp
        self._server = low_level_server(mcp)
        self._components = components
        self._initialize_results: dict[tuple[object, ...], bytes] = {}
        self._lists: dict[tuple[str, str], tuple[tuple[Any, ...], bytes]] = {}

    def initialize(self, params: Any) -> tuple[bytes, str] | None:
        """Return the result of ``initialize`` as JSON and the negotiated version.

        None if FastMCP has to judge the parameters, or if the version is none of `VERSIONS`.
        """
        if type(params) is not dict or params.keys() != _INITIALIZE_KEYS:
            return None
        runner = ServerRunner(self._server, Connection.from_envelope(VERSIONS[0], None, None), None)
        try:
            _, version = negotiate_initialize(runner, params)
        except ValidationError:
            return None
        if version not in VERSIONS:
            return None
        mcp = self._mcp
        key = (
            *(version, mcp.name, mcp.version, mcp.instructions, mcp.website_url),
            tuple(request_handlers(self._server)),  # the server's capabilities follow from them
        )
        if key not in self._initialize_results:
            result = serialize_result(runner, "initialize", version, initialize_result(runner, params))
            if len(self._initialize_results) >= _MAX_INITIALIZE_RESULTS:
                self._initialize_results.clear()
            self._initialize_results[key] = to_json(result)
        return self._initialize_results[key], version

    async def list_components(self, method: str, version: str, lifespan_state: Any) -> bytes:
        """Return the result of a list request as JSON, as clients of a protocol version receive it."""
        components = tuple(self._components.values())
        cached = self._lists.get((method, version))
        if (
            cached is not None
            and len(cached[0]) == len(components)
            and all(map(operator.is_, cached[0], components))
        ):
            return cached[1]
        context = SingleExchangeContext(
            transport=TransportContext(kind="streamable-http", can_send_request=False),
            request_id=0,
            message_metadata=ServerMessageMetadata(),
        )
        result = await serve_one(
            self._server,
            context,
            method,
            None,
            connection=Connection.from_envelope(version, None, None),
            lifespan_state=lifespan_state,
        )
        encoded = to_json(result)
        self._lists[method, version] = (components, encoded)
        return encoded
