"""Slow calls of a server that exports its pauses: the record says what stopped them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.report.slowest_calls import explanation
from perf_core.results import record_file

pytestmark = [pytest.mark.k6, pytest.mark.long]

BLOCKED_S, ALONE_S = 0.6, 0.8

APP = f"""
import asyncio, itertools, time
from fastmcp import FastMCP
from server_core import ServerSettings, main

mcp = FastMCP("weather")
numbers = itertools.count(1)

@mcp.tool
async def forecast(city: str) -> str:
    number = next(numbers)
    if number == 30:
        time.sleep({BLOCKED_S})
    if number == 100:
        await asyncio.sleep({ALONE_S})
    return "sunny in " + city

if __name__ == "__main__":
    raise SystemExit(main(lambda settings: mcp, ServerSettings))
"""

TARGET = """
name = "weather"
command = [{python}, {app}, "--port", "0", "--ready-file", "{{ready_file}}"]
[[calls]]
tool = "forecast"
arguments = {{ city = "Oslo" }}
expect = {{ text = "sunny in Oslo" }}
"""


def test_blocked_event_loop_is_told_from_a_call_that_waits_alone(tmp_path: Path) -> None:
    app, target = tmp_path / "app.py", tmp_path / "weather.toml"
    app.write_text(APP)
    target.write_text(TARGET.format(python=repr(sys.executable), app=repr(str(app))))
    argv = ["run", "quick", "--target", str(target), "--wire", "session", "--duration", "5s", "--vus", "3"]
    main([*argv, "--think-time", "0.02", "--output-dir", str(tmp_path / "results")])
    (path,) = tmp_path.glob("results/*/record.json")
    record = record_file.read(path)
    alone = record.slow_calls[0]
    blocked = [call for call in record.slow_calls[1:] if call.duration_s > BLOCKED_S / 2]
    assert alone.duration_s > ALONE_S
    assert {call.vu for call in blocked} == {1, 2, 3}, "all users wait for a blocked event loop"
    assert alone.server is not None
    assert alone.server.loop_lag_s is not None
    assert alone.server.loop_lag_s < ALONE_S / 2
    for call in blocked:
        assert call.server is not None
        assert call.server.loop_lag_s == pytest.approx(BLOCKED_S, abs=0.3)
        assert "the event loop of the server was blocked" in explanation(call)
    lag = record.series.server["loop_lag_ms_per_s"]
    assert max(rate for rate in lag if rate is not None) > 100
