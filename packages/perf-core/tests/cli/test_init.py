"""The command `init`: usage, and what a file says of a server; whole runs are in `test_any_server`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected a URL, a command after -- or --from FILE"),
        (["localhost:8000/mcp"], "http://localhost:8000/mcp"),
        (["calculator"], "expected a URL, got 'calculator'"),
        (["http://h:1", "http://h:2"], "expected one URL, got 2"),
        (["http://h:1", "--from", "mcp.json"], "--from: expected no URL"),
        (["http://h:1", "--server", "x"], "--server: expected --from"),
        (["http://h:1", "--shared"], "--shared: expected a command"),
        (["--from", "no-such.json"], "cannot read no-such.json"),
        (["http://h:1", "--output", "EXISTING"], "--output: expected a file that does not exist"),
        (["http://h:1", "--output", "no/such/folder/x.toml"], "--output: expected an existing folder"),
        (["http://h:1", "--header", "X-Key: literal"], "expected the value of X-Key from the environment"),
    ],
)
def test_usage_errors(words: list[str], message: str, tmp_path: Path, capsys) -> None:
    existing = tmp_path / "existing.toml"
    existing.write_text("mine")
    words = [str(existing) if word == "EXISTING" else word for word in words]
    assert main(["init", *words]) == ExitCode.USAGE
    assert message in " ".join(capsys.readouterr().err.split())
    assert existing.read_text() == "mine"


def test_placeholder_without_its_variable_is_named(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    entry = {"url": "http://127.0.0.1:9", "headers": {"Authorization": "Bearer ${input:no-such-key}"}}
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps({"servers": {"x": entry}}))
    assert main(["init", "--from", str(config)]) == ExitCode.USAGE
    assert "NO_SUCH_KEY" in capsys.readouterr().err


def test_nothing_is_written_when_the_server_cannot_be_asked(tmp_path: Path, capsys) -> None:
    output = tmp_path / "x.toml"
    assert main(["init", "http://127.0.0.1:9", "--output", str(output)]) == ExitCode.LAB_FAILED
    assert not output.exists()
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_program_of_a_configuration_that_does_not_exist(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"x": {"command": "npx", "args": ["-y", "y"]}}}))
    assert main(["init", "--from", str(config)]) == ExitCode.USAGE
    assert "got 'npx', which is not on PATH" in " ".join(capsys.readouterr().err.split())
    assert os.environ["PATH"] == str(tmp_path)


@pytest.mark.process
def test_value_that_a_server_repeats_is_not_written(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("TKN", "opensesame")
    server = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    message = json.loads(line)\n"
        "    info = {'protocolVersion': '2025-11-25', 'capabilities': {'tools': {}},"
        " 'serverInfo': {'name': 'echo', 'version': '1'}}\n"
        "    hints = {'readOnlyHint': True}\n"
        "    tool = {'name': 'who', 'inputSchema': {'type': 'object'}, 'annotations': hints}\n"
        "    answer = {'content': [{'type': 'text', 'text': 'I am ' + sys.argv[1]}]}\n"
        "    results = {'initialize': info, 'tools/list': {'tools': [tool]}, 'tools/call': answer}\n"
        "    if 'id' in message:\n"
        "        result = results.get(message['method'], {})\n"
        "        print(json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'result': result}), flush=True)\n"
    )
    config = tmp_path / "mcp.json"
    entry = {"command": sys.executable, "args": ["-c", server, "${TKN}"]}
    config.write_text(json.dumps({"mcpServers": {"x": entry}}))
    assert main(["init", "--from", str(config)]) == ExitCode.PASS
    printed = capsys.readouterr()
    assert "gave I am ***" in printed.out
    assert "Put the value of TKN in place of ${TKN}" in printed.out
    assert "opensesame" not in printed.out + printed.err
