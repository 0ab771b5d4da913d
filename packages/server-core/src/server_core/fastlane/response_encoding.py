"""Responses to direct calls, encoded as FastMCP would send them.

Common results are assembled from bytes; unusual ones go through the code of FastMCP and of the SDK.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.exceptions import FastMCPError, ToolError, ValidationError
from fastmcp.server.providers.prefab_payload import payload_has_identities, rewrite_payload_tool_names
from fastmcp.server.server import logger as fastmcp_logger
from fastmcp.tools.base import default_serializer
from fastmcp.utilities.exceptions import get_http_status_code, is_timeout_error
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, modern_error_data
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS
from mcp.shared.jsonrpc_dispatcher import handler_exception_to_error_data
from mcp_types import (
    CONNECTION_CLOSED,
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
from server_core.fastlane.result_kinds import has_simple_fields
from server_core.sdk.internals import (
    low_level_server,
    masks_error_details,
    normalize_call_tool_result,
    serialize_result,
    validation_error_summary,
)
from server_core.tools import EncodedJson, PlainTool

_SCALARS: Final[frozenset[type]] = frozenset({float, int, bool, str, type(None)})
_PLAIN: Final = (*_SCALARS, dict)
_FOREIGN_PACKAGES: Final = frozenset({"mcp", "mcp_types", "fastmcp", "prefab_ui"})
"""Packages whose models, and models derived from them, are more than their fields."""
_SEQUENCES: Final = (list, tuple, str, bytes)
"""FastMCP looks at these, and at classes derived from them, element by element or as text."""

_NOT_JSON: Final = (
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"Error handling POST request"}}'
)
"""The SDK's response on the session wire when a result cannot be written as JSON."""

_REPLACEMENT: Final = "\ufffd".encode()
"""Written by pydantic for half of a surrogate pair in a key, which FastMCP cannot write."""

_sdk_logger = logging.getLogger("mcp.shared.jsonrpc_dispatcher")

EncodedResponse = tuple[int, bytes]
"""HTTP status and body."""


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
        self._simple_types: dict[type, bool] = dict.fromkeys(_SCALARS, True)

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

    def result(self, id_json: bytes, direct: DirectTool, raw: Any) -> tuple[int, bytes, bool]:
        """Return HTTP status and body of the response with a tool's result, and whether the call failed.

        An exception counts as an error of the tool.
        """
        parts: tuple[bytes, bytes, bytes] | None
        if type(raw) is EncodedJson and isinstance(direct.tool, PlainTool):
            parts = _text_block(raw.text), *self._structured(direct, raw.text, include=True)
        else:
            parts = self._parts(direct, raw)
        if parts is None:
            return self._exact(id_json, direct, raw)
        content, structured, meta = parts
        response = (
            b'{"jsonrpc":"2.0","id":' + id_json + b',"result":{"content":' + content + b',"isError":false'
            + self._complete + structured + meta + b"}}"
        )  # fmt: skip
        return 200, response, False

    def _parts(self, direct: DirectTool, raw: Any) -> tuple[bytes, bytes, bytes] | None:
        """Return content, structured content and meta as JSON; None for an unusual result."""
        if not self._is_plain(raw):
            return None
        is_simple = type(raw) in _SCALARS or direct.has_simple_results or self._is_simple(raw)
        if not is_simple and not direct.has_simple_lists:
            # FastMCP writes a result twice and shows the second text. The first empties iterators, or fails.
            default_serializer(raw)
        # An iterator in place of a list is a warning of FastMCP's. As an error it costs 1 µs.
        warnings: Any = is_simple or not direct.has_simple_lists or "error"
        try:
            structured = direct.serializer.to_python(raw, mode="json", warnings=warnings)
        except (PydanticSerializationError, UnicodeDecodeError):
            return None
        try:
            text = to_json(structured)
        except (PydanticSerializationError, ValueError):  # lone surrogates, for example
            return None
        is_dict = isinstance(structured, dict)
        has_schema = direct.tool.output_schema is not None
        has_odd_number = b"NaN" in text or b"Infinity" in text
        has_odd_key = is_dict and (_REPLACEMENT in text or "_meta" in structured)  # `_meta` may name tools
        if has_odd_number or has_odd_key or (has_schema and not direct.wraps and not is_dict):
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

    def _is_simple(self, raw: Any) -> bool:
        """Return whether it does not matter how often a plain result is written as JSON."""
        kind = type(raw)
        if kind is dict:
            return _SCALARS.issuperset(map(type, raw.values()))
        simple = self._simple_types.get(kind)
        if simple is None:
            simple = self._simple_types[kind] = has_simple_fields(kind)
        return simple

    def _exact(self, id_json: bytes, direct: DirectTool, raw: Any) -> tuple[int, bytes, bool]:
        """Return the response as FastMCP and the SDK encode it, and whether it is an error."""
        try:
            result = direct.tool.convert_result(raw)
        except PydanticValidationError as error:  # not an error of the tool, for FastMCP
            _log_wrong_arguments(direct.tool.name, error)
            return *self._unexpected(id_json, error), True
        try:
            payload = result.structured_content
            if payload_has_identities(payload):
                # Where no tool has an identity, FastMCP restores those in a user interface.
                rewrite_payload_tool_names(payload, lambda _identity: None)
            normalized = normalize_call_tool_result(result.to_mcp_result())
            return *self._encode(id_json, normalized), normalized.is_error is True
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, it answers
            return *self._unexpected(id_json, error), True

    def _encode(self, id_json: bytes, result: CallToolResult) -> EncodedResponse:
        document = serialize_result(self._runner, "tools/call", self.version, result)
        return self._dump(JSONRPCResponse(jsonrpc="2.0", id=0, result=document), id_json)

    def _dump(self, response: JSONRPCResponse | JSONRPCError, id_json: bytes) -> EncodedResponse:
        """Return a response with id 0 as the SDK writes it, with the request's id in place of the 0."""
        if self._modern:
            document = response.model_dump(mode="json", by_alias=True, exclude_none=True)
            text = json.dumps(document, separators=(",", ":"))
        else:
            try:
                text = response.model_dump_json(by_alias=True, exclude_unset=True)
            except PydanticSerializationError:  # half of a surrogate pair
                return 500, _NOT_JSON
        return 200, text.replace('"id":0', f'"id":{id_json.decode()}', 1).encode()

    def failure(self, id_json: bytes, tool: str, error: Exception) -> EncodedResponse:
        """Return the response to a call whose tool raised an exception.

        Text, masking and log line are those of ``FastMCP.call_tool``.
        """
        try:
            text = self._failure_text(tool, error)
        except Exception as unexpected:  # noqa: BLE001 - MCPError, or raised by the error when it is shown
            return self._unexpected(id_json, unexpected)
        return self.error(id_json, text)

    def _unexpected(self, id_json: bytes, error: Exception) -> EncodedResponse:
        """Return the SDK's response to an exception that FastMCP does not turn into a result."""
        data = modern_error_data(error) if self._modern else handler_exception_to_error_data(error)
        if data is None:
            _sdk_logger.error("handler for 'tools/call' raised", exc_info=error)
            data = ErrorData(code=0, message=str(error))
        status, body = self._dump(JSONRPCError(jsonrpc="2.0", id=0, error=data), id_json)
        return ERROR_CODE_HTTP_STATUS.get(data.code, status) if self._modern else status, body

    def cancelled(self, id_json: bytes) -> EncodedResponse | None:
        """Return the SDK's response to a call whose tool raises a cancellation; None if it has none."""
        if self._modern:
            return None
        closed = ErrorData(code=CONNECTION_CLOSED, message="Connection closed")
        return self._dump(JSONRPCError(jsonrpc="2.0", id=0, error=closed), id_json)

    def error(self, id_json: bytes, text: str) -> EncodedResponse:
        """Return the response with ``isError`` and a text for the model."""
        try:
            text_json = to_json(text)
        except (PydanticSerializationError, ValueError):
            result = CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
            return self._encode(id_json, result)
        return 200, (
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
                _log_wrong_arguments(tool, cause)
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
    if issubclass(kind, BaseModel) or (dataclasses.is_dataclass(kind) and not issubclass(kind, _SEQUENCES)):
        packages = {each.__module__.partition(".")[0] for each in kind.__mro__}
        return packages.isdisjoint(_FOREIGN_PACKAGES)
    return False


def _content(structured: Any, text: bytes) -> bytes:
    """Return the content blocks for a JSON value; there are none for null and for an empty list."""
    if structured is None or structured == []:
        return b"[]"
    return b'[{"text":' + text + b',"type":"text"}]' if isinstance(structured, str) else _text_block(text)


def _text_block(text: bytes) -> bytes:
    """Return the content block that holds JSON as text."""
    return b'[{"text":' + to_json(text.decode()) + b',"type":"text"}]'


def _log_wrong_arguments(tool: str, error: PydanticValidationError) -> None:
    fastmcp_logger.warning("Invalid arguments for tool %r: %s", tool, validation_error_summary(error))
