"""The command line of the league: its words, divisions that fail, and results that are written again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import run_league as league


def test_words_after_two_dashes_are_those_of_compare() -> None:
    divided = league._divided(["--division", "go", "--", "--launches", "10"])
    assert divided == (["--division", "go"], ["--launches", "10"])
    assert league._divided(["--list"]) == (["--list"], [])


def test_rivals_are_chosen_by_parts_of_their_names_and_the_baseline_stays() -> None:
    (session,) = (each for each in league.DIVISIONS if each.name == "session")
    names = [entrant.name for entrant in league._chosen(session, ["NGINX", "bun"])]
    assert names == ["calculator", "typescript-sdk-bun", "calculator-nginx"]
    assert league._chosen(session, []) == list(session.entrants)


def test_division_without_results_does_not_stop_the_others_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    commands: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> int:
        commands.append(command)
        return 1

    page = tmp_path / "league.md"
    page.write_text("<!-- league -->\n<!-- end of league -->\n")
    monkeypatch.setattr(league, "_run", run)
    monkeypatch.setattr(league, "install", lambda *_: None)
    monkeypatch.setattr(
        sys,
        "argv",
        ["run_league.py", "--write", str(page), "--output-dir", str(tmp_path), "--", "--vus", "2"],
    )
    assert league.main() == 1
    assert len(commands) == len(league.DIVISIONS)
    assert all(command[-2:] == ["--vus", "2"] for command in commands)
    assert "go: expected a comparison from perf-core compare" in capsys.readouterr().err
    assert page.read_text() == "<!-- league -->\n<!-- end of league -->\n"


def test_division_without_kept_results_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["run_league.py", "--kept", "--division", "rust", "--output-dir", str(tmp_path)]
    )
    assert league.main() == 1
    assert f"rust: expected results in {tmp_path}, got none" in capsys.readouterr().err


@pytest.mark.process
def test_command_that_takes_too_long_is_interrupted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    program = (
        "import pathlib, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "sys.exit(signal.sigwait([signal.SIGINT]) + 40)\n"
    )
    wait = subprocess.Popen.wait

    def wait_for_it(process: Any, timeout: float | None = None) -> int:
        if timeout == league.LONGEST_S:
            while not ready.exists():
                assert process.poll() is None
            raise subprocess.TimeoutExpired("perf-core", timeout)
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait_for_it)
    assert league._run([sys.executable, "-c", program]) == 42
