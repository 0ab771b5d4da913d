"""The command `check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode


@pytest.mark.k6
def test_check_performs_a_handshake_and_lists_tools(adder: str, capsys) -> None:
    assert main(["check", adder]) == ExitCode.PASS
    printed = capsys.readouterr().out
    assert "adder 1 answers at http://127.0.0.1:" in printed
    assert "tools: add" in printed
    assert "scenarios, whose targets and tools exist: quick, load, stress" in printed


@pytest.mark.k6
def test_check_finds_the_mistakes_of_every_scenario(adder: str, capsys) -> None:
    path = Path(adder)
    target = '[[targets]]\nfigure = "error_rate@hold_5"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
    calls = '[[calls]]\ntool = "ad"\n'
    path.write_text(path.read_text() + calls + target + 'scenarios = ["load", "stress"]\n')
    assert main(["check", adder]) == ExitCode.USAGE
    printed = capsys.readouterr().err
    assert "scenario load of adder cannot be judged: " in printed
    assert "scenario stress of adder cannot be judged: " in printed
    assert "scenario quick: expected the tool ad; did you mean 'add'?" in printed


def test_check_of_a_missing_server_fails(adder: str, capsys) -> None:
    assert main(["check", adder, "--server-url", "http://127.0.0.1:9"]) == ExitCode.LAB_FAILED
    assert "127.0.0.1:9/mcp" in capsys.readouterr().err


@pytest.mark.process
def test_check_fails_when_a_deleted_session_goes_on(adder: str, capsys) -> None:
    path = Path(adder)
    path.write_text(path.read_text().replace('"--ready-file"', '"--fault", "immortal", "--ready-file"'))
    assert main(["check", adder]) == ExitCode.LAB_FAILED
    assert "expected status 404 for a request with a deleted session" in capsys.readouterr().err
