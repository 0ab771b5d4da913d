"""The time that a person takes to answer does not count towards the time limit of a call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.client.elicitation import ElicitResult
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ListRootsRequest,
    ListRootsResult,
)

from server_core import ServerMetrics
from server_core.observability.call_instrumentation import instrument_calls

pytestmark = pytest.mark.anyio

LIMIT_S = 0.05


def asking_app(*, limited: bool) -> FastMCP[Any]:
    """Return an app whose tools ask the client, with time limits on its calls or without."""
    mcp: FastMCP[Any] = FastMCP("asking")

    @mcp.tool
    async def confirm(context: Context) -> str:
        answer = await context.elicit("Really?", bool)
        return answer.action

    @mcp.tool
    async def confirm_and_hang(context: Context) -> str:
        await context.elicit("Really?", bool)
        await asyncio.Event().wait()
        return "unreachable"

    @mcp.tool
    async def sampled(context: Context) -> str:
        params = CreateMessageRequestParams(messages=[], max_tokens=1)
        request = CreateMessageRequest(params=params)
        result = await context.session.send_request(request, CreateMessageResult)
        return str(result.content.text)  # type: ignore[union-attr]

    @mcp.tool
    async def roots(context: Context) -> str:
        return str(await context.session.send_request(ListRootsRequest(), ListRootsResult))

    if limited:
        instrument_calls(mcp, ServerMetrics(), timeout_s=LIMIT_S)
    return mcp


async def long_thought() -> None:
    """Wait for three times the limit."""
    due = asyncio.Event()
    asyncio.get_running_loop().call_later(3 * LIMIT_S, due.set)
    await due.wait()


async def answer(*_: Any) -> ElicitResult[dict[str, Any]]:
    await long_thought()
    return ElicitResult(action="accept", content={"value": True})


async def say_hello(*_: Any) -> str:
    await long_thought()
    return "hello"


async def slow_roots(*_: Any) -> list[str]:
    await long_thought()
    return []


async def call(tool: str, *, limited: bool) -> tuple[bool, str]:
    client = Client(
        asking_app(limited=limited),
        mode="legacy",
        elicitation_handler=answer,
        sampling_handler=say_hello,
        roots=slow_roots,
    )
    async with client:
        result = await client.call_tool(tool, {}, raise_on_error=False)
        return result.is_error, result.content[0].text


@pytest.mark.parametrize(("tool", "text"), [("confirm", "accept"), ("sampled", "hello")])
async def test_a_person_may_think_longer_than_a_call_may_take(tool: str, text: str) -> None:
    assert await call(tool, limited=True) == await call(tool, limited=False) == (False, text)


@pytest.mark.parametrize("tool", ["confirm_and_hang", "roots"])
async def test_the_time_of_tool_and_client_counts(tool: str) -> None:
    is_error, text = await call(tool, limited=True)
    assert is_error
    assert f"took longer than {LIMIT_S:g} s" in text
