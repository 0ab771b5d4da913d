"""Targets that are a URL or a command alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perf_core.errors import UsageError
from perf_core.targets.bare import bare_command, bare_url, is_bare, launch_of


def test_url_is_a_server_without_calls() -> None:
    subject = bare_url("http://127.0.0.1:8000/mcp")
    assert is_bare(subject)
    assert (subject.name, subject.url) == ("127.0.0.1:8000", "http://127.0.0.1:8000/mcp")


def test_password_of_a_url_becomes_a_header() -> None:
    subject = bare_url("https://me:opensesame@h/mcp")
    assert subject.url == "https://h/mcp"
    assert subject.name == "h"
    assert subject.access.own_headers()["Authorization"].startswith("Basic ")


def test_command_is_started_over_stdio_with_a_process_for_each_session() -> None:
    subject = bare_command([sys.executable, "-m", "weather"], env={"A": "1"})
    assert is_bare(subject)
    assert (subject.name, subject.url) == ("weather", None)
    assert subject.adapter.launch.argv == (sys.executable, "-m", "weather")
    assert subject.adapter.launch.transport == "stdio"
    assert subject.adapter.launch.env == {"A": "1"}
    assert launch_of([sys.executable], shared=True).transport == "stdio-shared"


def test_command_with_a_url_or_a_ready_file_listens_itself() -> None:
    url = "http://127.0.0.1:{port}/mcp"
    launch = launch_of([sys.executable, "--port", "{port}"], url=url)
    assert (launch.transport, launch.url) == ("http", url)
    assert launch_of([sys.executable, "{ready_file}"]).transport == "http"
    with pytest.raises(UsageError, match="--shared: expected a server on stdio"):
        launch_of([sys.executable, "{ready_file}"], shared=True)
    with pytest.raises(UsageError, match=r"\{port\} in the command: expected the server's URL"):
        launch_of([sys.executable, "{port}"])
    with pytest.raises(UsageError, match=r"\{port\} in the URL: expected it in the command, too"):
        launch_of([sys.executable], url=url)
    assert launch_of([sys.executable], url=url, env={"PORT": "{port}"}).url == url
    assert launch_of([sys.executable, "{port}"], url="http://127.0.0.1:{port}").url == url


@pytest.mark.parametrize(
    ("command", "problem", "advice"),
    [
        ([], "expected a command after --, got none", "npx"),
        (["npx"], "got 'npx', which is not on PATH", "Node.js"),
        (["uvx", "x"], "got 'uvx', which is not on PATH", "uv"),
        (["no-such-server"], "got 'no-such-server', which is not on PATH", "path"),
        (["./no/such/server"], "which does not exist", "path"),
        (["FILE"], "which is no executable file", "python server.py"),
        (["python server.py"], "separate words", "Leave the quotes out: -- python server.py"),
    ],
)
def test_program_that_does_not_exist_is_refused(
    command: list[str], problem: str, advice: str, *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "server.py"
    file.write_text("", encoding="utf-8")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(UsageError) as caught:
        bare_command([str(file) if word == "FILE" else word for word in command])
    assert problem in caught.value.message
    assert advice in caught.value.hint


def test_only_programs_that_may_download_a_server_have_long_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("npx", "server"):
        path = tmp_path / (f"{name}.exe" if sys.platform == "win32" else name)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bare_command(["npx", "-y", "some-server"]).adapter.launch.ready_timeout_s == 90
    # A server that needs half a minute is measured.
    assert 30 < bare_command(["server"]).adapter.launch.ready_timeout_s < 60
