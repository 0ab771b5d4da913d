"""Times of starts agree within 5 % with a stopwatch of a few lines."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from perf_core.adapter import Expectation, Launch, Step
from perf_core.interruption import Interruption
from perf_core.runs.cold_start.one_start import Starter
from perf_core.server.credentials.access import OPEN
from perf_core.server.spawning import free_port

pytestmark = [pytest.mark.process, pytest.mark.nightly]

SLEEPER = str(Path(__file__).parents[2] / "servers" / "sleeper.py")
SLEEPS = ("--listen", "0.4", "--initialize", "0.1", "--list", "0.1", "--call", "0.2")
ROUNDS = 20

MESSAGES = (
    {"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}},
    {"id": 2, "method": "tools/list", "params": {}},
    {"id": 3, "method": "tools/call", "params": {"name": "nap", "arguments": {}}},
)


def http_stopwatch() -> list[float]:
    """Return when the server listened and gave each answer, in seconds since just before its start."""
    port = free_port()
    began_s = time.perf_counter()
    with subprocess.Popen([sys.executable, SLEEPER, "--port", str(port), *SLEEPS]) as server:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.001)
        times_s = [time.perf_counter() - began_s]
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for message in MESSAGES:
            connection.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", **message}))
            connection.getresponse().read()
            times_s.append(time.perf_counter() - began_s)
        connection.close()
        server.terminate()
    return times_s


def stdio_stopwatch() -> list[float]:
    began_s = time.perf_counter()
    command = [sys.executable, SLEEPER, "--stdio", *SLEEPS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        times_s = []
        for message in MESSAGES:
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            server.stdin.flush()
            server.stdout.readline()  # the line that is no message
            server.stdout.readline()
            times_s.append(time.perf_counter() - began_s)
        server.stdin.close()
    return times_s


@pytest.mark.parametrize(("how", "stopwatch"), [("http", http_stopwatch), ("stdio", stdio_stopwatch)])
def test_shortest_times_agree_within_five_percent(
    how: str, stopwatch: Callable[[], list[float]], tmp_path: Path
) -> None:
    is_http = how == "http"
    launch = Launch(
        (sys.executable, SLEEPER, *(("--port", "{port}") if is_http else ("--stdio",)), *SLEEPS),
        url="http://127.0.0.1:{port}/mcp" if is_http else None,
        transport="http" if is_http else "stdio",
    )
    step = Step("nap", {}, Expectation.text("zzz"))
    starter = Starter(launch, "session", OPEN, step, tmp_path / "log", Interruption())
    direct, ours = [], []
    for number in range(ROUNDS):
        direct.append(stopwatch())
        start, _ = starter.start("warm", number)
        times_s = (start.listening_s, start.initialize_s, start.tools_list_s, start.first_call_s)
        ours.append([each for each in times_s if each is not None])
    for step_of_direct, step_of_ours in zip(zip(*direct, strict=True), zip(*ours, strict=True), strict=True):
        # A busy machine only adds to times.
        assert min(step_of_ours) == pytest.approx(min(step_of_direct), rel=0.05)
