"""Two tools, one on the lane and one that FastMCP must call."""

from __future__ import annotations

from fastmcp import Context


async def echo(text: str) -> str:
    return text


async def with_context(text: str, ctx: Context) -> str:
    return f"{text} {ctx.request_id}"
