"""Large handshakes, heads, ids and `_meta` of clients are not kept, also while their sessions live."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastmcp import Context, FastMCP

pytestmark = pytest.mark.anyio

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]

LARGE = 400_000
COUNT = 10
MOST_BYTES_PER_SESSION = 150_000
"""The tracer counts about 60 kB for a session of the SDK."""

PARAMS: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "client", "version": "1"},
}


def forget_cancelled_timers() -> None:
    """Let asyncio forget timers of ended requests, which hold them: it does once there are a hundred."""
    loop = asyncio.get_running_loop()
    for _ in range(300):
        loop.call_later(60, print).cancel()


async def growth_bytes(act: Callable[[int], Awaitable[None]]) -> float:
    """Return by how much memory grows with each of several actions."""
    await act(0)
    tracemalloc.start()
    try:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1, COUNT + 1):
            await act(number)
        forget_cancelled_timers()
        for _ in range(20):  # closed sessions wind up
            await asyncio.sleep(0)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / COUNT


def filler(number: int) -> str:
    return f"{number} " + "x" * LARGE


def opening(params: dict[str, Any] | None = None, **others: Any) -> bytes:
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {**PARAMS, **(params or {})}}
    return json.dumps({**message, **others}).encode()


def with_experimental(value: Any) -> bytes:
    return opening({"capabilities": {"experimental": {"x": {"y": value}}}})


OPENINGS: dict[str, Callable[[int], bytes]] = {
    "meta": lambda number: opening({"_meta": {"a/b": filler(number)}}),
    "unknown parameter": lambda number: opening({"x": filler(number)}),
    "capabilities": lambda number: with_experimental(filler(number)),
    "many lists": lambda number: with_experimental([[number]] + [[]] * (LARGE // 40)),
    "name": lambda number: opening({"clientInfo": {"name": filler(number), "version": "1"}}),
    "version": lambda number: opening({"protocolVersion": filler(number)}),
    "id": lambda number: opening(id=filler(number)),
    "unknown member": lambda number: opening(x=filler(number)),
    "whitespace": lambda number: opening().replace(b"{", b"{" + b" " * (LARGE + number), 1),
}


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("kind", OPENINGS)
async def test_handshakes_leave_next_to_nothing(
    make_app: MakeApp, serving: Serving, kind: str, *, is_closed: bool, fast_lane: bool
) -> None:
    mcp: FastMCP[Any] = FastMCP("app", version="1")

    @mcp.tool
    async def with_context(ctx: Context) -> str:
        return ctx.session_id

    async with serving(make_app(mcp, fast_lane=fast_lane)) as wires:

        async def open_one(number: int) -> None:
            answer = await wires.post(OPENINGS[kind](number))
            session = answer.headers.get("mcp-session-id")
            if session is not None and number % 2:
                await wires.call_in_session(session, "with_context", {})
            if session is not None and is_closed:
                await wires.delete(session)

        assert await growth_bytes(open_one) < MOST_BYTES_PER_SESSION


@pytest.mark.parametrize("is_closed", [True, False])
async def test_calls_leave_next_to_nothing(make_app: MakeApp, serving: Serving, *, is_closed: bool) -> None:
    async with serving(make_app()) as wires:

        async def call_with(number: int) -> None:
            large = filler(number)
            info = {"io.modelcontextprotocol/clientInfo": {"name": large, "version": "1"}}
            envelope = {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            }
            call = {"name": "echo", "arguments": {"text": "hi"}}
            request = {"jsonrpc": "2.0", "id": large, "method": "tools/call"}
            own = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "echo"}
            stateless = {**request, "params": {**call, "_meta": {**envelope, **info}}}
            assert (await wires.post(json.dumps(stateless), own)).status_code == 200
            session = await wires.open_session()
            headers = wires.session_headers(session)
            for params in (
                {**call, "_meta": {"progressToken": large, "a/b": large}},
                {"name": large, "arguments": {}},
                {**call, "arguments": {large: 1}},
            ):
                answer = await wires.post(json.dumps({**request, "params": params}), headers)
                assert answer.status_code == 200
            if is_closed:
                await wires.delete(session)

        assert await growth_bytes(call_with) < MOST_BYTES_PER_SESSION


async def test_a_session_keeps_no_large_head(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app(fast_lane=False)) as wires:

        async def open_one(number: int) -> None:
            headers = {f"x-{number}-{field}": "y" * (LARGE // 20) for field in range(20)}
            assert (await wires.post(opening(), headers)).status_code == 200

        assert await growth_bytes(open_one) < MOST_BYTES_PER_SESSION
