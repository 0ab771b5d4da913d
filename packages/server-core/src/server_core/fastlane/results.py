"""Results and failures of direct calls, as FastMCP would send them.

The common results are put together from bytes; whatever is out of the ordinary goes through the code of
FastMCP and of the SDK, which then decide what it becomes.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.exceptions import FastMCPError, ToolError
from fastmcp.server.mixins.mcp_operations import _normalize_call_tool_result
from fastmcp.server.server import logger as fastmcp_logger
from fastmcp.tools import ToolResult
from fastmcp.utilities.exceptions import get_http_status_code, is_timeout_error
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, modern_error_data
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    JSONRPCError,
    JSONRPCResponse,
    TextContent,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_json

from server_core.fastlane.direct_tool import DirectTool
from server_core.tools import EncodedJson

_PLAIN: Final = (float, int, bool, str, type(None), dict)
_FOREIGN_PACKAGES: Final = frozenset({"mcp", "mcp_types", "fastmcp", "prefab_ui"})
"""Packages whose models, and what is derived from them, mean more than their fields."""


class Answers:
    """Answers to tool calls of one protocol version.

    Args:
        mcp: The app that they look like answers of.
        version: Protocol version of the wire.
    """

    def __init__(self, mcp: FastMCP[Any], version: str) -> None:
        self._mcp = mcp
        self._version = version
        server = mcp._mcp_server
        self._runner = ServerRunner(server, Connection.from_envelope(version, None, None), None)
        self._modern = version in MODERN_PROTOCOL_VERSIONS
        # On the modern wire results are complete and say who made them.
        self._complete = b',"resultType":"complete"' if self._modern else b""
        stamp = (
            b'"io.modelcontextprotocol/serverInfo":' + to_json(server.server_info_stamp)
            if self._modern
            else b""
        )
        wrapped = b'"fastmcp":{"wrap_result":true}'
        self._meta = b',"_meta":{' + stamp + b"}" if stamp else b""
        self._meta_wrapped = b',"_meta":{' + wrapped + (b"," + stamp if stamp else b"") + b"}"
        self._plain_types: dict[type, bool] = {}

    def result(self, id_json: bytes, direct: DirectTool, raw: Any) -> bytes:
        """Return the answer that carries what a tool returned.

        Raises:
            Exception: The result cannot be converted, as if the tool itself had raised it.
        """
        parts: tuple[bytes, bytes, bytes] | None
        if type(raw) is EncodedJson:
            parts = _said(raw.text), *self._structured(direct, raw.text, with_it=True)
        else:
            parts = self._parts(direct, raw)
        if parts is None:
            return self._exact(id_json, direct.tool.convert_result(raw))
        content, structured, meta = parts
        return (
            b'{"jsonrpc":"2.0","id":' + id_json + b',"result":{"content":' + content + b',"isError":false'
            + self._complete + structured + meta + b"}}"
        )  # fmt: skip

    def _parts(self, direct: DirectTool, raw: Any) -> tuple[bytes, bytes, bytes] | None:
        """Return content, structured content and meta as JSON; None for what is out of the ordinary."""
        if not self._is_plain(raw):
            return None
        try:
            structured = direct.serializer.to_python(raw, mode="json")
        except (PydanticSerializationError, UnicodeDecodeError):
            return None
        try:
            text = to_json(structured)
        except (PydanticSerializationError, ValueError):  # lone surrogates, for example
            return None
        if b"NaN" in text or b"Infinity" in text:
            return None
        is_dict = isinstance(structured, dict)
        has_schema = direct.tool.output_schema is not None
        if has_schema and not direct.wraps and not is_dict:
            return None
        return _content(structured, text), *self._structured(direct, text, with_it=has_schema or is_dict)

    def _structured(self, direct: DirectTool, text: bytes, *, with_it: bool) -> tuple[bytes, bytes]:
        if direct.wraps:
            return b',"structuredContent":{"result":' + text + b"}", self._meta_wrapped
        return (b',"structuredContent":' + text if with_it else b""), self._meta

    def _is_plain(self, raw: Any) -> bool:
        kind = type(raw)
        known = self._plain_types.get(kind)
        if known is None:
            known = self._plain_types[kind] = _is_plain_type(kind)
        return known

    def _exact(self, id_json: bytes, result: ToolResult) -> bytes:
        """Return the answer as FastMCP and the SDK make it."""
        call_result = _normalize_call_tool_result(result.to_mcp_result())
        return self._sent(id_json, self._runner._serialize("tools/call", self._version, call_result))

    def _sent(self, id_json: bytes, document: dict[str, Any]) -> bytes:
        message = JSONRPCResponse(jsonrpc="2.0", id=0, result=document)
        text = message.model_dump_json(by_alias=True, exclude_none=True)
        return text.replace('"id":0', f'"id":{id_json.decode()}', 1).encode()

    def failure(self, id_json: bytes, tool: str, error: Exception) -> tuple[int, bytes]:
        """Return the answer to a call whose tool raised, and its HTTP status.

        What the client reads, what is masked and what the log says is as in ``FastMCP.call_tool``.
        """
        try:
            text = self._said(tool, error)
        except MCPError as refusal:
            data = modern_error_data(refusal)
            message = JSONRPCError(jsonrpc="2.0", id=0, error=data).model_dump_json(
                by_alias=True, exclude_none=True
            )
            return 400 if self._modern else 200, message.replace(
                '"id":0', f'"id":{id_json.decode()}', 1
            ).encode()
        return 200, self.error(id_json, text)

    def error(self, id_json: bytes, text: str) -> bytes:
        """Return the answer ``isError`` with a text for the model."""
        try:
            said = to_json(text)
        except (PydanticSerializationError, ValueError):
            result = CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
            return self._sent(id_json, self._runner._serialize("tools/call", self._version, result))
        return (
            b'{"jsonrpc":"2.0","id":' + id_json + b',"result":{"content":[{"text":' + said
            + b',"type":"text"}],"isError":true' + self._complete + self._meta + b"}}"
        )  # fmt: skip

    def _said(self, tool: str, error: Exception) -> str:
        """Return what the client is told.

        Raises:
            MCPError: The request cannot be served at all, which is no result of the tool.
        """
        if isinstance(error, FastMCPError):
            fastmcp_logger.log(error.log_level, f"Error calling tool {tool!r}", exc_info=False)
            return str(error)
        if isinstance(error, MCPError) and error.error.code == MISSING_REQUIRED_CLIENT_CAPABILITY:
            raise error
        status = get_http_status_code(error)
        fastmcp_logger.log(logging.ERROR, f"Error calling tool {tool!r}", exc_info=None if status else error)
        if status == 429:
            return "Rate limited by upstream API, please retry later"
        if is_timeout_error(error):
            return "Upstream request timed out, please retry"
        if self._mcp._mask_error_details:
            return str(ToolError(f"Error calling tool {tool!r}"))
        return str(ToolError(f"Error calling tool {tool!r}: {error}"))


def _is_plain_type(kind: type) -> bool:
    if kind in _PLAIN:
        return True
    if issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind):
        packages = {each.__module__.partition(".")[0] for each in kind.__mro__}
        return packages.isdisjoint(_FOREIGN_PACKAGES)
    return False


def _content(structured: Any, text: bytes) -> bytes:
    """Return the content blocks of a JSON value."""
    if structured is None:
        return b"[]"
    return b'[{"text":' + text + b',"type":"text"}]' if isinstance(structured, str) else _said(text)


def _said(text: bytes) -> bytes:
    """Return the content block that says JSON text."""
    return b'[{"text":' + to_json(text.decode()) + b',"type":"text"}]'
