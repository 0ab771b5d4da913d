"""The scenarios as tests: the same runs, chosen with -k, and nothing at all without --perf."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    (tmp_path / "wrong.toml").write_text(target.replace("result = 3", "result = 4"))
    return tmp_path


def run_pytest(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # A process of its own, with this plugin alone: whatever else is installed must not matter.
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


def test_without_the_option_ordinary_tests_run_as_ever(folder: Path) -> None:
    done = run_pytest(folder, "-q")
    assert "1 passed" in done.stdout
    assert "adder" not in done.stdout


def test_with_the_option_scenarios_stand_in_place_of_tests(folder: Path) -> None:
    done = run_pytest(folder, "--perf", "--perf-target", "adder.toml", "--collect-only", "-q")
    assert "adder-concurrent-session" in done.stdout
    assert "adder-quick-stateless" in done.stdout
    assert "test_ordinary" not in done.stdout
    chosen = run_pytest(
        folder, "--perf", "--perf-target", "adder.toml", "--collect-only", "-q", "-k", "concurrent"
    )
    assert [line for line in chosen.stdout.splitlines() if "adder-" in line] == ["::adder-concurrent-session"]
    named = run_pytest(
        folder, "--perf", "--perf-target", "adder.toml", "--scenario", "load", "--collect-only", "-q"
    )
    assert [line for line in named.stdout.splitlines() if "adder-" in line] == ["::adder-load-session"]


def test_unknown_target_is_a_usage_error_with_a_hint(folder: Path) -> None:
    done = run_pytest(folder, "--perf", "--perf-target", "nobody")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "there is no target 'nobody'" in done.stderr


@pytest.mark.k6
def test_scenario_runs_as_perf_core_runs_it(folder: Path) -> None:
    options = ["--clients", "2", "--duration", "2s", "--output-dir", "runs", "-k", "concurrent"]
    done = run_pytest(folder, "--perf", "--perf-target", "adder.toml", *options)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    (path,) = folder.glob("runs/*/record.json")
    record = json.loads(path.read_text())
    assert record["scenario"] == "concurrent"
    assert [stage["vus"] for stage in record["stages"] if stage["kind"] == "hold"] == [2]
    failed = run_pytest(folder, "--perf", "--perf-target", "wrong.toml", *options)
    assert "1 failed" in failed.stdout
    assert "success_percent is 0" in failed.stdout
    assert "Traceback" not in failed.stdout
