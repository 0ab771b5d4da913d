"""Responses to direct calls, encoded as FastMCP would send them.

Common results are assembled from bytes; unusual ones go through the code of FastMCP and of the SDK.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.exceptions import FastMCPError, ToolError, ValidationError
from fastmcp.server.providers.prefab_payload import payload_has_identities, rewrite_payload_tool_names
from fastmcp.server.server import logger as fastmcp_logger
from fastmcp.tools import ToolResult
from fastmcp.utilities.exceptions import get_http_status_code, is_timeout_error
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, modern_error_data
from mcp.shared.exceptions import MCPError
from mcp.shared.jsonrpc_dispatcher import handler_exception_to_error_data
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    ErrorData,
    JSONRPCError,
    JSONRPCResponse,
    TextContent,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel
from pydantic import ValidationError as PydanticValidationError
from pydantic_core import PydanticSerializationError, to_json

from server_core.fastlane.direct_tool import DirectTool
from server_core.sdk.internals import (
    low_level_server,
    masks_error_details,
    normalize_call_tool_result,
    serialize_result,
    validation_error_summary,
)
from server_core.tools import EncodedJson, PlainTool

_PLAIN: Final = (float, int, bool, str, type(None), dict)
_FOREIGN_PACKAGES: Final = frozenset({"mcp", "mcp_types", "fastmcp", "prefab_ui"})
"""Packages whose models, and models derived from them, are more than their fields."""


class ResponseEncoder:
    """Encodes responses to tool calls for one protocol `version`, as FastMCP would for the app."""

    def __init__(self, mcp: FastMCP[Any], version: str) -> None:
        self._mcp = mcp
        self.version = version
        server = low_level_server(mcp)
        self._runner = ServerRunner(server, Connection.from_envelope(version, None, None), None)
        self._modern = version in MODERN_PROTOCOL_VERSIONS
        # On the stateless wire results are marked complete and name the server.
        self._complete = b',"resultType":"complete"' if self._modern else b""
        self._plain_types: dict[type, bool] = {}

    @functools.cached_property
    def _stamp(self) -> bytes:
        """Name of the server in results; the SDK fixes it with the first response."""
        if not self._modern:
            return b""
        stamp = to_json(low_level_server(self._mcp).server_info_stamp)
        return b'"io.modelcontextprotocol/serverInfo":' + stamp

    @functools.cached_property
    def _meta(self) -> bytes:
        return b',"_meta":{' + self._stamp + b"}" if self._stamp else b""

    @functools.cached_property
    def _meta_wrapped(self) -> bytes:
        stamp = b"," + self._stamp if self._stamp else b""
        return b',"_meta":{"fastmcp":{"wrap_result":true}' + stamp + b"}"

    def result(self, id_json: bytes, direct: DirectTool, raw: Any) -> tuple[bytes, bool]:
        """Return the response with a tool's result, and whether the result says that the call failed.

        An exception counts as an error of the tool.
        """
        parts: tuple[bytes, bytes, bytes] | None
        if type(raw) is EncodedJson and isinstance(direct.tool, PlainTool):
            parts = _text_block(raw.text), *self._structured(direct, raw.text, include=True)
        else:
            parts = self._parts(direct, raw)
        if parts is None:
            return self._exact(id_json, direct.tool.convert_result(raw))
        content, structured, meta = parts
        response = (
            b'{"jsonrpc":"2.0","id":' + id_json + b',"result":{"content":' + content + b',"isError":false'
            + self._complete + structured + meta + b"}}"
        )  # fmt: skip
        return response, False

    def _parts(self, direct: DirectTool, raw: Any) -> tuple[bytes, bytes, bytes] | None:
        """Return content, structured content and meta as JSON; None for an unusual result."""
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
        may_name_tools = is_dict and "_meta" in structured
        if may_name_tools or (has_schema and not direct.wraps and not is_dict):
            return None
        return _content(structured, text), *self._structured(direct, text, include=has_schema or is_dict)

    def _structured(self, direct: DirectTool, text: bytes, *, include: bool) -> tuple[bytes, bytes]:
        if direct.wraps:
            return b',"structuredContent":{"result":' + text + b"}", self._meta_wrapped
        return (b',"structuredContent":' + text if include else b""), self._meta

    def _is_plain(self, raw: Any) -> bool:
        kind = type(raw)
        is_plain = self._plain_types.get(kind)
        if is_plain is None:
            is_plain = self._plain_types[kind] = _is_plain_type(kind)
        return is_plain

    def _exact(self, id_json: bytes, result: ToolResult) -> tuple[bytes, bool]:
        """Return the response as FastMCP and the SDK encode it, and whether it is an error."""
        payload = result.structured_content
        if payload_has_identities(payload):
            # Where no tool has an identity, FastMCP restores those in a user interface.
            rewrite_payload_tool_names(payload, lambda _identity: None)
        normalized = normalize_call_tool_result(result.to_mcp_result())
        return self._encode(id_json, normalized), normalized.is_error is True

    def _encode(self, id_json: bytes, result: CallToolResult) -> bytes:
        document = serialize_result(self._runner, "tools/call", self.version, result)
        return _dump(JSONRPCResponse(jsonrpc="2.0", id=0, result=document), id_json)

    def failure(self, id_json: bytes, tool: str, error: Exception) -> tuple[int, bytes]:
        """Return the HTTP status and the response to a call whose tool raised an exception.

        Text, masking and log line are those of ``FastMCP.call_tool``.
        """
        try:
            text = self._failure_text(tool, error)
        except MCPError as mcp_error:
            response = JSONRPCError(jsonrpc="2.0", id=0, error=modern_error_data(mcp_error))
            return 400 if self._modern else 200, _dump(response, id_json)
        except Exception as unexpected:  # noqa: BLE001 - raised by the error itself, when it is shown
            return 200, self._unexpected(id_json, unexpected)
        return 200, self.error(id_json, text)

    def _unexpected(self, id_json: bytes, error: Exception) -> bytes:
        """Return the SDK's response to an exception that FastMCP does not turn into a result."""
        data = modern_error_data(error) if self._modern else handler_exception_to_error_data(error)
        return _dump(
            JSONRPCError(jsonrpc="2.0", id=0, error=data or ErrorData(code=0, message=str(error))), id_json
        )

    def error(self, id_json: bytes, text: str) -> bytes:
        """Return the response with ``isError`` and a text for the model."""
        try:
            text_json = to_json(text)
        except (PydanticSerializationError, ValueError):
            result = CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
            return self._encode(id_json, result)
        return (
            b'{"jsonrpc":"2.0","id":' + id_json + b',"result":{"content":[{"text":' + text_json
            + b',"type":"text"}],"isError":true' + self._complete + self._meta + b"}}"
        )  # fmt: skip

    def _failure_text(self, tool: str, error: Exception) -> str:
        """Log an exception of a tool and return the text for the model.

        Raises:
            MCPError: The response has to be a JSON-RPC error instead of a tool result.
        """
        if isinstance(error, ValidationError):
            cause = error.__cause__
            if isinstance(cause, PydanticValidationError):
                summary = validation_error_summary(cause)
                fastmcp_logger.warning("Invalid arguments for tool %r: %s", tool, summary)
            else:
                fastmcp_logger.warning("Invalid arguments for tool %r", tool)
            return str(error)
        if isinstance(error, FastMCPError):
            fastmcp_logger.log(error.log_level, f"Error calling tool {tool!r}", exc_info=False)
            return str(error)
        if isinstance(error, MCPError) and error.error.code == MISSING_REQUIRED_CLIENT_CAPABILITY:
            fastmcp_logger.debug("Tool %r requires a client capability the client did not declare", tool)
            raise error
        status = get_http_status_code(error)
        fastmcp_logger.log(logging.ERROR, f"Error calling tool {tool!r}", exc_info=None if status else error)
        if status == 429:
            return "Rate limited by upstream API, please retry later"
        if is_timeout_error(error):
            return "Upstream request timed out, please retry"
        if masks_error_details(self._mcp):
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
    """Return the content blocks for a JSON value."""
    if structured is None:
        return b"[]"
    return b'[{"text":' + text + b',"type":"text"}]' if isinstance(structured, str) else _text_block(text)


def _text_block(text: bytes) -> bytes:
    """Return the content block that holds JSON as text."""
    return b'[{"text":' + to_json(text.decode()) + b',"type":"text"}]'


def _dump(response: JSONRPCResponse | JSONRPCError, id_json: bytes) -> bytes:
    """Return a response with id 0 as JSON, with the request's id in place of the 0."""
    text = response.model_dump_json(by_alias=True, exclude_none=True)
    return text.replace('"id":0', f'"id":{id_json.decode()}', 1).encode()
