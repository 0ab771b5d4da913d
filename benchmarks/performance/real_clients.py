"""Clients that people program with, calling `add` for a while: FastMCP's, and both SDKs'."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import fastmcp
import mcp

from perf_core.adapter import Wire

FOLDER: Final = Path(__file__).parent
TYPESCRIPT: Final = FOLDER / "typescript_client.mjs"
INSTALL: Final = f'npm install --no-package-lock --ignore-scripts --prefix "{FOLDER}"'
MODES: Final[Mapping[Wire, str]] = {"session": "legacy", "stateless": "auto"}
"""The clients' own name for a wire."""

Add = Callable[[int], Awaitable[float]]


@asynccontextmanager
async def fastmcp_client(url: str, wire: Wire) -> AsyncIterator[Add]:
    """Connect FastMCP's client."""
    async with fastmcp.Client(url, mode=MODES[wire]) as client:

        async def add(number: int) -> float:
            result = await client.call_tool("add", {"a": number, "b": 0.5})
            return float((result.structured_content or {})["result"])

        yield add


@asynccontextmanager
async def python_sdk(url: str, wire: Wire) -> AsyncIterator[Add]:
    """Connect the Python SDK's client."""
    async with mcp.Client(url, mode=MODES[wire]) as client:

        async def add(number: int) -> float:
            result = await client.call_tool("add", {"a": number, "b": 0.5})
            return float((result.structured_content or {})["result"])

        yield add


CLIENTS: Final = {"FastMCP Client": fastmcp_client, "Python SDK": python_sdk}


@dataclass(frozen=True)
class Use:
    """Calls of clients in a slice, and the server's CPU seconds for these and for all before.

    A client is connected after its first call, because it may list the tools then.
    """

    calls: int
    calls_cpu_s: float
    connecting_cpu_s: float


async def run(
    client: str, url: str, wire: Wire, *, connections: int, slice_s: float, read_cpu_s: Callable[[], float]
) -> Use:
    """Let clients call for `slice_s` seconds, each on a connection of its own.

    Raises:
        SystemExit: An answer is wrong.
    """

    async def call_until(add: Add, deadline_s: float) -> int:
        calls = 0
        while calls == 0 or perf_counter() < deadline_s:
            calls += 1
            result = await add(calls)
            if result != calls + 0.5:
                raise SystemExit(f"expected {calls + 0.5}, got {result}")
        return calls

    began_s = read_cpu_s()
    async with AsyncExitStack() as stack:
        adds = [await stack.enter_async_context(CLIENTS[client](url, wire)) for _ in range(connections)]
        for add in adds:
            await call_until(add, 0.0)
        connected_s, deadline_s = read_cpu_s(), perf_counter() + slice_s
        calls = sum(await asyncio.gather(*(call_until(add, deadline_s) for add in adds)))
        return Use(calls, read_cpu_s() - connected_s, connected_s - began_s)


def typescript_missing() -> str:
    """Return what the TypeScript client lacks; empty if nothing."""
    if not (FOLDER / "node_modules" / "@modelcontextprotocol").is_dir():
        return f"the TypeScript SDK is not installed: {INSTALL}"
    return ""


async def run_typescript(
    node: str,
    url: str,
    wire: Wire,
    *,
    connections: int,
    slice_s: float,
    read_cpu_s: Callable[[], float],
    cpus: Sequence[int] | None,
) -> Use:
    """Do the same with clients of the TypeScript SDK, in a process of their own."""
    options = ["--url", url, "--wire", wire, "--connections", str(connections), "--slice-s", str(slice_s)]
    began_s = read_cpu_s()
    process = await asyncio.create_subprocess_exec(
        node,
        str(TYPESCRIPT),
        *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=None if cpus is None else lambda: os.sched_setaffinity(0, cpus),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await _line(process.stdout)  # it is connected
        connected_s = read_cpu_s()
        process.stdin.write(b"go\n")
        calls = int(await _line(process.stdout))
        use = Use(calls, read_cpu_s() - connected_s, connected_s - began_s)
        process.stdin.write(b"end\n")
    finally:
        process.stdin.close()
        await process.wait()
    return use


async def _line(output: asyncio.StreamReader) -> str:
    line = (await output.readline()).decode().strip()
    if not line:
        raise SystemExit("expected a line from the client of the TypeScript SDK, got none: see its message")
    return line
