"""The example configuration for several machines, with a real nginx in front of two real servers."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = [
    pytest.mark.long,
    pytest.mark.anyio,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed; CI installs it"),
    pytest.mark.skipif(sys.platform == "win32", reason="the example is for systems with signals"),
]
EXAMPLE = Path(__file__).parents[1] / "examples" / "nginx.conf"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Callable[[str, str], str]]:
    """Returns a function that starts nginx with the example for two servers' URLs and returns its address."""
    started: list[subprocess.Popen[bytes]] = []
    listeners: list[socket.socket] = []

    def start(north: str, south: str) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        port = listener.getsockname()[1]
        text = EXAMPLE.read_text(encoding="utf-8")
        for original, replacement in (
            ("10.0.0.1:8100", httpx2.URL(north).netloc.decode()),
            ("10.0.0.2:8100", httpx2.URL(south).netloc.decode()),
            ("listen 8080", f"listen 127.0.0.1:{port}"),
        ):
            assert original in text
            text = text.replace(original, replacement)
        folders = "".join(
            f"    {kind}_temp_path {tmp_path};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = text.replace("http {\n", f"http {{\n    access_log off;\n{folders}", 1)
        config = tmp_path / "nginx.conf"
        config.write_text(f"daemon off;\npid {tmp_path}/nginx.pid;\nerror_log {tmp_path}/error.log;\n{text}")
        # nginx inherits the listening socket, so that no other process can take the port first.
        process = subprocess.Popen(
            [str(NGINX), "-c", str(config), "-e", str(tmp_path / "error.log")],
            pass_fds=(listener.fileno(),),
            env={**os.environ, "NGINX": f"{listener.fileno()};"},
        )
        started.append(process)
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                continue
            return f"http://127.0.0.1:{port}"
        raise AssertionError(tmp_path.joinpath("error.log").read_text())

    yield start
    for process in started:
        process.terminate()
        process.wait(60)
    for listener in listeners:
        listener.close()


async def test_sessions_reach_their_machine_and_stateless_calls_spread(
    start_server: Any, wires_to: Any, proxy: Callable[[str, str], str]
) -> None:
    public = ("--allowed-hosts", "mcp.example.com")
    north = start_server("--node", "north", *public)
    south = start_server("--node", "south", "--workers", "2", *public)
    address = proxy(north.url, south.url)
    async with wires_to(f"{address}/mcp") as wires:
        wires.http.headers.update({"host": "mcp.example.com", "connection": "close"})
        sessions: dict[str, str] = {}
        while len(sessions) < 3:  # one of them on each worker of south
            # Concurrently, so that the proxy opens more than one connection to each machine.
            for session in await asyncio.gather(*(wires.open_session() for _ in range(12))):
                sessions[session.rpartition(".")[0]] = session
        assert set(sessions) == {"north", "south.0", "south.1"}
        processes_by_place: dict[str, set[str]] = {place: set() for place in sessions}
        for _ in range(6):
            for place, session in sessions.items():
                answer = await wires.call_in_session(session, "process_id", {})
                assert answer.status_code == 200, answer.text
                processes_by_place[place].add(answer.json()["result"]["content"][0]["text"])
        assert [len(processes) for processes in processes_by_place.values()] == [1, 1, 1]
        assert len(set.union(*processes_by_place.values())) == 3
        stateless = await asyncio.gather(*(wires.call("process_id", {}) for _ in range(40)))
        assert {answer.status_code for answer in stateless} == {200}
        assert len({answer.text for answer in stateless}) > 1
        async with wires.http.stream(
            "GET",
            wires.path,
            headers={**wires.session_headers(sessions["south.1"]), "accept": "text/event-stream"},
        ) as stream:
            assert stream.status_code == 200

        # When a machine stops, its sessions answer 404, as specified, and all else works.
        assert await asyncio.to_thread(north.stop) == 0
        gone = await wires.in_session(sessions["north"], "ping")
        assert (gone.status_code, gone.json()["error"]["message"]) == (404, "Session not found")
        assert (await wires.in_session(sessions["south.0"], "ping")).status_code == 200
        assert {(await wires.call("process_id", {})).status_code for _ in range(8)} == {200}
    assert await asyncio.to_thread(south.stop) == 0
