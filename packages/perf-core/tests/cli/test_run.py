"""The command `run`: usage errors, environment variables and help; complete runs are in `tests/runs`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from perf_core import Scenario
from perf_core.cli import app, main
from perf_core.errors import ExitCode
from perf_core.results import record_file


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "quick", "--target", "no-such-server"], "no-such-server"),
        (["run", "quick", "--target", "no-such-file.toml"], "no-such-file.toml"),
        (["run", "quik", "--target", "ADDER"], "quick"),
        (["run", "--scenario", "quik", "--target", "ADDER"], "did you mean 'quick'"),
        (["run", "quick", "--target", "ADDER", "--colour", "red"], "--colour"),
        (["run", "quick", "--target", "ADDER", "--time-scale", "fast"], "fast"),
        (["run", "quick", "--target", "ADDER", "--time-scale", "0"], "--time-scale"),
        (["run", "quick", "--target", "ADDER", "--duration", "soon"], "soon"),
        (["run", "quick", "--target", "ADDER", "--vus", "-3"], "--vus"),
        (["run", "quick", "--target", "ADDER", "--rate", "-5"], "--rate"),
        (["run", "quick", "--target", "ADDER", "--wire", "telegraph"], "telegraph"),
        (["run", "quick", "--target", "ADDER", "--wire", "stateless", "--session-per-iteration"], "sessions"),
        (["run", "quick", "--target", "ADDER", "--server-url", "ftp://here"], "ftp://here"),
        (["run", "quick", "--target", "ADDER", "--duration", "2s", "--time-scale", "1"], "--time-scale"),
        (["run", "quick", "localhost:9/mcp"], "http://localhost:9/mcp"),
        (["run", "quick", "--target", "localhost:9/mcp"], "http://localhost:9/mcp"),
        (["run", "quik", "http://127.0.0.1:9/mcp"], "did you mean 'quick'"),
        (["run", "quick", "http://127.0.0.1:9/mcp", "--vus", "-3"], "--vus"),
        (["run", "quick", "--", "no-such-program"], "not on PATH"),
        (["run", "quick", "--target", "ADDER", "--tool", "add"], "--tool"),
        (["run", "quick", "--target", "ADDER", "--shared"], "--shared"),
        (["run", "quick", "http://127.0.0.1:9/mcp", "--header", "X-Key: $NO_SUCH"], "NO_SUCH"),
        (["run", "quick", "http://127.0.0.1:9/mcp", "--profile"], "a server that the lab starts"),
        (["run"], "scenarios"),
        (["fly"], "fly"),
    ],
)
def test_usage_errors(arguments: list[str], message: str, adder: str, tmp_path: Path, capsys) -> None:
    words = [adder if word == "ADDER" else word for word in arguments]
    if words[0] == "run":
        words += ["--output-dir", str(tmp_path / "results")]
    assert main(words) == ExitCode.USAGE
    printed = capsys.readouterr()
    assert message.lower() in printed.err.lower()
    assert "Traceback" not in printed.err
    assert not (tmp_path / "results").exists(), "an invalid request creates nothing"


@pytest.mark.parametrize(
    ("variable", "value"), [("SERVER_URL", "gopher://here"), ("TEST_DURATION", "soon"), ("TEST_VUS", "-3")]
)
def test_environment_variables_are_read(
    variable: str, value: str, adder: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["run", "quick", "--target", adder]) == ExitCode.USAGE
    assert value in capsys.readouterr().err


def test_dashboard_needs_its_port(
    adder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr("perf_core.cli.run.DASHBOARD_PORT", port)
        results = tmp_path / "results"
        command = ["run", "quick", "--target", adder, "--dashboard", "--output-dir", str(results)]
        assert main(command) == ExitCode.USAGE
    assert f"expected port {port} to be free" in capsys.readouterr().err
    assert not results.exists()


@pytest.mark.k6
def test_url_where_nothing_answers_has_a_record(tmp_path: Path, capsys) -> None:
    results = tmp_path / "results"
    words = ["run", "quick", "http://127.0.0.1:9/mcp", "--output-dir", str(results)]
    assert main(words) == ExitCode.LAB_FAILED
    printed = capsys.readouterr()
    assert "127.0.0.1:9" in printed.err
    (folder,) = results.iterdir()
    assert folder.name in printed.out
    record = record_file.read(folder)
    assert (record.verdict, record.exit_code) == ("invalid", ExitCode.LAB_FAILED)
    assert "127.0.0.1:9" in record.reasons[0]
    assert {"junit.xml", "report.html", "summary.md"} <= {path.name for path in folder.iterdir()}


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_interruption_ends_the_preparation(
    adder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    prepared: list[str] = []

    def prepare(_subject: object, scenario: Scenario, *_: object, **__: object) -> None:
        prepared.append(scenario.name)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("perf_core.cli.run.prepare", prepare)
    results = tmp_path / "results"
    assert main(["run", "quick", "load", "--target", adder, "--output-dir", str(results)]) == ExitCode.INVALID
    assert prepared == ["quick"]
    assert "interrupted before the load began" in capsys.readouterr().err
    assert not results.exists()


@pytest.mark.process
def test_module_prints_the_help_of_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "perf_core", "run", "--help"], capture_output=True, text=True, check=True
    )
    for option in (
        "--target",
        "--wire",
        "--time-scale",
        "--vus",
        "--clients",
        "--duration",
        "--rate",
        "--think-time",
    ):
        assert option in done.stdout
    for option in (
        "--seed",
        "--server-url",
        "--output-dir",
        "--dashboard",
        "--pin",
        "--session-per-iteration",
        "--allow-writes",
        "--tool",
        "--shared",
        "--header",
        "--bearer-env",
    ):
        assert option in done.stdout


@pytest.mark.parametrize("command", ["run", "figures"])
def test_the_url_may_stand_behind_options(command: str) -> None:
    words = [command, "quick", "--tool", "add", "--shared", "http://127.0.0.1:8100/mcp"]
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert bound.args == ("quick", "http://127.0.0.1:8100/mcp")


@pytest.mark.k6
@pytest.mark.parametrize(("fault", "wires"), [("stateless-only", "stateless"), ("", "session")])
@pytest.mark.long
def test_progress_names_no_wire_that_may_not_be_the_measured_one(
    fault: str, wires: str, adder: str, tmp_path: Path, capsys
) -> None:
    path = Path(adder)
    if fault:
        path.write_text(path.read_text().replace('"--ready-file"', f'"--fault", "{fault}", "--ready-file"'))
    words = ["run", "load", "--target", adder, "--duration", "1s", "--vus", "1"]
    main([*words, "--output-dir", str(tmp_path / "results")])
    printed = capsys.readouterr()
    assert "load on adder\n" in printed.err
    assert "wire" not in printed.err
    assert f"{wires} wire" in printed.out or wires in printed.out
