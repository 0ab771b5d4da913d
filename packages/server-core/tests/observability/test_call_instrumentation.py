from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.tools import ToolResult
from prometheus_client.parser import text_string_to_metric_families

from server_core import ServerMetrics
from server_core.observability.call_instrumentation import REQUEST_TIMED_OUT, instrument_calls

pytestmark = pytest.mark.anyio


def _samples(metrics: ServerMetrics, name: str) -> dict[str, float]:
    text, _ = metrics.exposition("")
    return {
        sample.labels.get("tool", ""): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name == name
    }


@pytest.mark.parametrize("wire", ["stateless", "session"])
async def test_a_call_that_takes_too_long_is_stopped_with_an_explanation(
    make_app: Callable[..., Any], serving: Callable[..., Any], wire: str
) -> None:
    app = make_app(request_timeout_s=0.05)
    async with serving(app) as wires:
        if wire == "stateless":
            answer = await wires.call("forever", {})
            read = await wires.stateless(
                "resources/read", {"uri": "sample://forever"}, {"mcp-name": "sample://forever"}
            )
        else:
            session = await wires.open_session()
            answer = await wires.call_in_session(session, "forever", {})
            read = await wires.in_session(session, "resources/read", {"uri": "sample://forever"}, 2)
        assert answer.status_code == 200
        result = answer.json()["result"]
        assert result["isError"] is True
        assert "took longer than 0.05 s" in result["content"][0]["text"]
        assert read.json()["error"]["code"] == REQUEST_TIMED_OUT
    assert app.metrics.calls_in_flight == 0
    assert _samples(app.metrics, "mcp_tool_errors_total") == {"forever": 1}


async def test_a_timeout_error_of_the_tool_itself_is_an_ordinary_error(
    make_app: Callable[..., Any], serving: Callable[..., Any], server: FastMCP[Any]
) -> None:
    @server.tool
    async def impatient() -> str:
        raise TimeoutError

    async with serving(make_app(server)) as wires:
        text = (await wires.call("impatient", {})).json()["result"]["content"][0]["text"]
    assert "took longer than" not in text


async def test_calls_errors_and_durations_are_counted_by_tool(
    make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    app = make_app()
    async with serving(app) as wires:
        session = await wires.open_session()
        await wires.call("echo", {"text": "a"})
        await wires.call_in_session(session, "echo", {"text": "b"})
        await wires.call("echo", {"text": 3})
        await wires.call("fail", {})
        for number in range(50):
            await wires.call(f"made-up-{number}", {})
    assert _samples(app.metrics, "mcp_tool_calls_total") == {"echo": 3, "fail": 1, "unknown": 50}
    assert _samples(app.metrics, "mcp_tool_errors_total") == {"echo": 1, "fail": 1, "unknown": 50}
    assert _samples(app.metrics, "mcp_tool_duration_seconds_count") == {"echo": 3, "fail": 1, "unknown": 50}


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_data_named_like_an_error_is_none(
    make_app: Callable[..., Any], serving: Callable[..., Any], fast_lane: bool
) -> None:
    server: FastMCP[Any] = FastMCP("app")

    @server.tool
    async def reported(is_error: bool) -> Any:
        return ToolResult(content="no", is_error=True) if is_error else {"isError": True}

    app = make_app(server, fast_lane=fast_lane)
    async with serving(app) as wires:
        for is_error in (False, True, False):
            answer = await wires.call("reported", {"is_error": is_error})
            assert answer.json()["result"]["isError"] is is_error
    assert _samples(app.metrics, "mcp_tool_calls_total") == {"reported": 3}
    assert _samples(app.metrics, "mcp_tool_errors_total") == {"reported": 1}


async def test_instrumenting_twice_counts_once(
    make_app: Callable[..., Any], serving: Callable[..., Any], server: FastMCP[Any]
) -> None:
    before = ServerMetrics()
    instrument_calls(server, before, timeout_s=1)
    app = make_app(server)
    async with serving(app) as wires:
        await wires.call("echo", {"text": "a"})
    assert _samples(app.metrics, "mcp_tool_calls_total") == {"echo": 1}
    assert _samples(before, "mcp_tool_calls_total") == {}


async def test_listeners_are_called_for_each_call() -> None:
    calls: list[tuple[str, float, bool]] = []
    metrics = ServerMetrics()
    metrics.add_listener(lambda *call: calls.append(call))
    metrics.observe_call("echo", 0.5, failed=True)
    assert calls == [("echo", 0.5, True)]
