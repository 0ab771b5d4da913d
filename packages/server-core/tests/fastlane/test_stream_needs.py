"""Tools that need event streams are found by their code, and named in the log when the server starts."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import Context, FastMCP
from fastmcp.server.dependencies import get_context
from plain_fastmcp import served

from server_core.fastlane.stream_needs import stream_needs
from server_core.sdk.internals import local_components

pytestmark = pytest.mark.anyio


async def asks(context: Context) -> str:
    answer = await context.elicit("Really?", bool)
    return answer.action


async def asks_within(context: Context) -> str:
    async def ask() -> str:
        return str(await context.session.create_message([], max_tokens=1))

    return await ask()


async def asks_without_parameter() -> int:
    return len((await get_context().session.list_roots()).roots)


async def reports(context: Context) -> None:
    await context.report_progress(1, 2)


async def reads(context: Context) -> str:
    return context.request_id


async def plain(count: int) -> list[int]:
    return random.sample(range(100), count)


def app_with(*tools: Callable[..., Any]) -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("app")
    for tool in tools:
        mcp.tool(tool)
    return mcp


def test_tools_are_judged_by_what_they_call_on_their_context() -> None:
    mcp = app_with(asks, asks_within, asks_without_parameter, reports, reads, plain)
    needs = stream_needs(local_components(mcp).values())
    assert needs.asking == ("asks", "asks_within", "asks_without_parameter")
    assert needs.reporting == ("reports",)


@pytest.mark.parametrize("json_response", [True, False])
async def test_the_log_names_them_if_answers_are_json(
    caplog: pytest.LogCaptureFixture, json_response: bool
) -> None:
    with caplog.at_level(logging.INFO, "server_core.app"):
        async with served("lane", app_with(asks, reports, plain), json_response=json_response):
            pass
    lines = [record for record in caplog.records if "answers in JSON" in record.getMessage()]
    assert [record.levelname for record in lines] == (["WARNING", "INFO"] if json_response else [])
    if json_response:
        asking, reporting = (record.getMessage() for record in lines)
        assert "fail with answers in JSON: asks; set NOBODY_SETS_THIS_JSON_RESPONSE=false" in asking
        assert "progress is not sent with answers in JSON: reports;" in reporting
