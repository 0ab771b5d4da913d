"""The SDK's responses to ``initialize`` and list requests, cached for light sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastmcp import FastMCP
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, serve_one
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import ValidationError
from pydantic_core import to_json

from server_core.fastlane.listed_components import fingerprint, list_reason, listed
from server_core.fastlane.request_meta import is_plain_meta
from server_core.sdk.internals import (
    SingleExchangeContext,
    initialize_result,
    list_page_size,
    low_level_server,
    negotiate_initialize,
    request_handlers,
    serialize_result,
)

VERSIONS: Final = HANDSHAKE_PROTOCOL_VERSIONS
"""Revisions with sessions."""

_MAX_INITIALIZE_RESULTS: Final = 100
_INITIALIZE_KEYS: Final = frozenset({"protocolVersion", "capabilities", "clientInfo"})


class Handshake:
    """Computes results with the SDK and caches them until the app or its components change.

    Both methods return None for what FastMCP has to answer, or to explain.
    """

    def __init__(self, mcp: FastMCP[Any], components: Mapping[str, Any]) -> None:
        self._mcp = mcp
        self._server = low_level_server(mcp)
        self._components = components
        self._initialize_results: dict[tuple[str, bytes], bytes] = {}
        self._lists: dict[tuple[str, str], tuple[bytes, bytes]] = {}

    def initialize(self, params: Any) -> tuple[bytes, str] | None:
        """Return the result of ``initialize`` as JSON and the negotiated version.

        None if FastMCP has to judge the parameters, or if the version is none of `VERSIONS`.
        """
        if type(params) is not dict or params.keys() - {"_meta"} != _INITIALIZE_KEYS:
            return None
        if not is_plain_meta(params.get("_meta", {})):
            return None
        runner = ServerRunner(self._server, Connection.from_envelope(VERSIONS[0], None, None), None)
        try:
            _, version = negotiate_initialize(runner, params)
        except ValidationError:
            return None
        if version not in VERSIONS:
            return None
        try:
            key = (version, self._description())
            if key not in self._initialize_results:
                result = serialize_result(runner, "initialize", version, initialize_result(runner, params))
                encoded = to_json(result)
                if len(self._initialize_results) >= _MAX_INITIALIZE_RESULTS:
                    self._initialize_results.clear()
                self._initialize_results[key] = encoded
        except Exception:  # noqa: BLE001 - FastMCP reports what is wrong with an app's description
            return None
        return self._initialize_results[key], version

    def _description(self) -> bytes:
        """Return everything that the result of ``initialize`` depends on."""
        server: Any = self._server
        return to_json(
            (
                *(server.name, server.title, server.description, server.version, server.instructions),
                *(server.website_url, server.icons, vars(server.notification_options), server.extensions),
                self._mcp.experimental_capabilities,
                list(request_handlers(server)),  # the server's capabilities follow from them
            ),
            fallback=id,
        )

    async def list_components(self, method: str, version: str, lifespan_state: Any) -> bytes | None:
        """Return the result of a list request as JSON, as clients of a protocol version receive it."""
        components = listed(method, self._components.values())
        if list_reason(components):
            return None
        try:
            shown = self._shown(components)
            cached = self._lists.get((method, version))
            if cached is not None and cached[0] == shown:
                return cached[1]
            encoded = to_json(await self._list(method, version, lifespan_state))
            if self._shown(listed(method, self._components.values())) != shown:
                return None  # the app has changed meanwhile
        except Exception:  # noqa: BLE001 - FastMCP reports what is wrong with a list
            return None
        self._lists[method, version] = (shown, encoded)
        return encoded

    def _shown(self, components: list[Any]) -> bytes:
        """Return everything that a list of components depends on."""
        middleware = [*map(id, self._mcp.middleware)]  # FastMCP's own, which dereferences schemas, or none
        return b"%a %a %b" % (middleware, list_page_size(self._mcp), fingerprint(components))

    async def _list(self, method: str, version: str, lifespan_state: Any) -> Any:
        context = SingleExchangeContext(
            transport=TransportContext(kind="streamable-http", can_send_request=False),
            request_id=0,
            message_metadata=ServerMessageMetadata(),
        )
        return await serve_one(
            self._server,
            context,
            method,
            None,
            connection=Connection.from_envelope(version, None, None),
            lifespan_state=lifespan_state,
        )
