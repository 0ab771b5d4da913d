"""Memory of the server per open session, on the session wire."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from .mcp_messages import MESSAGE_HEADERS, initialize_message
from .subject import subject

SESSIONS = 200
WARM_UP_SESSIONS = 50
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 15.0


class Sessions:
    """Growth of the server's resident memory by sessions that stay open."""

    version = "1"
    timeout = 120
    unit = "bytes"

    def setup(self) -> None:
        """Skip commits without a calculator."""
        subject("calculator_server")
        self.process_of = subject("psutil").Process

    def track_memory_per_session(self) -> float:
        """Open sessions on a new server; the first ones allocate shared memory and are not counted."""
        with _server() as (url, pid):
            server = self.process_of(pid)
            _open_sessions(url, WARM_UP_SESSIONS)
            before_bytes = server.memory_info().rss
            _open_sessions(url, SESSIONS)
            return (server.memory_info().rss - before_bytes) / SESSIONS


Sessions.track_memory_per_session.pretty_name = "Memory per open session"


@contextmanager
def _server() -> Iterator[tuple[str, int]]:
    """Start the commit's calculator; yield its URL and process id, and end it afterwards."""
    # asv runs suites in a temporary folder, which it removes even if this process is ended early.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        ready_file = Path(folder) / "ready.json"
        log_file = Path(folder) / "server.log"
        command = [sys.executable, "-m", "calculator_server", "--port", "0", "--ready-file", str(ready_file)]
        with log_file.open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            yield _await_url(process, ready_file, log_file), process.pid
        finally:
            process.terminate()
            try:
                process.wait(STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_url(process: subprocess.Popen[bytes], ready_file: Path, log_file: Path) -> str:
    deadline_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            return str(json.loads(ready_file.read_text(encoding="utf-8"))["url"])
        except (OSError, ValueError):
            time.sleep(0.02)  # does not exist yet, or is incomplete
    log = log_file.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"expected a server within {READY_WITHIN_S:g} s, got none; its log ends with:\n{log}")


def _open_sessions(url: str, count: int) -> None:
    """Open sessions over one connection, so that connections do not count as sessions."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    body = json.dumps(initialize_message()).encode()
    try:
        for _ in range(count):
            connection.request("POST", address.path, body, MESSAGE_HEADERS)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200 or not answer.headers.get("mcp-session-id"):
                raise RuntimeError(f"expected a session, got HTTP {answer.status}, {text[:500]!r}")
    finally:
        connection.close()
