"""The command line: exit codes, error messages, and the commands other than ``run``."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode
from perf_core.results import record_file
from perf_core.results.record import MemoryTrend, RunRecord, Series, ServerUse, Trend

ADDER = Path(__file__).parent / "servers" / "adder.py"


@pytest.fixture
def adder(tmp_path: Path) -> str:
    command = json.dumps([sys.executable, str(ADDER), "--ready-file", "{ready_file}"])
    path = tmp_path / "adder.toml"
    path.write_text(
        f'name = "adder"\ncommand = {command}\n[[calls]]\ntool = "add"\narguments = {{ a = 1, b = 2 }}\n'
    )
    return str(path)


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
        (["run", "quick", "--target", "ADDER", "--rate", "5"], "--rate"),
        (["run", "quick", "--target", "ADDER", "--wire", "telegraph"], "telegraph"),
        (["run", "quick", "--target", "ADDER", "--wire", "stateless", "--session-per-iteration"], "sessions"),
        (["run", "quick", "--target", "ADDER", "--server-url", "ftp://here"], "ftp://here"),
        (["run", "quick", "--target", "http://127.0.0.1:9/mcp"], "--server-url"),
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


def test_check_performs_a_handshake_and_lists_tools(adder: str, capsys) -> None:
    assert main(["check", adder]) == ExitCode.PASS
    printed = capsys.readouterr().out
    assert "adder 1 answers at http://127.0.0.1:" in printed
    assert "tools: add" in printed


def test_check_of_a_missing_server_fails(adder: str, capsys) -> None:
    assert main(["check", adder, "--server-url", "http://127.0.0.1:9"]) == ExitCode.LAB_FAILED
    assert "127.0.0.1:9/mcp" in capsys.readouterr().err


def test_report_of_a_malformed_or_missing_record_fails(tmp_path: Path, capsys) -> None:
    (tmp_path / "record.json").write_text("{}")
    assert main(["report", str(tmp_path)]) == ExitCode.LAB_FAILED
    assert main(["report", str(tmp_path / "nowhere")]) == ExitCode.LAB_FAILED
    assert "record.json" in capsys.readouterr().err


def test_targets_lists_adapters_and_scenarios(build, install, capsys) -> None:
    install(adder=build.adapter({"quick": build.scenario("quick")}), notes=build.adapter({}, "notes"))
    assert main(["targets"]) == ExitCode.PASS
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["adder", "quick", "notes"]
    assert "A question." in lines[1]


def test_targets_without_an_adapter_says_how_to_get_one(install, capsys) -> None:
    install()
    assert main(["targets"]) == ExitCode.PASS
    assert "Install a server" in capsys.readouterr().out


def test_version_is_that_of_the_distribution(capsys) -> None:
    assert main(["--version"]) == ExitCode.PASS
    printed = capsys.readouterr().out.strip()
    assert printed == importlib.metadata.version("mcp-perf-core")
    assert printed != "0.0.0"


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
    ):
        assert option in done.stdout


@pytest.fixture
def recorded(tmp_path: Path, build):
    """Return a function that records a run with a p95 and returns its folder."""

    def record(name: str, p95: float, cpu: str = "a CPU") -> str:
        folder = tmp_path / "results" / name
        folder.mkdir(parents=True)
        run = RunRecord(
            run_id=name,
            scenario="load",
            target="adder",
            wire="session",
            started_at="2026-01-01T00:00:00.000+00:00",
            duration_s=25.0,
            verdict="pass",
            reasons=(),
            exit_code=0,
            metrics=build.metrics(latency_ms={"all": build.latency(p95)}),
            server=ServerUse(
                MemoryTrend(50.0, 80.0, 70.0), 2.0, 400.0, Trend(9, 12, 9), Trend(3, 3, 3), processes=1
            ),
            generator=build.generator(),
            targets=(),
            stages=(build.stage("hold_10", 5, 25),),
            findings=(),
            series=Series(1.0, {}, {}),
            manifest={
                "machine": {"cpu": cpu, "cpus": 2, "memory_mb": 8000, "system": "Linux"},
                "plan": {"shape": "load", "settings": {"vus": None, "seed": 1}},
            },
        )
        record_file.write(run, folder)
        return str(folder)

    return record


def test_recorded_runs_are_compared(recorded, capsys) -> None:
    before, slower, alike = recorded("x", 20.0), recorded("y", 40.0), recorded("z", 20.5)
    assert main(["compare", before, slower]) == ExitCode.WORSE
    assert "worse" in capsys.readouterr().out.lower()
    assert main(["compare", slower, before]) == ExitCode.PASS
    assert main(["compare", before, alike]) == ExitCode.PASS
    assert main(["compare", slower, "--baseline", f"{before}/record.json"]) == ExitCode.WORSE
    assert main(["compare", before, "--baseline", slower]) == ExitCode.PASS


def test_runs_of_different_machines_are_compared_only_with_the_option(recorded, capsys) -> None:
    here, there = recorded("x", 20.0), recorded("y", 20.0, cpu="another CPU")
    assert main(["compare", here, there]) == ExitCode.INVALID
    assert "another CPU" in capsys.readouterr().err
    assert main(["compare", here, there, "--cross-machine"]) == ExitCode.PASS


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["X", "X", "--baseline", "X"], ExitCode.USAGE, "--baseline"),
        (["X", "calculator"], ExitCode.USAGE, "recorded run"),
        (["calculator", "--baseline", "X"], ExitCode.USAGE, "recorded run"),
        (["X"], ExitCode.USAGE, "got one"),
        (["X", "NOWHERE"], ExitCode.LAB_FAILED, "cannot read"),
        (["X", "UNKNOWN"], ExitCode.LAB_FAILED, "schema 99"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(
    words, code, message, *, recorded, tmp_path: Path, capsys
) -> None:
    unknown = tmp_path / "unknown"
    unknown.mkdir()
    (unknown / "record.json").write_text('{"schema": 99}')
    places = {"X": recorded("x", 20.0), "NOWHERE": str(tmp_path / "nowhere.json"), "UNKNOWN": str(unknown)}
    assert main(["compare", *(places.get(word, word) for word in words)]) == code
    assert message in capsys.readouterr().err
