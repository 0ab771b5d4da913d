"""Tools, prompts and resources of the fixture that ask the client for nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Final

from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.prompts import Message
from fastmcp.tools import Tool, ToolResult
from fastmcp.utilities.types import Audio, Image
from fixture_contents import PIXEL, embedded, pixel, silence
from mcp_types import EmbeddedResource, TextContent
from pydantic import Field

_PAUSE_S: Final = 0.05
"""Pause that the suite prescribes between two notifications, so that they arrive separately."""

RICH_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
"""Keywords that a server must pass on unchanged."""


# --- tools that only return a result ---


async def simple_text() -> str:
    """Return a text."""
    return "This is a simple text response for testing."


async def image_content() -> Image:
    """Return an image."""
    return Image(data=PIXEL, format="png")


async def audio_content() -> Audio:
    """Return a sound."""
    return Audio(data=silence(), format="wav")


async def embedded_resource() -> EmbeddedResource:
    """Return a resource within the result."""
    return embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")


async def multiple_content_types() -> ToolResult:
    """Return a text, an image and a resource."""
    resource = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return ToolResult(
        content=[TextContent(type="text", text="Multiple content types test:"), pixel(), resource]
    )


async def error_handling() -> str:
    """Fail."""
    raise ToolError("This tool intentionally returns an error for testing")


async def custom_header(
    region: Annotated[
        str,
        Field(description="Also sent as a header.", json_schema_extra={"x-mcp-header": "Region"}),
    ],
) -> str:
    """Take an argument that clients repeat in the header Mcp-Param-Region."""
    return f"Region: {region}"


class SchemaTool(Tool):
    """A tool with a schema that no function can have; the suite only lists it."""

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Return the names of the arguments."""
        return ToolResult(content=f"Got {', '.join(sorted(arguments)) or 'nothing'}.")


# --- tools that send notifications before their result ---


async def tool_with_logging(ctx: Context) -> str:
    """Send three log messages."""
    await ctx.info("Tool execution started")
    await asyncio.sleep(_PAUSE_S)
    await ctx.info("Tool processing data")
    await asyncio.sleep(_PAUSE_S)
    await ctx.info("Tool execution completed")
    return "Logged three times."


async def logging_tool(ctx: Context) -> str:
    """Send a log message, which reaches only clients that requested logging."""
    await ctx.info("Tool execution started")
    return "Logged once."


async def tool_with_progress(ctx: Context) -> str:
    """Report progress three times."""
    await ctx.report_progress(0, 100)
    await asyncio.sleep(_PAUSE_S)
    await ctx.report_progress(50, 100)
    await asyncio.sleep(_PAUSE_S)
    await ctx.report_progress(100, 100)
    return "Reported three times."


async def reconnection(ctx: Context) -> str:
    """Close the response stream before the result is sent, so that the client has to reconnect for it."""
    await ctx.close_sse_stream()
    await asyncio.sleep(_PAUSE_S)
    return "Answered after the stream was closed."


# --- prompts ---


async def simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


async def prompt_with_arguments(
    arg1: Annotated[str, Field(description="First test argument")],
    arg2: Annotated[str, Field(description="Second test argument")],
) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


async def prompt_with_embedded_resource(
    resourceUri: Annotated[str, Field(description="URI of the resource to embed")],  # noqa: N803 - the suite's
) -> list[Message]:
    """A prompt with a resource."""
    resource = embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
    return [Message(resource), Message("Please process the embedded resource above.")]


async def prompt_with_image() -> list[Message]:
    """A prompt with an image."""
    return [Message(pixel()), Message("Please analyze the image above.")]


# --- resources ---


async def static_text() -> str:
    """Return a text."""
    return "This is the content of the static text resource."


async def static_binary() -> bytes:
    """Return an image."""
    return PIXEL


async def template_data(id: str) -> str:
    """Return the parameter of the template as JSON."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


async def watched_resource() -> str:
    """Return a text that clients can subscribe to."""
    return "This text never changes."
