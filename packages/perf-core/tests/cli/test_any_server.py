"""Whole commands about a server of which only the URL or the command is known."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode, UsageError
from perf_core.results import record_file
from perf_core.results.record import RunRecord
from perf_core.targets.registry import find_subjects

pytestmark = [pytest.mark.k6, pytest.mark.process]

SHORT = ["--duration", "2s", "--vus", "2", "--wire", "session", "--think-time", "0.02"]


def the_record(results: Path) -> RunRecord:
    (folder,) = results.iterdir()
    return record_file.read(folder)


def expect_sound(record: RunRecord, server: str) -> None:
    assert record.verdict == "pass", record.reasons
    assert record.target == server
    assert record.metrics is not None
    assert record.metrics.tool_calls > 10
    assert record.metrics.error_rate == 0
    assert set(record.metrics.latency_ms) == {"all", "add", "lookup"}
    assert record.discovery is not None
    strictness = {each.tool: each.strictness for each in record.discovery.checks}
    assert strictness == {"add": "exact", "lookup": "exact"}
    assert [each.tool for each in record.discovery.left_out] == ["keep"]


def test_url_alone_is_measured_with_drawn_calls(notes, tmp_path: Path, capsys) -> None:
    results = tmp_path / "results"
    assert main(["run", "quick", notes.url, *SHORT, "--output-dir", str(results)]) == ExitCode.PASS
    name = notes.url.removeprefix("http://").removesuffix("/mcp")
    expect_sound(the_record(results), name)
    (folder,) = results.iterdir()
    assert folder.name.endswith(f"-quick-{name.replace(':', '_')}-session")
    assert not notes.kept.exists(), "a tool that may write was called"
    assert f"asking {name} what it can do" in capsys.readouterr().err


def test_command_alone_is_measured_over_stdio(notes_command: list[str], tmp_path: Path) -> None:
    results, kept = tmp_path / "results", tmp_path / "kept.txt"
    command = [*notes_command, "--log", str(kept)]
    assert main(["run", "quick", *SHORT, "--output-dir", str(results), "--", *command]) == ExitCode.PASS
    expect_sound(the_record(results), "notes")
    assert not kept.exists()


@pytest.mark.long
def test_tool_that_writes_is_called_with_permission(notes_command: list[str], tmp_path: Path, capsys) -> None:
    kept = tmp_path / "kept.txt"
    assert main(["init", "--tool", "keep", "--", *notes_command, "--log", str(kept)]) == ExitCode.PASS
    assert tools_of(capsys.readouterr().out) == {"keep"}
    assert kept.read_text()


def tools_of(text: str) -> set[str]:
    return {call["tool"] for call in tomllib.loads(text)["calls"]}


@pytest.mark.long
def test_written_file_gives_the_verdict_of_the_server_alone(notes, tmp_path: Path, capsys) -> None:
    target, results = tmp_path / "notes.toml", tmp_path / "results"
    assert main(["init", notes.url, "--output", str(target)]) == ExitCode.PASS
    assert "perf-core check" in capsys.readouterr().err
    assert main(["run", "quick", str(target), *SHORT, "--output-dir", str(results)]) == ExitCode.PASS
    record = the_record(results)
    assert record.verdict == "pass", record.reasons
    assert record.metrics is not None
    assert set(record.metrics.latency_ms) == {"all", "add", "lookup"}
    assert record.discovery is None, "the calls of a file are known"


def test_check_of_a_url_makes_one_call_of_each_tool(notes, capsys) -> None:
    assert main(["check", notes.url]) == ExitCode.PASS
    printed = capsys.readouterr().out
    assert f"notes 1 answers at {notes.url}" in printed
    assert "protocol: MCP 2025-11-25, session wire" in printed
    assert "✓ add" in printed
    assert "✓ lookup" in printed
    assert "- keep  not called: " in printed
    assert "scenarios, whose targets and tools exist: quick, load" in " ".join(printed.split())


@pytest.mark.long
def test_check_of_a_command_is_a_document_for_machines(notes_command: list[str], capsys) -> None:
    assert main(["check", "--json", "--", *notes_command, "--nap", "0.2"]) == ExitCode.PASS
    document = json.loads(capsys.readouterr().out)
    assert document["name"] == "notes"
    assert document["protocol"] == {"wire": "session", "revision": "2025-11-25", "transport": "stdio"}
    tools = {each["tool"]: each for each in document["tools"]}
    assert set(tools) == {"add", "lookup", "nap"}
    assert all(each["is_right"] for each in tools.values())
    assert tools["nap"]["took_s"] >= 0.2
    assert tools["nap"]["answer"] == "rested"
    assert [each["tool"] for each in document["left_out"]] == ["keep"]
    assert "quick" in document["scenarios"]
    assert document["problems"] == []


@pytest.mark.long
def test_server_without_a_tool_that_may_be_called_is_introduced(capsys) -> None:
    silent = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    message = json.loads(line)\n"
        "    info = {'protocolVersion': '2025-11-25', 'capabilities': {'tools': {}},"
        " 'serverInfo': {'name': 'writer', 'version': '1'}}\n"
        "    tools = {'tools': [{'name': 'write', 'inputSchema': {'type': 'object'}}]}\n"
        "    result = {'initialize': info, 'tools/list': tools}.get(message['method'], {})\n"
        "    if 'id' in message:\n"
        "        print(json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'result': result}), flush=True)\n"
    )
    assert main(["check", "--", sys.executable, "-c", silent]) == ExitCode.INVALID
    printed = capsys.readouterr()
    assert "writer 1 answers on its standard input and output" in printed.out
    assert "tools: write" in printed.out
    assert printed.out.count("- write  not called: ") == 1
    assert "expected a tool that may be called" in printed.err


@pytest.mark.long
def test_deleted_session_of_an_unknown_server_is_a_warning(
    running_notes, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = "expected status 404 for a request with a deleted session, got 400"
    monkeypatch.setattr("perf_core.cli.check.deleted_session_problem", lambda *_, **__: problem)
    with running_notes() as server:
        assert main(["check", "--json", server.url]) == ExitCode.PASS
    document = json.loads(capsys.readouterr().out)
    assert document["problems"] == []
    assert document["warnings"][-1].startswith(problem)


@pytest.mark.long
def test_credentials_are_taken_from_the_environment(
    running_notes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    monkeypatch.setenv("NOTES_KEY", "opensesame")
    target = tmp_path / "notes.toml"
    with running_notes("--key", "opensesame") as server:
        assert main(["init", server.url, "--output", str(target)]) == ExitCode.LAB_FAILED
        assert "--header" in capsys.readouterr().err, "advice"
        words = ["init", server.url, "--header", "X-Key: $NOTES_KEY", "--output", str(target)]
        assert main(words) == ExitCode.PASS
    printed = capsys.readouterr()
    text = target.read_text()
    assert tools_of(text) == {"add", "lookup"}
    assert "opensesame" not in printed.out + printed.err + text
    (subject,) = find_subjects([str(target)], (), None)
    assert subject.access.own_headers() == {"X-Key": "opensesame"}


@pytest.mark.long
def test_server_of_a_clients_configuration(
    notes_command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program, *arguments = notes_command
    entry = {"command": program, "args": [*arguments, "--needs-key"], "env": {"NOTES_KEY": "opensesame"}}
    config, target = tmp_path / "mcp.json", tmp_path / "notes.toml"
    config.write_text(json.dumps({"mcpServers": {"my-notes": entry}}))
    assert main(["init", "--from", str(config), "--output", str(target)]) == ExitCode.PASS
    text = target.read_text()
    assert 'name = "my-notes"' in text
    assert 'env = { NOTES_KEY = "${NOTES_KEY}" }' in text
    assert "# Set these variables of the environment before a run; no value is copied: NOTES_KEY" in text
    assert "opensesame" not in text
    assert tools_of(text) == {"add", "lookup"}
    with pytest.raises(UsageError, match="NOTES_KEY"):
        find_subjects([str(target)], (), None)
    monkeypatch.setenv("NOTES_KEY", "opensesame")
    (subject,) = find_subjects([str(target)], (), None)
    assert subject.adapter.launch.env == {"NOTES_KEY": "opensesame"}


@pytest.mark.long
def test_server_that_cannot_be_asked_has_a_record_for_each_scenario(
    running_notes, tmp_path: Path, capsys
) -> None:
    results = tmp_path / "results"
    with running_notes("--key", "opensesame") as server:
        words = ["run", "quick", "load", server.url, "--output-dir", str(results)]
        assert main(words) == ExitCode.LAB_FAILED
    printed = capsys.readouterr()
    assert printed.err.count("--header") == 1, "one error with its advice"
    assert printed.out.count("Results: ") == 2
    records = [record_file.read(folder) for folder in sorted(results.iterdir())]
    assert {record.scenario for record in records} == {"quick", "load"}
    for record in records:
        assert (record.verdict, record.exit_code) == ("invalid", ExitCode.LAB_FAILED)
        assert "status 401" in record.reasons[0]
        assert record.manifest["plan"]["journeys"] == {}
    for folder in results.iterdir():
        assert "<error" in (folder / "junit.xml").read_text()


@pytest.mark.long
def test_server_that_is_down_does_not_keep_others_from_being_measured(tmp_path: Path, notes) -> None:
    results = tmp_path / "results"
    down = ["--target", "http://127.0.0.1:9/mcp"]
    words = ["run", "quick", *down, "--target", notes.url, "--output-dir", str(results), *SHORT]
    assert main(words) == ExitCode.LAB_FAILED
    verdicts = {record.target: record.verdict for record in map(record_file.read, results.iterdir())}
    assert verdicts["127.0.0.1:9"] == "invalid"
    assert verdicts[notes.url.removeprefix("http://").removesuffix("/mcp")] == "pass"


@pytest.mark.parametrize("words", [["import sys; sys.exit(3)"], ["print('hello')"]])
@pytest.mark.long
def test_command_that_is_no_server_has_advice_about_commands(
    words: list[str], tmp_path: Path, capsys
) -> None:
    command = [sys.executable, "-c", *words]
    results = ["--output-dir", str(tmp_path / "results")]
    assert main(["run", "quick", *results, "--", *command]) == ExitCode.LAB_FAILED
    printed = capsys.readouterr().err
    assert (
        "expected an MCP server on its standard input and output, got none: the server's process" in printed
    )
    assert "Start it by hand to see more: " in printed
    assert "endpoint" not in printed
    assert "--wire" not in printed


@pytest.mark.long
def test_figures_of_a_url_are_listed(notes, capsys) -> None:
    assert main(["figures", "quick", notes.url]) == ExitCode.PASS
    assert "latency_ms.lookup.p95" in capsys.readouterr().out


@pytest.mark.long
def test_url_and_command_are_compared(notes, notes_command: list[str], tmp_path: Path, capsys) -> None:
    results = tmp_path / "results"
    short = ["--launches", "2", "--pairs", "2", "--slice", "0.3s", "--vus", "2", "--output-dir", str(results)]
    code = main(["compare", notes.url, *short, "--", *notes_command])
    (folder,) = results.iterdir()
    comparison = json.loads((folder / "comparison.json").read_text())
    if comparison["verdict"] == "invalid":
        # On a busy machine pairs may be dropped, which must be reported.
        assert "pairs were dropped" in comparison["reasons"][0]
    else:
        # The bridge makes a difference that so short a comparison may find or not.
        assert comparison["verdict"] in {"worse", "better", "same", "inconclusive"}
    assert code in {ExitCode.WORSE, ExitCode.PASS, ExitCode.INCONCLUSIVE, ExitCode.INVALID}
    assert comparison["servers"]["b"]["name"] == "notes"
    assert len(comparison["launches"]) == 2
    for launch in comparison["launches"]:
        assert launch["faults"] == []
        assert launch["failures"] == []
        for side in ("a", "b"):
            slices = [each for each in launch["slices"] + launch["warm_up"] if each["side"] == side]
            assert len(slices) == 3
            assert all(each["calls"] > 2 and each["errors"] == 0 for each in slices), slices
    assert not notes.kept.exists()
