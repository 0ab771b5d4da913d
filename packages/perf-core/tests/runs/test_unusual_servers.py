"""Complete runs of servers that daemonize, and of servers that ask their client during a call."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode
from perf_core.results import record_file
from perf_core.results.record import RunRecord

pytestmark = pytest.mark.k6

SERVERS = Path(__file__).parents[1] / "servers"


def measured(tmp_path: Path, server: str, arguments: tuple[str, ...], further: str) -> RunRecord:
    command = [sys.executable, str(SERVERS / server), *arguments]
    target = tmp_path / "target.toml"
    target.write_text(f'name = "unusual"\ncommand = {json.dumps(command)}\n{further}\n')
    results = tmp_path / "results"
    options = ("--wire", "session", "--duration", "1s", "--vus", "2", "--think-time", "0.02")
    command = ["run", "quick", "--target", str(target), *options, "--output-dir", str(results)]
    assert main(command) == ExitCode.PASS
    (path,) = results.glob("*/record.json")
    return record_file.read(path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_daemon_is_measured_and_ended(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    call = (
        '[[calls]]\ntool = "add"\narguments = { a = 1, b = 2 }\nexpect = { result = { result = 3 } }\n'
        f'[env]\nDAEMON_TEST = "{mark}"'
    )
    record = measured(tmp_path, "daemon.py", ("--", "--ready-file", "{ready_file}"), call)
    assert record.server is not None
    assert record.server.processes == 1
    assert record.server.rss_mb.peak > 1
    assert record.server.cpu_s > 0
    left = [
        each for each in psutil.process_iter(["environ"]) if mark in (each.info["environ"] or {}).values()
    ]
    assert left == []


def test_server_that_asks_is_answered_under_load(tmp_path: Path) -> None:
    record = measured(
        tmp_path,
        "streamer.py",
        ("--ready-file", "{ready_file}"),
        '[answers]\nelicitation = { city = "Paris" }\n'
        '[[calls]]\ntool = "asks"\nexpect = { contains = "Paris" }',
    )
    assert record.metrics is not None
    assert record.metrics.errors == {}
    assert record.metrics.tool_calls > 1
    assert record.bridge is not None
    assert record.bridge.server_requests["elicitation/create"] >= record.metrics.tool_calls
    assert record.server is not None
    assert record.server.processes == 1, "the bridge is not the server"
