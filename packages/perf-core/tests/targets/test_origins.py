"""The servers of `perf-core init`: the server with its secrets, and the file's words without them."""

from __future__ import annotations

import sys

import pytest

from perf_core.server.credentials.access_settings import AccessSettings
from perf_core.targets.client_config import ConfiguredServer
from perf_core.targets.origins import of_command, of_configured, of_url

OPEN = AccessSettings()


def test_url_is_written_without_user_password_and_keys() -> None:
    origin = of_url("https://me:opensesame@h/mcp?api_key=abcdef&x=1", OPEN, {})
    assert "opensesame" not in repr(origin.reach)
    assert "abcdef" not in repr(origin.reach)
    assert origin.reach.url == "https://h/mcp?api_key=***&x=1"
    assert origin.reach.access.headers == {"Authorization": "Basic ${H_BASIC}"}
    assert len(origin.reach.remarks) == 2
    assert origin.subject.url == "https://h/mcp?api_key=abcdef&x=1"
    assert origin.subject.access.own_headers()["Authorization"].startswith("Basic ")


def test_command_is_written_without_its_secrets() -> None:
    command = [sys.executable, "weather.py", "--api-key", "abcdef"]
    origin = of_command(command, OPEN, {}, shared=True)
    assert origin.reach.command == (sys.executable, "weather.py", "--api-key", "***")
    assert origin.subject.adapter.launch.argv == tuple(command)
    assert (origin.reach.transport, origin.reach.shared) == ("stdio", True)
    assert "put it in place of ***" in origin.reach.remarks[0]
    assert of_command(command[:2], OPEN, {}).reach.remarks == ()


def test_command_that_listens_is_written_with_its_url() -> None:
    url = "http://127.0.0.1:{port}/mcp"
    origin = of_command([sys.executable, "--port", "{port}"], OPEN, {}, url=url)
    assert (origin.reach.url, origin.reach.transport) == (url, "http")


def test_variables_of_a_configured_command_become_references() -> None:
    server = ConfiguredServer(
        "my weather",
        (sys.executable, "w.py", "${env:UNIT}"),
        {"API_KEY": "abcdef", "CITY": "${input:home-city}"},
        cwd="/srv",
    )
    origin = of_configured(server, OPEN, {"HOME_CITY": "Oslo", "UNIT": "C"})
    launch = origin.subject.adapter.launch
    assert launch.argv == (sys.executable, "w.py", "C")
    assert launch.env == {"API_KEY": "abcdef", "CITY": "Oslo"}
    assert origin.subject.name == origin.reach.name == "my weather"
    assert origin.reach.env == {"API_KEY": "${API_KEY}", "CITY": "${CITY}"}
    assert str(launch.cwd) == origin.reach.cwd == "/srv"
    assert origin.reach.command == (sys.executable, "w.py", "${UNIT}")
    assert "abcdef" not in repr(origin.reach)
    assert any("API_KEY, CITY" in remark for remark in origin.reach.remarks)


@pytest.mark.parametrize(
    ("header", "written", "environ"),
    [
        (("Authorization", "Bearer abcdef"), "Bearer ${MY_NOTES_AUTHORIZATION}", {}),
        (("X-Api-Key", "abcdef"), "${MY_NOTES_X_API_KEY}", {}),
        (
            ("Authorization", "Bearer ${input:notes-token}"),
            "Bearer ${NOTES_TOKEN}",
            {"NOTES_TOKEN": "abcdef"},
        ),
    ],
)
def test_secret_headers_of_a_configured_url_become_variables(
    header: tuple[str, str], written: str, environ: dict[str, str]
) -> None:
    server = ConfiguredServer("my-notes", url="https://h/mcp", headers={"X-Region": "a$b", **dict([header])})
    origin = of_configured(server, OPEN, environ)
    own = origin.subject.access.own_headers()
    assert own[header[0]].endswith("abcdef")
    assert own["X-Region"] == "a$b"
    assert origin.reach.access.headers == {"X-Region": "a$$b", header[0]: written}
    assert origin.reach.name == "my-notes"
    assert "abcdef" not in repr(origin.reach)
    assert origin.reach.remarks
