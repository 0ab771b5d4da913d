"""The command `sessions`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode

KEEPER = Path(__file__).parents[4] / "truth" / "session_keeper.py"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected a server whose sessions are measured, got none"),
        (["http://127.0.0.1:1/mcp", "http://127.0.0.1:2/mcp"], "expected one server"),
        (["http://127.0.0.1:1/mcp", "--max-sessions", "0"], "--max-sessions: expected 1 or more, got 0"),
        (["http://127.0.0.1:1/mcp", "--max-streams", "-1"], "--max-streams: expected 0 or more, got -1"),
        (["http://127.0.0.1:1/mcp", "--time-limit", "2s"], "--time-limit: expected at least 10 s, got 2 s"),
        (["--shared", "--", sys.executable], "--shared: expected one process of the server for each session"),
    ],
)
def test_mistakes_cost_no_time(arguments: list[str], message: str, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sessions", *arguments]) == ExitCode.USAGE
    assert message in capsys.readouterr().err


def test_a_server_that_is_not_there(tmp_path, capsys) -> None:
    arguments = ["sessions", "http://127.0.0.1:9/mcp", "--output-dir", str(tmp_path)]
    assert main(arguments) == ExitCode.LAB_FAILED
    assert "127.0.0.1:9/mcp" in capsys.readouterr().err


def test_a_server_at_a_url_is_left_as_it_was(keeper, tmp_path, capsys) -> None:
    server = keeper(cap=12)
    arguments = ["sessions", server.url, "--max-sessions", "16", "--max-streams", "0", "--json"]
    assert main([*arguments, "--time-limit", "20s", "--output-dir", str(tmp_path)]) == ExitCode.PASS
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["kind"]) == (1, "sessions")
    assert document["cap"]["kind"] == "refuses"
    assert document["cap"]["answer"]["status"] == 503
    assert server.keeper.open == 0
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} >= {"sessions.json", "report.html", "summary.md"}
    assert main(["report", str(folder)]) == ExitCode.PASS
    assert "The server refuses further sessions after" in " ".join(capsys.readouterr().out.split())


@pytest.mark.long
def test_a_command_is_started_anew_for_held_streams(tmp_path, capsys) -> None:
    argv = [sys.executable, str(KEEPER), "--ready-file", "{ready_file}", "session_kb=50", "stream_kb=30"]
    target = tmp_path / "keeper.toml"
    target.write_text(f'name = "keeper"\ncommand = {json.dumps(argv)}\n')
    arguments = ["--max-sessions", "200", "--max-streams", "100", "--time-limit", "20s"]
    assert (
        main(["sessions", str(target), *arguments, "--output-dir", str(tmp_path / "results")])
        == ExitCode.PASS
    )
    text = " ".join(capsys.readouterr().out.split())
    assert "A session left without DELETE keeps" in text
    assert "one with a held stream" in text
