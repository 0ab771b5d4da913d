"""Until its first answers, the server imports only what they take: a start is mostly imports."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

pytestmark = [pytest.mark.process, pytest.mark.long]

_IMPORT = re.compile(r"^import time:.*\| +(\S+)$", re.MULTILINE)

LATE = {
    "beartype",  # of key_value
    "griffe",  # parses docstrings
    "httpcore2._async",  # workers forward requests with it
    "key_value",  # session state
    "multiprocessing.spawn",
    "opentelemetry.exporter",
    "opentelemetry.sdk",
    "psutil",
    "server_core.layers.forwarding",
    "server_core.workers",
}
"""Packages that the first answers do not need."""

LATE_ON_STDIO = {*LATE, "httptools", "server_core.app", "server_core.fastlane", "server_core.http", "uvloop"}

REQUESTS = (
    {"method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {},
     "clientInfo": {"name": "test", "version": "1"}}},
    {"method": "tools/list", "params": {}},
    {"method": "tools/call", "params": {"name": "add", "arguments": {"a": 1.0, "b": 2.0}}},
)  # fmt: skip
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def messages() -> list[dict[str, object]]:
    requests = [{"jsonrpc": "2.0", "id": number, **each} for number, each in enumerate(REQUESTS)]
    return [requests[0], INITIALIZED, *requests[1:]]


def imported_late(log: str, late: set[str]) -> set[str]:
    modules = set(_IMPORT.findall(log))
    assert "fastmcp.server.server" in modules, log[-2000:]
    return {each for each in late if each in modules or any(m.startswith(f"{each}.") for m in modules)}


COMMAND = [sys.executable, "-X", "importtime", "-m", "calculator_server"]


def test_http_server_imports_nothing_that_its_first_answers_do_not_take(tmp_path: Path) -> None:
    ready, log = tmp_path / "ready.json", tmp_path / "log"
    with (
        log.open("w") as output,
        subprocess.Popen([*COMMAND, "--port", "0", "--ready-file", str(ready)], stderr=output) as server,
    ):
        try:
            until_s = time.monotonic() + 60
            while not ready.exists():
                assert server.poll() is None
                assert time.monotonic() < until_s
                time.sleep(0.01)
            until_ready = log.read_text()
            url, session = json.loads(ready.read_text())["url"], {}
            with httpx2.Client(headers={"accept": "application/json, text/event-stream"}) as client:
                for message in messages():
                    answer = client.post(url, json=message, headers=session)
                    assert answer.is_success
                    session = session or {"mcp-session-id": answer.headers["mcp-session-id"]}
            imports = log.read_text()
        finally:
            server.terminate()
    assert answer.json()["result"]["structuredContent"] == {"result": 3.0}
    assert imported_late(until_ready, LATE) == set()
    # Begun a second after the start, which may be over before the first answers on a busy machine.
    assert imported_late(imports, LATE - {"beartype", "key_value"}) == set()


def test_stdio_server_imports_nothing_for_http(tmp_path: Path) -> None:
    lines = "".join(f"{json.dumps(message)}\n" for message in messages())
    done = subprocess.run(
        [*COMMAND, "--transport", "stdio"],
        input=lines,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["result"]["structuredContent"] == {"result": 3.0}
    assert imported_late(done.stderr, LATE_ON_STDIO) == set()


def test_help_needs_no_server() -> None:
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert "--ready-file" in done.stdout
    assert imported_late(done.stderr, LATE_ON_STDIO) == set()
