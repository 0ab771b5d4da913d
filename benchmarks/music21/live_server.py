"""Start the server as its users do, call it over HTTP, and read CPU time and memory of its processes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil

VERSION: Final = "2026-07-28"
_SAMPLE_S: Final = 0.05
"""Interval between memory readings; a shorter peak can be missed."""


@contextmanager
def server(*options: str) -> Iterator[tuple[str, int, float]]:
    """Start the server; yield its endpoint, its process id, and the seconds until its workers were ready."""
    with tempfile.TemporaryDirectory() as name:
        ready, log = Path(name) / "ready.json", Path(name) / "server.log"
        command = [
            sys.executable,
            "-m",
            "music21_server",
            "--port",
            "0",
            "--ready-file",
            str(ready),
            *options,
        ]
        began = time.perf_counter()
        with log.open("wb") as sink:
            process = subprocess.Popen(command, stdout=sink, stderr=sink)
        try:
            url = _wait_for_url(ready, process, log)
            while httpx2.get(url.removesuffix("/mcp") + "/health/ready").status_code != 200:
                time.sleep(0.01)
            yield url, process.pid, time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for_url(ready: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        if ready.exists() and ready.read_text(encoding="utf-8").strip():
            return str(json.loads(ready.read_text(encoding="utf-8"))["url"])
        time.sleep(0.01)
    output = log.read_text(encoding="utf-8")[-2000:]
    sys.exit(f"expected a server that starts, got exit code {process.returncode}:\n{output}")


def tool_request(tool: str, arguments: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a tool call on the stateless wire."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments, "_meta": meta},
    }
    headers = {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": VERSION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    return json.dumps(call).encode(), headers


def call(http: httpx2.Client, url: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call a tool and return its result.

    Raises:
        SystemExit: The call was refused or failed.
    """
    body, headers = tool_request(tool, arguments)
    answer = http.post(url, content=body, headers=headers)
    if answer.status_code != 200:
        sys.exit(f"{tool}: HTTP {answer.status_code} {answer.text[:500]}")
    result: dict[str, Any] = json.loads(answer.text)["result"]
    if result.get("isError"):
        sys.exit(f"{tool}: {result['content']}")
    return result


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def memory_mb(pid: int) -> float:
    """Return the memory of the server and its workers; shared pages count once where the OS reports PSS."""
    total = 0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):  # a worker that has just been replaced
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    return total / 1e6


def cpu_s(pid: int) -> float:
    """Return the CPU time of the server and its workers, including workers that have ended."""
    total = 0.0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
            total += times.user + times.system + ended
    return total


@contextmanager
def peak_memory_mb(pid: int) -> Iterator[Sequence[float]]:
    """Sample the memory of the server and its workers in a thread, and yield the readings."""
    readings = [memory_mb(pid)]
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(_SAMPLE_S):
            readings.append(memory_mb(pid))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield readings
    finally:
        stop.set()
        thread.join()
