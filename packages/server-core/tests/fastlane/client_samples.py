"""The app that clients call."""

from __future__ import annotations

from typing import Any

from fastmcp import Context, FastMCP


def app() -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("app", version="1")

    @server.tool
    async def echo(text: str) -> str:
        """Return the text."""
        return text

    @server.tool
    async def silent() -> None:
        """Return nothing."""

    @server.tool
    async def with_context(ctx: Context) -> str | None:
        """Return the client's own key."""
        meta = ctx.request_context.meta if ctx.request_context is not None else None
        return str((meta or {}).get("own"))

    return server
