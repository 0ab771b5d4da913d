"""Tools whose error messages a language model can act on."""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastmcp.exceptions import ValidationError
from fastmcp.tools import FunctionTool, ToolResult
from mcp_types import TextContent
from pydantic import ValidationError as ArgumentsError

_MAX_QUOTE = 60
"""Characters of a wrong value that an error repeats: enough to recognise it, few enough to read past."""

_MAX_PATH = 200
"""Characters of the place of a wrong value, which may contain keys that the client has chosen."""

_MAX_REASON = 500
"""Characters of a reason: enough for the accepted values of a choice."""

_MAX_SENTENCES = 10
"""Wrong arguments that an error describes; a client that sends thousands learns nothing from the rest."""

_MAY_BE_STRUCTURED = re.compile(r"^(?:\s+\S|:|@|.*:\s*$|\s*[-=~]{2,}\s*$)", re.MULTILINE)
"""Lines of docstrings that may have sections, in the style of Google, NumPy or Sphinx."""

_LAZY_JSON = json.JSONEncoder(default=str)
"""Its `iterencode` encodes a list or an object piece by piece, on request."""

_JSON_TYPES = {"number": "a JSON number", "integer": "a whole JSON number", "string": "a JSON string",
               "boolean": "true or false", "array": "a JSON array", "object": "a JSON object"}  # fmt: skip


@dataclass(frozen=True)
class EncodedJson:
    """A `PlainTool` result that is JSON already; the fast lane sends it unchanged.

    Give the tool its `output_schema`, or annotate its function with `Any`: no schema can be derived from this
    type.

    Attributes:
        text: A JSON object in UTF-8, without spaces between its tokens.
    """

    text: bytes


class PlainTool(FunctionTool):
    """A tool that explains in one sentence per argument what is wrong with its arguments and what to send.

    Validation, call and result are FastMCP's; only the wording of errors differs. The function may return
    `EncodedJson`.

    The class is also its author's promise that the tool is plain: it sends its client nothing but its result.
    So it takes the fast lane even if its code does not prove that. Whatever it asks FastMCP while it runs
    (request, headers, access token, server, context) is true there; a message to the client that would need a
    stream raises an error.

    Example:
        >>> async def double(number: float) -> float:
        ...     "Double a number."
        ...     return 2 * number
        >>> mcp = FastMCP("numbers")
        >>> tool = mcp.add_tool(PlainTool.from_function(double))
        >>> asyncio.run(mcp.call_tool("double", {"number": "two"}))
        Traceback (most recent call last):
        fastmcp.exceptions.ValidationError: 'number' must be a JSON number, but "two" was sent: ...
    """

    if not TYPE_CHECKING:  # the signature is FastMCP's

        @classmethod
        def from_function(cls, fn: Callable[..., Any], **options: Any) -> PlainTool:
            """Create a tool from a function, whose docstring is its description."""
            description = options.pop("description", None) or _plain_docstring(fn)
            if description is None:
                return super().from_function(fn, **options)
            with _without_docstring(fn):
                return super().from_function(fn, description=description, **options)

    def convert_result(self, raw_value: Any) -> ToolResult:
        """Return what the function returned as a FastMCP result."""
        if isinstance(raw_value, EncodedJson):
            content = [TextContent(type="text", text=raw_value.text.decode())]
            return ToolResult(content=content, structured_content=json.loads(raw_value.text))
        return super().convert_result(raw_value)

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Run the tool with `arguments`.

        Raises:
            ValidationError: The arguments are wrong; its text is for the model.
        """
        try:
            return await super().run(arguments)
        except ValidationError as error:
            # FastMCP raises it from pydantic's error, with its text. The tool's own errors keep their texts.
            if isinstance(error.__cause__, ArgumentsError) and str(error) == str(error.__cause__):
                message = describe_wrong_arguments(self.name, self.parameters, error.__cause__)
                raise ValidationError(message, log_level=error.log_level) from error.__cause__
            raise


def _plain_docstring(fn: object) -> str | None:
    """Return the docstring of a function if all of it is description; None for anything else.

    FastMCP's parser comes to the same result, but its import takes a twentieth of the start of a server.
    """
    if not isinstance(fn, types.FunctionType | types.MethodType) or hasattr(fn, "__wrapped__"):
        return None
    doc = inspect.getdoc(fn)
    return doc if doc and not _MAY_BE_STRUCTURED.search(doc) else None


@contextmanager
def _without_docstring(fn: Any) -> Iterator[None]:
    """Hide the docstring of a function within the block."""
    function = fn.__func__ if isinstance(fn, types.MethodType) else fn
    doc, function.__doc__ = function.__doc__, None
    try:
        yield
    finally:
        function.__doc__ = doc


def describe_wrong_arguments(tool: str, input_schema: dict[str, Any], error: ArgumentsError) -> str:
    """Return what is wrong with the first ten wrong arguments and what to send instead, one sentence each.

    The order is pydantic's. The text is short, however many arguments are sent and however long they are.
    """
    properties: dict[str, Any] = input_schema.get("properties", {})
    details = error.errors(include_url=False, include_context=False)
    sentences = [_sentence(tool, properties, detail) for detail in details[:_MAX_SENTENCES]]
    if len(details) > _MAX_SENTENCES:
        sentences.append(f"And {len(details) - _MAX_SENTENCES:,} more.")
    return " ".join(sentences)


def _sentence(tool: str, properties: dict[str, Any], detail: Any) -> str:
    path = _shortened(".".join(str(part) for part in detail["loc"]), _MAX_PATH)
    name = str(detail["loc"][0]) if detail["loc"] else ""
    expected = _JSON_TYPES.get(properties.get(name, {}).get("type", ""), "")
    match detail["type"]:
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f"{tool} needs the argument '{path}', which is missing: send {expected or 'a value'}."
        case "unexpected_keyword_argument" | "extra_forbidden":
            arguments = " and ".join(f"'{argument}'" for argument in properties) or "none"
            return f"{tool} has no argument {_quote(name)}: leave it out; its arguments are {arguments}."
        case "finite_number":
            return _not_finite(path)
        case "float_type" if isinstance(detail["input"], int) and not isinstance(detail["input"], bool):
            return _not_finite(path)  # an integer beyond the largest float
    sent = _quote(detail["input"])
    if len(detail["loc"]) == 1 and expected and detail["type"].endswith(("_type", "_parsing")):
        return f"'{path}' must be {expected}, but {sent} was sent: send {expected} in its place."
    reason = _shortened(detail["msg"].removeprefix("Value error, "), _MAX_REASON)
    return f"'{path}' is wrong, {sent} was sent: {reason}."


def _not_finite(path: str) -> str:
    return f"'{path}' must be finite, not NaN or infinite: send a number that a 64-bit float can hold."


def _quote(value: object) -> str:
    """Return a value as shortened ASCII JSON, safe to repeat whatever the client sent."""
    # A string is cut before it is encoded; of other values no more is encoded than is shown.
    start = value[: _MAX_QUOTE + 1] if isinstance(value, str) else value
    text = ""
    for piece in _LAZY_JSON.iterencode(start):
        text += piece[: _MAX_QUOTE + 1]
        if len(text) > _MAX_QUOTE:
            break
    return _shortened(text, _MAX_QUOTE)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
