from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import FastMCP

from server_core import PlainTool

pytestmark = pytest.mark.anyio

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]

WORK_S = 0.02


def work_server() -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("work", dereference_schemas=False)

    async def work(seconds: float) -> str:
        """Take some time."""
        await asyncio.sleep(seconds)
        return "done"

    mcp.add_tool(PlainTool.from_function(work))
    return mcp


def work_for(seconds: float) -> dict[str, Any]:
    return {"name": "work", "arguments": {"seconds": seconds}}


def entries_of(header: str) -> dict[str, float]:
    assert re.fullmatch(r"\w+;dur=\d+\.\d{3}(, \w+;dur=\d+\.\d{3})*", header)
    return {name: float(ms) for name, ms in re.findall(r"(\w+);dur=([\d.]+)", header)}


async def test_nothing_is_told_by_default(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app()) as wires:
        answer = await wires.call("echo", {"text": "hi"})
    assert "server-timing" not in answer.headers


@pytest.mark.parametrize("fast_lane", [True, False], ids=["lane", "FastMCP"])
async def test_both_wires_tell_the_times_of_request_and_tool(
    make_app: MakeApp, serving: Serving, *, fast_lane: bool
) -> None:
    app = make_app(work_server(), server_timing=True, fast_lane=fast_lane)
    async with serving(app) as wires:
        session = await wires.open_session()
        arguments = {"seconds": WORK_S}
        answers = [
            await wires.call("work", arguments),
            await wires.call_in_session(session, "work", arguments),
        ]
    for answer in answers:
        entries = entries_of(answer.headers["server-timing"])
        assert 1000 * WORK_S <= entries["tool"] <= entries["total"]


@pytest.mark.parametrize("fast_lane", [True, False], ids=["lane", "FastMCP"])
async def test_calls_at_the_same_time_have_their_own_times(
    make_app: MakeApp, serving: Serving, *, fast_lane: bool
) -> None:
    app = make_app(work_server(), server_timing=True, fast_lane=fast_lane)
    async with serving(app) as wires:
        session = await wires.open_session()
        long, short = await asyncio.gather(
            wires.in_session(
                session, "tools/call", {"name": "work", "arguments": {"seconds": 10 * WORK_S}}, 1
            ),
            wires.in_session(session, "tools/call", {"name": "work", "arguments": {"seconds": 0.0}}, 2),
        )
    times = [entries_of(answer.headers["server-timing"])["tool"] for answer in (long, short)]
    assert times[0] >= 10_000 * WORK_S > times[1]


async def test_requests_without_a_tool_tell_their_total_alone(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app(server_timing=True)) as wires:
        answers = [await wires.http.get("/health"), await wires.stateless("tools/list")]
    for answer in answers:
        assert list(entries_of(answer.headers["server-timing"])) == ["total"]


async def test_a_stream_tells_nothing_since_its_head_precedes_the_work(
    make_app: MakeApp, serving: Serving
) -> None:
    app = make_app(work_server(), server_timing=True, fast_lane=False, json_response=False)
    async with serving(app) as wires:
        session = await wires.open_session()
        answer = await wires.call_in_session(session, "work", {"seconds": 0.0})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "server-timing" not in answer.headers


async def test_a_worker_leaves_the_total_to_the_one_that_forwards(
    make_app: MakeApp, serving: Serving, wires_with: Any
) -> None:
    import httpx2

    app = make_app(work_server(), server_timing=True)
    async with serving(app):
        transport = httpx2.ASGITransport(app.from_peers)
        async with httpx2.AsyncClient(transport=transport, base_url="http://worker") as http:
            answer = await wires_with(http).call("work", {"seconds": 0.0})
            page = await http.get("/health")
    assert list(entries_of(answer.headers["server-timing"])) == ["tool"]
    assert "server-timing" not in page.headers
