"""Complete runs with the real k6 against servers on stdio."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode
from perf_core.results import record_file
from perf_core.results.record import RunRecord

pytestmark = pytest.mark.k6

ADDER = str(Path(__file__).parents[1] / "servers" / "stdio_adder.py")

Quick = Callable[..., tuple[int, RunRecord]]


@pytest.fixture
def quick(tmp_path: Path) -> Quick:
    """Return a function that runs `quick` on the session wire, and returns exit code and record."""

    def run(*options: str, shared: bool = False) -> tuple[int, RunRecord]:
        command = [sys.executable, ADDER, *options]
        fields = {"name": "adder", "command": command, "transport": "stdio", "shared": shared}
        calls = [
            f'[[calls]]\ntool = "add"\narguments = {{ a = {a}, b = {a * a} }}\n'
            f"expect = {{ result = {{ result = {a + a * a} }} }}"
            for a in range(1, 30)
        ]
        path = tmp_path / "adder.toml"
        path.write_text("\n".join([*(f"{n} = {json.dumps(v)}" for n, v in fields.items()), *calls, ""]))
        arguments = ["--target", str(path), "--duration", "1s", "--vus", "3", "--wire", "session"]
        code = main(["run", "quick", *arguments, "--output-dir", str(tmp_path / "results")])
        (record,) = (tmp_path / "results").glob("*/record.json")
        return code, record_file.read(record)

    return run


@pytest.mark.parametrize(("shared", "processes"), [(False, 3), (True, 1)])
def test_sound_server_passes_and_the_bridge_is_stated_apart(
    shared: bool, processes: int, quick: Quick
) -> None:
    code, run = quick(shared=shared)
    assert code == ExitCode.PASS
    assert run.metrics is not None
    assert run.metrics.errors == {}
    assert run.metrics.latency_ms["add"].count == run.metrics.tool_calls > 10
    assert run.server is not None
    assert run.server.processes == processes
    assert run.server.cpu_us_per_call > 0
    assert run.bridge is not None
    assert run.bridge.requests >= run.metrics.tool_calls
    assert 0 < run.bridge.cpu_us_per_request < 2_000
    assert run.bridge.echo_p50_us > run.bridge.direct_p50_us > 0
    assert 5 < run.bridge.rss_peak_mb < 200
    assert run.bridge.ended == 0
    assert run.metrics.sessions_closed == run.metrics.sessions_opened == 3


def test_server_whose_processes_crash_under_load_fails_with_the_reason(quick: Quick) -> None:
    code, run = quick("--fault", "die")
    assert code == ExitCode.TARGETS_MISSED
    assert run.verdict == "fail"
    assert run.bridge is not None
    assert run.bridge.ended >= 3
    assert run.bridge.started > 3, "a client whose process has ended opens another session"
    reasons = " ".join(run.reasons)
    assert "ended without being asked to" in reasons
    assert "SIGKILL" in reasons
    assert "out of luck" in reasons
