"""A server with one tool that FastMCP must call, because it takes a context; shows the lane's cost for it."""

from __future__ import annotations

import sys
from typing import Any

from fastmcp import Context, FastMCP
from pydantic_settings import SettingsConfigDict

from server_core import Port, ServerSettings, main


class Settings(ServerSettings):
    """Serve a tool whose calls the fast lane passes on to FastMCP."""

    model_config = SettingsConfigDict(env_prefix="HANDED_OVER_", cli_prog_name="handed-over")

    port: Port = 0


def create_server(_settings: Settings) -> FastMCP[Any]:
    """Create the app."""
    mcp: FastMCP[Any] = FastMCP("handed-over", version="1", dereference_schemas=False)

    @mcp.tool
    async def negate(number: int, context: Context) -> int:
        """Change the sign of a number."""
        assert context.fastmcp is mcp
        return -number

    return mcp


if __name__ == "__main__":
    sys.exit(main(create_server, Settings))
