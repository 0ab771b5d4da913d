"""Scenarios as tests: selected with -k, and absent without --perf."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from perf_core import pytest_plugin
from perf_core.errors import TargetError

ADDER = Path(__file__).parent / "servers" / "adder.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one ordinary test and a target file."""
    (tmp_path / "test_ordinary.py").write_text("def test_ordinary():\n    assert True\n")
    argv = json.dumps([sys.executable, str(ADDER), "--ready-file", "{ready_file}"])
    target = f"""
name = "adder"
command = {argv}
[[calls]]
tool = "add"
arguments = {{ a = 1, b = 2 }}
expect = {{ result = {{ result = 3 }} }}
"""
    (tmp_path / "adder.toml").write_text(target)
    wrong = target.replace("result = 3", "result = 4").replace('"adder"', '"wrong"', 1)
    (tmp_path / "wrong.toml").write_text(wrong)
    return tmp_path


def run_pytest(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # A separate process with this plug-in alone: other installed plug-ins must not matter.
    base = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "perf_core.pytest_plugin",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
    ]
    return subprocess.run(
        [*base, "--rootdir", str(folder), *words],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.process
def test_without_perf_ordinary_tests_run(folder: Path) -> None:
    done = run_pytest(folder, "-q")
    assert "1 passed" in done.stdout
    assert "adder" not in done.stdout


def collected(folder: Path, *options: str) -> list[str]:
    """Return the names of the scenarios that pytest would run."""
    done = run_pytest(folder, "--perf", "--perf-target", "adder.toml", "--collect-only", "-q", *options)
    assert "test_ordinary" not in done.stdout
    return [line.removeprefix("::") for line in done.stdout.splitlines() if "adder-" in line]


@pytest.mark.process
def test_with_perf_scenarios_replace_tests(folder: Path) -> None:
    selection = collected(folder, "-k", "concurrent or quick")
    assert sorted(selection) == ["adder-concurrent-session", "adder-quick-session", "adder-quick-stateless"]
    assert collected(folder, "--scenario", "load") == ["adder-load-session"]


@pytest.mark.process
def test_server_without_calls_is_asked_what_it_can_do(folder: Path) -> None:
    command = json.dumps([sys.executable, str(ADDER.with_name("notes.py"))])
    (folder / "notes.toml").write_text(f'name = "notes"\ncommand = {command}\ntransport = "stdio"\n')
    done = run_pytest(folder, "--perf", "--perf-target", "notes.toml", "--collect-only", "-q", "-k", "load")
    assert "notes-load-session" in done.stdout, done.stdout + done.stderr


@pytest.mark.process
def test_two_lengths_are_a_usage_error(folder: Path) -> None:
    lengths = ["--duration", "1s", "--time-scale", "0.1"]
    done = run_pytest(folder, "--perf", "--perf-target", "adder.toml", "-k", "load", *lengths)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--time-scale: expected no value beside --duration" in done.stderr


def test_texts_of_servers_cannot_control_the_terminal() -> None:
    item = object.__new__(pytest_plugin.ScenarioItem)
    for error in (pytest_plugin.NotPassed("fail", ("\x1b[2J\x9b",)), TargetError("\x1b[2J", "\u202e")):
        with pytest.raises(type(error)) as caught:
            raise error
        assert not set("\x1b\x9b\u202e") & set(item.repr_failure(caught))


@pytest.mark.process
def test_unknown_target_is_a_usage_error_with_a_hint(folder: Path) -> None:
    done = run_pytest(folder, "--perf", "--perf-target", "nobody")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "there is no target 'nobody'" in done.stderr


@pytest.mark.process
def test_malformed_number_of_clients_is_a_usage_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_VUS", "many")
    done = run_pytest(folder, "--perf", "--perf-target", "adder.toml", "-k", "load")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "TEST_VUS: expected a whole number, got 'many'" in done.stderr


@pytest.mark.k6
@pytest.mark.long
def test_example_of_the_docstring_passes_with_right_answers_and_fails_with_wrong_ones(folder: Path) -> None:
    (example,) = re.findall(r"^    pytest (--perf .*)$", str(pytest_plugin.__doc__), flags=re.MULTILINE)
    options = ["--output-dir", "runs", "--perf-target", "wrong.toml"]
    done = run_pytest(folder, *example.split(), *options)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "FAILED ::wrong-concurrent-session" in done.stdout
    assert "success_percent: expected" in done.stdout
    assert "Traceback" not in done.stdout
    records = [json.loads(path.read_text()) for path in folder.glob("runs/*/record.json")]
    assert {record["target"]: record["verdict"] for record in records} == {"adder": "pass", "wrong": "fail"}
    for record in records:
        assert record["scenario"] == "concurrent"
        assert [stage["vus"] for stage in record["stages"] if stage["kind"] == "hold"] == [2]


@pytest.mark.k6
def test_misspelt_target_stops_pytest_before_the_first_scenario(folder: Path) -> None:
    path = folder / "adder.toml"
    target = '[[targets]]\nfigure = "error_rate@hold_5"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
    path.write_text(path.read_text() + target + 'scenarios = ["load"]\n')
    options = ["--perf", "--perf-target", "adder.toml", "--duration", "1s", "--output-dir", "runs"]
    done = run_pytest(folder, *options, "-k", "quick or load")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "did you mean 'error_rate@hold_50'?" in done.stderr
    assert not (folder / "runs").exists()


@pytest.mark.k6
def test_wire_that_is_not_offered_is_a_skipped_test(folder: Path) -> None:
    path = folder / "adder.toml"
    path.write_text(path.read_text().replace('{ready_file}"]', '{ready_file}", "--fault", "session-only"]'))
    options = ["--perf", "--perf-target", "adder.toml", "--duration", "1s", "--clients", "2"]
    done = run_pytest(folder, *options, "--output-dir", "runs", "-k", "quick", "-rs")
    assert "1 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert "the server does not offer the stateless wire" in done.stdout.replace("\n", " ")
    assert len(list(folder.glob("runs/*/junit.xml"))) == 2
