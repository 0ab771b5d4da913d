"""The command `check`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode

STDIO_ADDER = str(Path(__file__).parents[1] / "servers" / "stdio_adder.py")


@pytest.mark.k6
def test_check_makes_one_call_of_each_tool_and_shows_what_was_spoken(adder: str, capsys) -> None:
    assert main(["check", adder]) == ExitCode.PASS
    printed = capsys.readouterr()
    assert "adder 1 answers at http://127.0.0.1:" in printed.out
    assert "protocol: MCP 2025-11-25, session wire" in printed.out
    assert "ready after " in printed.out
    assert "tools: add" in printed.out
    assert "tokens: the tool costs a model 12 tokens in each request (o200k_base)" in printed.out
    assert "✓ add  " in printed.out
    assert printed.out.count('{"result": 3}') == 1
    assert "making one call of each of 1 tools of adder" in printed.err
    assert "scenarios, whose targets and tools exist: quick, load, stress" in printed.out


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


@pytest.mark.k6
@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.long
def test_check_fails_when_a_tool_answers_wrongly(as_json: bool, adder: str, capsys) -> None:
    path = Path(adder)
    path.write_text(path.read_text() + "expect = { result = { result = 4 } }\n")
    problem = "expected the right answer from every tool, got another one from add"
    wrong = 'expected {"result": 4}, got {"result": 3}'
    assert main(["check", adder, *(["--json"] if as_json else [])]) == ExitCode.LAB_FAILED
    printed = capsys.readouterr()
    if not as_json:
        assert "✗ add  " in printed.out
        assert wrong in " ".join(printed.out.split())
        assert problem in printed.err
        return
    document = json.loads(printed.out)
    (tool,) = document["tools"]
    assert (tool["tool"], tool["is_right"], tool["arguments"]) == ("add", False, {"a": 1, "b": 2})
    assert tool["answer"] == wrong
    assert document["problems"] == [problem]
    assert document["name"] == "adder"
    assert document["tokens"]["tools"][0]["tool"] == "add"
    assert document["tokens"]["tokens"] == document["tokens"]["tools"][0]["tokens"] > 5
    assert document["ready_s"] > 0
    assert document["scenarios"][0] == "quick"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected a target to check, got none"),
        (["http://h:1", "http://h:2"], "expected one target, got h:1, h:2"),
        (["localhost:8000/mcp"], "http://localhost:8000/mcp"),
        (["--", "no-such-program"], "not on PATH"),
    ],
)
def test_usage_errors(words: list[str], message: str, capsys) -> None:
    assert main(["check", *words]) == ExitCode.USAGE
    printed = capsys.readouterr()
    assert message in " ".join(printed.err.split())
    assert printed.out == ""


@pytest.mark.k6
@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.long
def test_tool_behind_a_failed_step_is_listed(as_json: bool, adder: str, capsys) -> None:
    path = Path(adder)
    path.write_text(
        path.read_text().partition("[[calls]]")[0]
        + "[[journeys]]\nname = 'sum'\n"
        + "[[journeys.steps]]\ntool = 'add'\narguments = { a = 1, b = 2 }\n"
        + "save = { id = '/structuredContent/id' }\n"
        + "[[journeys.steps]]\nresource = 'sum://{id}'\n"
    )
    assert main(["check", adder, *(["--json"] if as_json else [])]) == ExitCode.LAB_FAILED
    printed = capsys.readouterr()
    wrong = 'expected a value at /structuredContent/id to save as id, got {"result": 3}'
    if not as_json:
        assert wrong in " ".join(printed.out.split())
        assert "not called: a step before it failed" in " ".join(printed.out.split())
        return
    document = json.loads(printed.out)
    assert [(each["tool"], each["answer"]) for each in document["tools"]] == [("add", wrong)]
    (left_out,) = document["left_out"]
    assert left_out["reason"] == "a step before it failed"
    assert document["advice"] == ["Correct the expectation in the adapter or the file, or the server."]


def test_check_of_a_missing_file_is_a_document_for_machines(tmp_path: Path, capsys) -> None:
    assert main(["check", str(tmp_path / "nofile.toml"), "--json"]) == ExitCode.USAGE
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert "nofile.toml" in document["problems"][0]
    assert document["advice"]
    assert printed.err == ""


@pytest.mark.process
def test_server_cannot_control_the_terminal(capsys) -> None:
    server = (
        "import json, sys\n"
        "evil = '\\x1b[2J\\x9b31m'\n"
        "for line in sys.stdin:\n"
        "    message = json.loads(line)\n"
        "    info = {'protocolVersion': '2025-11-25', 'capabilities': {'tools': {}},"
        " 'serverInfo': {'name': evil + 'sly', 'version': evil}}\n"
        "    tools = {'tools': [{'name': evil + 'write', 'inputSchema': {'type': 'object'}}]}\n"
        "    result = {'initialize': info, 'tools/list': tools}.get(message['method'], {})\n"
        "    if 'id' in message:\n"
        "        print(json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'result': result}), flush=True)\n"
    )
    assert main(["check", "--", sys.executable, "-c", server]) == ExitCode.INVALID
    printed = capsys.readouterr()
    assert "sly" in printed.out
    assert "write  not called: " in printed.out
    assert not set("\x1b\x9b") & set(printed.out + printed.err)


@pytest.mark.k6
@pytest.mark.process
def test_start_of_a_process_may_take_longer_than_an_answer(tmp_path: Path, capsys) -> None:
    server = (
        "import json, sys, time\n"
        "time.sleep(0.9)\n"
        "info = {'protocolVersion': '2025-11-25', 'capabilities': {'tools': {}},"
        " 'serverInfo': {'name': 'slow', 'version': '1'}}\n"
        "results = {'initialize': info, 'tools/list': {'tools': [{'name': 't', 'inputSchema': {}}]},"
        " 'tools/call': {'content': []}}\n"
        "for line in sys.stdin:\n"
        "    message = json.loads(line)\n"
        "    result = results.get(message['method'], {})\n"
        "    if 'id' in message:\n"
        "        print(json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'result': result}), flush=True)\n"
    )
    path = tmp_path / "slow.toml"
    path.write_text(
        f'name = "slow"\ncommand = {json.dumps([sys.executable, "-c", server])}\ntransport = "stdio"\n'
        'request_timeout_s = 0.5\n[[calls]]\ntool = "t"\n',
        encoding="utf-8",
    )
    assert main(["check", str(path)]) == ExitCode.PASS, capsys.readouterr().err
    assert "✓ t" in capsys.readouterr().out


@pytest.mark.k6
@pytest.mark.process
@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("fault", "warning"),
    [
        ("banner", "skipped 1 line on standard output that are no messages, the first is 'Loading the"),
        ("twice", "1 further answer to requests that had one"),
    ],
)
def test_check_warns_of_what_only_the_bridge_sees(
    fault: str, warning: str, as_json: bool, tmp_path: Path, capsys
) -> None:
    path = tmp_path / "adder.toml"
    command = json.dumps([sys.executable, STDIO_ADDER, "--fault", fault])
    path.write_text(
        f'name = "adder"\ncommand = {command}\ntransport = "stdio"\nstop_timeout_s = 0.3\n\n'
        '[[calls]]\ntool = "add"\narguments = { a = 1, b = 2 }\n'
    )
    assert main(["check", *(["--json"] if as_json else []), str(path)]) == ExitCode.PASS
    printed = capsys.readouterr().out
    if as_json:
        assert any(warning in each for each in json.loads(printed)["warnings"])
    else:
        assert f"warning: {warning}" in " ".join(printed.split())
