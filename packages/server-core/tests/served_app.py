"""A server for tests that need a real process, run as a script with the server's usual options."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from fastmcp import FastMCP
from pydantic_settings import SettingsConfigDict

from server_core import Port, ServerSettings, caller, main


class Settings(ServerSettings):
    """Serve tools for tests."""

    model_config = SettingsConfigDict(env_prefix="SERVED_", cli_prog_name="served-app")

    port: Port = 0


def create_server(_settings: Settings) -> FastMCP[Any]:
    if "SERVED_REFUSES_TO_START" in os.environ:
        raise RuntimeError("configured not to start")
    gate = os.environ.get("SERVED_STARTS_WHILE")
    if gate is not None and not Path(gate).exists():
        raise RuntimeError("not to start for now")
    mcp: FastMCP[Any] = FastMCP("served", version="1.2.3", dereference_schemas=False)

    @mcp.tool
    async def hold(port: int) -> str:
        """Connect to a port of the test, and return when the test sends a line."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        line = await reader.readline()
        writer.close()
        return line.decode().strip() or "disconnected"

    @mcp.tool
    async def process_id() -> int:
        """Return the id of the answering process."""
        return os.getpid()

    @mcp.tool
    async def who() -> str:
        """Return who calls, as the server sees it."""
        return f"{caller().session} {caller().client}"

    @mcp.tool
    async def repeat(text: str, times: int) -> str:
        """Return a text many times."""
        return text * times

    @mcp.tool
    async def shout(text: str) -> str:
        """Write to stdout, which over stdio is reserved for the protocol."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        return text

    return mcp


if __name__ == "__main__":
    sys.exit(main(create_server, Settings))
