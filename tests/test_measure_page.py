"""Tests that the commands of the page "Measure your server" do what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode, TargetError

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/measure-your-server.md").read_text(encoding="utf-8")
SERVER = ROOT / "packages/perf-core/tests/servers/notes.py"


def commands(kind: str = "") -> list[str]:
    blocks = re.findall(rf"^```console{kind}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), "each line is a command"
    return [line.removeprefix("$ ") for line in lines]


LOCAL, REMOTE = commands(), commands(" needs the network")


def words_of(command: str) -> list[str]:
    program, *words = shlex.split(command, comments=True)
    assert program == "perf-core"
    return words


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with the files that the page takes for granted."""
    shutil.copy(SERVER, tmp_path / "server.py")
    entry = {"command": "python", "args": ["server.py"]}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"weather": entry, "other": entry}}))
    (tmp_path / "bin").mkdir()
    for name in ("python", "npx", "uvx", "docker"):
        (tmp_path / "bin" / name).symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    for name in ("WEATHER_KEY", "WEATHER_TOKEN", "LAB_SECRET"):
        monkeypatch.setenv(name, "opensesame")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_page_has_examples_of_both_kinds() -> None:
    assert len(LOCAL) > 10
    assert len(REMOTE) > 3
    for command in ("run", "check", "init", "compare"):
        assert any(line.startswith(f"perf-core {command} ") for line in LOCAL)


@pytest.mark.k6  # it says its version
@pytest.mark.parametrize("command", [each for each in (*LOCAL, *REMOTE) if "company-ca.pem" not in each])
def test_command_is_understood(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def discover(*_: object, **__: object) -> None:
        raise TargetError("the server was asked")

    monkeypatch.setattr("perf_core.runs.drawn.discover", discover)
    for name in ("weather.toml", "my-server.toml"):
        if f"--output {name}" not in command:
            (folder / name).write_text('name = "weather"\nurl = "http://127.0.0.1:9"\n')
    assert main(words_of(command)) == ExitCode.LAB_FAILED
    printed = capsys.readouterr()
    assert "the server was asked" in printed.err
    assert "opensesame" not in printed.out + printed.err


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    ready = tmp_path / "ready.json"
    with subprocess.Popen([sys.executable, SERVER, "--ready-file", ready]) as server:
        deadline = time.monotonic() + 20
        while not ready.exists():
            assert time.monotonic() < deadline
            assert server.poll() is None
            time.sleep(0.02)
        yield json.loads(ready.read_text())["url"]
        server.terminate()


@pytest.mark.long
@pytest.mark.k6
@pytest.mark.timeout(300)
def test_every_command_that_needs_no_network_does_its_work(
    url: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shorter = {"run": ["--duration", "2s", "--vus", "2", "--wire", "session"], "check": [], "init": []}
    shorter["compare"] = ["--launches", "2", "--pairs", "1", "--slice", "0.2s", "--vus", "2"]
    for command in LOCAL:
        typed = re.sub(r" --time-scale \S+", "", command)
        typed = re.sub(r"http://127\.0\.0\.1:[89]000/mcp", url, typed)
        words = words_of(typed)
        at = words.index("--") if "--" in words else len(words)
        code = main([*words[:at], *shorter[words[0]], *words[at:]])
        printed = capsys.readouterr()
        if words[0] == "compare":
            # Two pairs decide nothing.
            assert code in {ExitCode.PASS, ExitCode.WORSE, ExitCode.INCONCLUSIVE, ExitCode.INVALID}, command
            assert "compared with" in printed.out
        else:
            assert code == ExitCode.PASS, f"{command}\n{printed.out}\n{printed.err}"
        assert "opensesame" not in printed.out + printed.err
