"""Real bridges in front of real servers on stdio."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from perf_core.server.bridge.pages import BridgeCounts, read_counts

ADDER = str(Path(__file__).parents[2] / "servers" / "stdio_adder.py")
SESSION = "Mcp-Session-Id"


def wait(condition: Callable[[], Any], what: str, longest_s: float = 20.0) -> Any:
    """Return the first true value of a condition."""
    deadline = time.monotonic() + longest_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"expected {what} within {longest_s} s"
        time.sleep(0.01)
    return value


@dataclass
class Session:
    """A session of a client."""

    http: httpx2.Client
    url: str
    id: str
    last_id: int = 0

    @property
    def headers(self) -> dict[str, str]:
        return {SESSION: self.id, "MCP-Protocol-Version": "2025-11-25"}

    def post(self, method: str, params: dict, **message: Any) -> httpx2.Response:
        self.last_id += 1
        body = {"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params, **message}
        return self.http.post(self.url, json=body, headers=self.headers)

    def add(self, a: int, b: int, **meta: Any) -> httpx2.Response:
        params: dict[str, Any] = {"name": "add", "arguments": {"a": a, "b": b}}
        if meta:
            params["_meta"] = meta
        return self.post("tools/call", params)

    def total(self, a: int, b: int) -> int:
        total: int = self.add(a, b).json()["result"]["structuredContent"]["result"]
        return total

    def delete(self) -> int:
        return self.http.delete(self.url, headers=self.headers).status_code


@dataclass
class Bridge:
    """A running bridge."""

    url: str
    process: psutil.Popen
    log: Path
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=20, trust_env=False))

    def initialize(self, http: httpx2.Client | None = None) -> httpx2.Response:
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
        body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        return (http or self.http).post(self.url, json=body)

    def session(self, http: httpx2.Client | None = None) -> Session:
        response = self.initialize(http)
        assert response.status_code == 200, response.text
        session = Session(http or self.http, self.url, response.headers[SESSION])
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert session.http.post(self.url, json=note, headers=session.headers).status_code == 202
        return session

    @property
    def counts(self) -> BridgeCounts:
        counts = read_counts(self.url)
        assert counts is not None
        return counts

    def children(self) -> list[psutil.Process]:
        return [process for process in self.process.children(recursive=True) if process.status() != "zombie"]

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def running_bridge(
    folder: Path, options: Sequence[str], env: dict[str, str] | None = None
) -> Iterator[Bridge]:
    """Yield a bridge that was started with these options."""
    ready, log = folder / "ready.json", folder / "bridge.log"
    ready.unlink(missing_ok=True)
    with log.open("wb") as output:
        process = psutil.Popen(
            [
                sys.executable,
                "-m",
                "perf_core.server.bridge",
                "--with-stdin",
                "--ready-file",
                str(ready),
                *options,
            ],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=env,
        )
    try:
        wait(lambda: ready.exists() or process.poll() is not None, "a ready file")
        assert process.poll() is None, log.read_text()
        bridge = Bridge(json.loads(ready.read_text())["url"], process, log)
        with bridge.http:
            yield bridge
    finally:
        process.stdin.close()
        try:
            process.wait(20)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)
            raise


@pytest.fixture
def start_bridge(tmp_path: Path) -> Iterator[Callable[..., Bridge]]:
    """Return a starter of a bridge to an adder: `start_bridge("--fault", "crash", shared=True)`."""
    with contextlib.ExitStack() as stack:

        def start(*words: str, shared: bool = False, stop_timeout_s: float = 0.3) -> Bridge:
            options = [*(["--shared"] if shared else []), "--stop-timeout", str(stop_timeout_s)]
            command = ["--", sys.executable, ADDER, *words]
            folder = tmp_path / f"bridge-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return stack.enter_context(running_bridge(folder, [*options, *command]))

        yield start


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Return a bridge to an adder without a fault; all tests of a module share it."""
    command = ["--stop-timeout", "0.3", "--", sys.executable, ADDER]
    with running_bridge(tmp_path_factory.mktemp("bridge"), command) as running:
        yield running


@pytest.fixture(scope="module")
def styles(tmp_path_factory: pytest.TempPathFactory, bridge: Bridge) -> Iterator[dict[str, Bridge]]:
    """Return bridges to adders by the style in which they write their answers."""
    with contextlib.ExitStack() as stack:
        running = {"python": bridge}
        for style in ("typescript", "blanks"):
            command = ["--stop-timeout", "0.3", "--", sys.executable, ADDER, "--style", style]
            running[style] = stack.enter_context(running_bridge(tmp_path_factory.mktemp(style), command))
        yield running


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., Any]:
    """Return a function that waits for a condition: `wait_until(lambda: …, "what it is")`."""
    return wait


@pytest.fixture
def start_command(tmp_path: Path) -> Iterator[Callable[..., Bridge]]:
    """Return a starter of a bridge with any options: `start_command("--", "no-such-program")`."""
    with contextlib.ExitStack() as stack:
        yield lambda *options, **settings: stack.enter_context(
            running_bridge(tmp_path, options, settings.get("env"))
        )
