"""Fixtures: the calculator in memory and in its own process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from calculator_server.server import create_server
from calculator_server.settings import CalculatorSettings
from server_core import create_app

HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
ENVELOPE = (
    '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    '"io.modelcontextprotocol/clientCapabilities":{}}'
)
INITIALIZE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


RawCall = Callable[[str, str], Any]


@pytest.fixture(params=["stateless", "session"])
async def raw_call(request: pytest.FixtureRequest) -> AsyncIterator[RawCall]:
    """Sends a tool's arguments as the given JSON text, on each wire."""
    app = create_app(create_server(), CalculatorSettings(_env_file=None))
    events: asyncio.Queue[Any] = asyncio.Queue()
    started = asyncio.Event()

    async def send(_message: Any) -> None:
        started.set()

    lifespan = asyncio.create_task(app({"type": "lifespan", "state": {}}, events.get, send))
    await events.put({"type": "lifespan.startup"})
    await started.wait()
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8100", timeout=30
    ) as http:
        headers = {**HEADERS, "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call"}
        envelope = f",{ENVELOPE}"
        if request.param == "session":
            opened = await http.post("/mcp", content=INITIALIZE, headers=HEADERS)
            session = opened.headers["mcp-session-id"]
            headers = {**HEADERS, "mcp-protocol-version": "2025-11-25", "mcp-session-id": session}
            envelope = ""
            initialized = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
            assert (await http.post("/mcp", content=initialized, headers=headers)).status_code == 202

        async def call(tool: str, arguments: str) -> Any:
            body = (
                '{"jsonrpc":"2.0","id":1,"method":"tools/call",'
                f'"params":{{"name":"{tool}","arguments":{arguments}{envelope}}}}}'
            )
            answer = await http.post("/mcp", content=body, headers={**headers, "mcp-name": tool})
            assert answer.status_code == 200, answer.text
            return answer.json()["result"]

        yield call
    await events.put({"type": "lifespan.shutdown"})
    await lifespan


@dataclass
class Running:
    """A calculator in its own process."""

    process: subprocess.Popen[str]
    url: str
    startup_cpu_s: float
    """CPU seconds that the process used until it had answered `initialize`."""


@pytest.fixture
def start_calculator(tmp_path: Path) -> Iterator[Callable[[], Running]]:
    """Returns a function that starts `python -m calculator_server` and sends it `initialize`."""
    processes: list[subprocess.Popen[str]] = []

    def start() -> Running:
        ready_file = tmp_path / f"ready-{len(processes)}.json"
        process = subprocess.Popen(
            [sys.executable, "-m", "calculator_server", "--port", "0", "--ready-file", str(ready_file)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=dict(os.environ),
        )
        processes.append(process)
        assert process.stderr is not None
        log = ""
        for line in process.stderr:
            log += line
            if "is ready at" in line:
                break
        else:
            raise AssertionError(f"the server ended before it was ready:\n{log}")
        url = json.loads(ready_file.read_text())["url"]
        with httpx2.Client() as http:
            assert http.post(url, content=INITIALIZE, headers=HEADERS).status_code == 200
        return Running(process, url, sum(psutil.Process(process.pid).cpu_times()[:2]))

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
