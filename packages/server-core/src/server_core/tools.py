"""Tools whose error messages a language model can act on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastmcp.exceptions import ValidationError
from fastmcp.tools import FunctionTool, ToolResult
from mcp_types import TextContent
from pydantic import ValidationError as ArgumentsError

_LONGEST_QUOTE = 60
"""Characters of a wrong value that an error repeats: enough to recognise it, too few to be a burden."""

_JSON_TYPES = {"number": "a JSON number", "integer": "a whole JSON number", "string": "a JSON string",
               "boolean": "true or false", "array": "a JSON array", "object": "a JSON object"}  # fmt: skip


@dataclass(frozen=True)
class EncodedJson:
    """A result of a `PlainTool` that is JSON already: the fast lane sends it as it is.

    Give the tool its `output_schema`, or annotate its function with `Any`: no schema can be told from this.

    Attributes:
        text: An object, without spaces between its tokens, in UTF-8.
    """

    text: bytes


class PlainTool(FunctionTool):
    """A tool that says in a sentence what is wrong with its arguments and what to send instead.

    Validation, call and result are FastMCP's own; only the wording differs, and `describe_wrong_arguments`
    makes it from the validation error alone. It may return `EncodedJson`.
    """

    def convert_result(self, raw_value: Any) -> ToolResult:
        """Return what a function returned as FastMCP has it."""
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
            if isinstance(error.__cause__, ArgumentsError):
                message = describe_wrong_arguments(self.name, self.parameters, error.__cause__)
                raise ValidationError(message, log_level=error.log_level) from error.__cause__
            raise


def describe_wrong_arguments(tool: str, input_schema: dict[str, Any], error: ArgumentsError) -> str:
    """Say what is wrong with each argument and what to send instead.

    Args:
        tool: Name of the tool.
        input_schema: JSON schema of its arguments.
        error: What pydantic found.

    Returns:
        One sentence per wrong argument, in the order in which pydantic reports them.
    """
    properties: dict[str, Any] = input_schema.get("properties", {})
    details = error.errors(include_url=False, include_context=False)
    return " ".join(_sentence(tool, properties, detail) for detail in details)


def _sentence(tool: str, properties: dict[str, Any], detail: Any) -> str:
    path = ".".join(str(part) for part in detail["loc"])
    name = str(detail["loc"][0]) if detail["loc"] else ""
    wanted = _JSON_TYPES.get(properties.get(name, {}).get("type", ""), "")
    match detail["type"]:
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f"{tool} needs the argument '{path}', which is missing: send {wanted or 'a value'}."
        case "unexpected_keyword_argument" | "extra_forbidden":
            known = " and ".join(f"'{known}'" for known in properties) or "none"
            return f"{tool} has no argument {_quote(name)}: leave it out; its arguments are {known}."
        case "finite_number":
            return _not_finite(path)
        case "float_type" if isinstance(detail["input"], int) and not isinstance(detail["input"], bool):
            return _not_finite(path)  # whole, but beyond the largest float
    sent = _quote(detail["input"])
    if len(detail["loc"]) == 1 and wanted and detail["type"].endswith(("_type", "_parsing")):
        return f"'{path}' must be {wanted}, but {sent} was sent: send {wanted} in its place."
    return f"'{path}' is wrong, {sent} was sent: {detail['msg'].removeprefix('Value error, ')}."


def _not_finite(path: str) -> str:
    return f"'{path}' must be finite, not NaN or infinite: send a number that a 64-bit float can hold."


def _quote(value: object) -> str:
    """A value as ASCII JSON, shortened: safe to repeat whatever the client sent."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"
