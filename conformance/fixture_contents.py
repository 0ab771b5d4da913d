"""Contents that the tools, prompts and resources of the fixture answer with."""

from __future__ import annotations

import base64
import io
import wave
from typing import Final

from fastmcp.utilities.types import Image
from mcp_types import EmbeddedResource, ImageContent, SamplingMessage, TextContent, TextResourceContents

PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
"""A PNG of one red pixel."""


def pixel() -> ImageContent:
    """Return the pixel as content of an answer."""
    return Image(data=PIXEL, format="png").to_image_content()


def silence() -> bytes:
    """Return a WAV file with 0.01 s of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * 80))
    return file.getvalue()


def embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    """Return a text as a resource within an answer."""
    resource = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=resource)


def user_message(text: str) -> SamplingMessage:
    """Return a message of the user for the client's model."""
    return SamplingMessage(role="user", content=TextContent(type="text", text=text))
