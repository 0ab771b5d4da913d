"""The command: options, start-up time, and real clients over HTTP and stdio."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from calculator_server import __version__
from calculator_server.__main__ import main
from calculator_server.settings import CalculatorSettings

pytestmark = pytest.mark.anyio

READY_WITHIN_S = 3.0


@pytest.mark.process
def test_it_is_ready_within_three_seconds_of_cpu_time(start_calculator: Callable[[], Any]) -> None:
    # CPU time, because on a busy machine a process waits for a core as well.
    assert min(start_calculator().startup_cpu_s for _ in range(2)) < READY_WITHIN_S


@pytest.mark.process
async def test_a_real_client_over_http(start_calculator: Callable[[], Any]) -> None:
    running = start_calculator()
    async with Client(running.url) as client:
        assert (await client.call_tool("divide", {"a": 1, "b": 8})).structured_content == {"result": 0.125}
        failed = await client.call_tool("divide", {"a": 1, "b": 0}, raise_on_error=False)
        assert failed.is_error
    async with httpx2.AsyncClient() as http:
        health = (await http.get(running.url.replace("/mcp", "/health"))).json()
        metrics = (await http.get(running.url.replace("/mcp", "/metrics"))).text
    assert (health["status"], health["service"], health["version"]) == ("ok", "calculator", __version__)
    assert 'mcp_tool_calls_total{tool="divide"} 2.0' in metrics
    assert 'mcp_tool_errors_total{tool="divide"} 1.0' in metrics
    assert "_created" not in metrics.replace("mcp_sessions_created", "")
    if sys.platform != "win32":
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0


@pytest.mark.process
async def test_a_real_client_over_stdio(tmp_path: Path) -> None:
    transport = StdioTransport(
        sys.executable,
        ["-m", "calculator_server", "--transport", "stdio"],
        env=dict(os.environ),
        cwd=str(tmp_path),
        log_file=tmp_path / "stderr.log",
        keep_alive=False,
    )
    async with Client(transport) as client:
        assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3.0}


def test_help_lists_every_setting(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["calculator-server", "--help"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("usage: calculator-server")
    assert "(default: 8100) [env: CALCULATOR_PORT]" in text
    for name in CalculatorSettings.model_fields:
        assert f"[env: CALCULATOR_{name.upper()}]" in text


def test_version_is_that_of_the_distribution(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["calculator-server", "--version"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"calculator-server {version('calculator-server')}\n"


def test_a_wrong_setting_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["calculator-server"])
    monkeypatch.setenv("CALCULATOR_PORT", "eighty-one hundred")
    assert main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("calculator-server: CALCULATOR_PORT or --port: expected a valid integer")


def test_the_console_script_is_declared() -> None:
    (script,) = entry_points(group="console_scripts", name="calculator-server")
    assert script.load() is main
