"""All plain calls of FastMCP's own client and of the Python SDK's are on the lane."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import fastmcp
import httpx2
import mcp
import pytest
from client_messages import ARGUMENTS
from client_samples import app
from fastmcp.client.transports import StreamableHttpTransport
from in_memory import Served
from lane_apps import serving
from mcp.client.streamable_http import streamable_http_client

pytestmark = pytest.mark.anyio

Factory = Callable[..., httpx2.AsyncClient]


@pytest.fixture
def connecting() -> Callable[[Served], Factory]:
    """Returns a function that makes HTTP clients of an app in memory."""

    def factory_for(served: Served) -> Factory:
        def client(**options: Any) -> httpx2.AsyncClient:
            return httpx2.AsyncClient(transport=httpx2.ASGITransport(served.app), **options)

        return client

    return factory_for


URL = "http://127.0.0.1:8000/mcp"


@contextlib.asynccontextmanager
async def fastmcp_client(factory: Factory, mode: str) -> AsyncIterator[Callable[..., Any]]:
    transport = StreamableHttpTransport(URL, httpx_client_factory=factory)  # type: ignore[arg-type] # keywords only
    async with fastmcp.Client(transport, mode=mode) as client:

        async def call(name: str, arguments: dict[str, Any] | None, **options: Any) -> Any:
            result = await client.call_tool(name, arguments, **options)
            return result.data

        yield call


@contextlib.asynccontextmanager
async def sdk_client(factory: Factory, mode: str) -> AsyncIterator[Callable[..., Any]]:
    async with (
        factory() as http,
        mcp.Client(streamable_http_client(URL, http_client=http), mode=mode) as client,
    ):

        async def call(name: str, arguments: dict[str, Any] | None, **options: Any) -> Any:
            progress = options.pop("progress_handler", None)
            result = await client.call_tool(name, arguments, progress_callback=progress, **options)
            return (result.structured_content or {}).get("result")

        yield call


async def _no_progress(*_: Any) -> None:
    raise AssertionError("the tool reports no progress")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("client", [fastmcp_client, sdk_client], ids=["FastMCP's client", "Python SDK"])
async def test_all_plain_calls_of_real_clients_are_on_the_lane(
    client: Any, mode: str, connecting: Callable[[Served], Factory]
) -> None:
    results = []
    for fast_lane in (True, False):
        async with serving(app(), fast_lane=fast_lane) as served:
            async with client(connecting(served), mode) as call:
                results.append(
                    [
                        await call("echo", ARGUMENTS),
                        await call("silent", None),
                        await call("echo", ARGUMENTS, progress_handler=_no_progress),
                        await call("echo", ARGUMENTS, meta={"claudecode/toolUseId": "toolu_01A"}),
                    ]
                )
            if fast_lane:
                metrics = served.app.metrics.exposition("")[0].decode()
                total = sum(map(float, re.findall(r"mcp_tool_calls_total\{[^}]*\} ([0-9.]+)", metrics)))
                assert (total, served.lane_calls()) == (4, 4)
    assert results[0] == results[1] == ["hi", None, "hi", "hi"]
