"""The command `coldstart`, from its options to its files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from perf_core.analysis.cold_start import COLD_STARTS
from perf_core.cli import main
from perf_core.errors import ExitCode

SLEEPER = str(Path(__file__).parents[1] / "servers" / "sleeper.py")


@pytest.mark.process
@pytest.mark.long
def test_command_alone_is_started_and_reported(tmp_path: Path, capsys) -> None:
    results = tmp_path / "results"
    options = ["--starts", "2", "--cache", "warm", "--output-dir", str(results)]
    assert main(["coldstart", *options, "--", sys.executable, SLEEPER, "--stdio"]) == ExitCode.PASS
    (folder,) = results.iterdir()
    assert folder.name.endswith("-coldstart-sleeper")
    (server,) = COLD_STARTS.read(folder).servers
    assert (server.transport, server.call, len(server.starts)) == ("stdio", "nap", 2)
    told = capsys.readouterr().out
    assert "sleeper has answered its first call after" in told
    assert "start and handshake" in told
    assert "sleeper has answered" in (folder / "summary.md").read_text(encoding="utf-8")
    assert main(["report", str(folder)]) == ExitCode.PASS
    assert capsys.readouterr().out.strip() == told.partition("Results:")[0].strip()


@pytest.mark.process
@pytest.mark.long
def test_json_is_the_only_output(tmp_path: Path, capsys) -> None:
    options = ["--starts", "2", "--cache", "warm", "--json", "--output-dir", str(tmp_path)]
    assert main(["coldstart", *options, "--", sys.executable, SLEEPER, "--stdio"]) == ExitCode.PASS
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["schema"]) == ("coldstart", 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected a server to start, got none"),
        (["http://127.0.0.1:9/mcp"], "which runs already"),
        (["--starts", "1", "--", "x"], "--starts: expected 2 or more, got 1"),
        (["--cache", "warm", "--drop-caches", "--", "x"], "--drop-caches: expected cold starts"),
    ],
)
def test_what_cannot_be_started_is_refused(words: list[str], message: str, tmp_path: Path, capsys) -> None:
    assert main(["coldstart", "--output-dir", str(tmp_path / "results"), *words]) == ExitCode.USAGE
    assert message in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
