"""Benchmarks of a tool call through FastMCP in memory: by the app's method, and by a connected client."""

from __future__ import annotations

from fastmcp import Client
from harness import Timing, expect, make_runner, run_on_server_loop, subject, time_calls

from calculator_server.server import create_server

ServerMetrics = subject("server_core.observability.metrics", "server_core.metrics").ServerMetrics
exporting = subject("server_core.observability.telemetry", "server_core.telemetry").exporting

ARGUMENTS = {"a": 1234.5, "b": 0.25}
EXPECTED = {"result": 1234.75}


async def _time_method(loops: int) -> Timing:
    mcp = create_server()
    # As served without an OpenTelemetry collector: FastMCP creates no spans.
    with exporting(mcp, ServerMetrics(), None):
        result = await mcp.call_tool("add", ARGUMENTS)
        expect("the tool's answer", EXPECTED, result.structured_content)
        return await time_calls(lambda: mcp.call_tool("add", ARGUMENTS), loops)


async def _time_client(loops: int) -> Timing:
    mcp = create_server()
    with exporting(mcp, ServerMetrics(), None):
        async with Client(mcp) as client:
            result = await client.call_tool("add", ARGUMENTS)
            expect("the tool's answer", EXPECTED, result.structured_content)
            return await time_calls(lambda: client.call_tool("add", ARGUMENTS), loops)


def time_client(loops: int) -> Timing:
    """Call ``add`` ``loops`` times through a client in memory; client and server share the process."""
    return run_on_server_loop(_time_client(loops))


def _method_wall_s(loops: int) -> float:
    return run_on_server_loop(_time_method(loops)).wall_s


def _client_wall_s(loops: int) -> float:
    return time_client(loops).wall_s


def main() -> None:
    """Run the benchmarks with pyperf's command line."""
    runner = make_runner()
    runner.bench_time_func("dispatch: the app's call_tool", _method_wall_s)
    runner.bench_time_func("dispatch: a client in memory", _client_wall_s)


if __name__ == "__main__":
    main()
