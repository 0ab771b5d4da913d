"""Ctrl-C while a server keeps `perf-core check` waiting: the command ends at once."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from perf_core.cli import check, main
from perf_core.errors import ExitCode
from perf_core.interruption import Interruption

RESULTS = {
    "initialize": {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "slow"}},
    "tools/list": {
        "tools": [{"name": "add", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}]
    },
    "tools/call": {"content": []},
}


@pytest.fixture
def keeps_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int], str]]:
    """Return a function that starts a server; its n-th answer to a method is a head that never ends.

    The user interrupts during that answer.
    """
    interruption, has_ended, counts = Interruption(), threading.Event(), Counter[str]()
    servers = []

    @contextlib.contextmanager
    def watch_signals() -> Iterator[Interruption]:
        yield interruption

    monkeypatch.setattr(check, "watch_signals", watch_signals)

    def start(method: str, number: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                counts[message["method"]] += 1
                if message["method"] == method and counts[method] == number:
                    self.trickle()
                    return
                result = RESULTS.get(message["method"])
                body = json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": result}).encode()
                self.send_response(202 if result is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def trickle(self) -> None:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                interruption.requested = True
                with contextlib.suppress(OSError):
                    while not has_ended.wait(0.1):
                        self.wfile.write(b"a")
                self.close_connection = True

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/mcp"

    yield start
    has_ended.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("method", "number"), [("initialize", 1), ("tools/list", 1), ("tools/call", 1)])
def test_target_file(
    method: str, number: int, keeps_waiting: Callable[[str, int], str], tmp_path: Path, capsys
) -> None:
    path = tmp_path / "slow.toml"
    path.write_text(f'name = "slow"\nurl = "{keeps_waiting(method, number)}"\n[[calls]]\ntool = "add"\n')
    began = time.monotonic()
    assert main(["check", str(path)]) == ExitCode.INVALID
    assert "interrupted" in capsys.readouterr().err
    # The limit of a call alone is 30 s.
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(("method", "number"), [("initialize", 1), ("tools/list", 2), ("tools/call", 1)])
def test_server_of_which_nothing_is_known(
    method: str, number: int, keeps_waiting: Callable[[str, int], str], capsys
) -> None:
    began = time.monotonic()
    assert main(["check", keeps_waiting(method, number)]) == ExitCode.INVALID
    assert "interrupted" in capsys.readouterr().err
    assert time.monotonic() - began < 8
