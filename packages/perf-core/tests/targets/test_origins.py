"""The servers of `perf-core init`: the server with its secrets, and the file's words without them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from perf_core.errors import UsageError
from perf_core.server.checks import Discovery
from perf_core.server.credentials.access_settings import AccessSettings
from perf_core.targets.client_config import ConfiguredServer
from perf_core.targets.init_file import target_file
from perf_core.targets.origins import of_command, of_configured, of_url
from perf_core.targets.registry import find_subjects

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
    bare = of_command([sys.executable, "{port}"], OPEN, {}, url="http://127.0.0.1:{port}")
    assert (bare.reach.url, bare.reach.remarks) == (url, ())
    keyed = of_command([sys.executable, "--port", "{port}"], OPEN, {}, url=f"{url}?api_key=abcdef")
    assert keyed.reach.url == f"{url}?api_key=***"
    assert "in place of ***" in keyed.reach.remarks[0]


def test_variables_of_a_command_become_references() -> None:
    origin = of_command([sys.executable, "weather.py"], OPEN, {}, env={"API_KEY": "abcdef", "UNIT": "C"})
    assert origin.subject.adapter.launch.env == {"API_KEY": "abcdef", "UNIT": "C"}
    assert origin.reach.env == {"API_KEY": "${API_KEY}", "UNIT": "${UNIT}"}
    assert "API_KEY, UNIT" in origin.reach.remarks[0]
    assert "abcdef" not in repr(origin.reach)


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


def test_variables_of_a_file_are_those_of_the_command(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("API_KEY=from-file-1\nCITY=Bergen\n")
    server = ConfiguredServer(
        "weather", (sys.executable, "w.py"), {"CITY": "Oslo"}, env_file="${env:FOLDER}/.env"
    )
    origin = of_configured(server, OPEN, {"FOLDER": str(tmp_path)})
    assert origin.subject.adapter.launch.env == {"API_KEY": "from-file-1", "CITY": "Oslo"}
    assert origin.reach.env == {"API_KEY": "${API_KEY}", "CITY": "${CITY}"}
    assert "from-file-1" in origin.subject.access.secrets()
    assert "from-file-1" not in repr(origin.reach)
    relative = ConfiguredServer("weather", (sys.executable, "w.py"), cwd=str(tmp_path), env_file=".env")
    assert of_configured(relative, OPEN, {}).subject.adapter.launch.env["CITY"] == "Bergen"
    missing = ConfiguredServer("weather", (sys.executable, "w.py"), env_file=str(tmp_path / "no.env"))
    with pytest.raises(UsageError, match="envFile: cannot read"):
        of_configured(missing, OPEN, {})


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
def test_headers_of_a_configured_url_become_variables(
    header: tuple[str, str], written: str, environ: dict[str, str]
) -> None:
    server = ConfiguredServer(
        "my-notes", url="https://h/mcp", headers={"X-Region": "a$b c", **dict([header])}
    )
    origin = of_configured(server, OPEN, environ)
    own = origin.subject.access.own_headers()
    assert own[header[0]].endswith("abcdef")
    assert own["X-Region"] == "a$b c"
    assert origin.reach.access.headers == {"X-Region": "${MY_NOTES_X_REGION}", header[0]: written}
    assert origin.reach.name == "my-notes"
    assert "abcdef" not in repr(origin.reach)
    assert origin.reach.remarks


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://h/s/${KEY}/mcp", "https://h/s/${KEY}/mcp"),
        ("https://h/mcp?profile=${env:KEY}", "https://h/mcp?profile=${KEY}"),
        ("https://h/mcp?api_key=${input:key}", "https://h/mcp?api_key=${KEY}"),
        ("https://h/mcp?profile=${OTHER:-open sesame}", "https://h/mcp?profile=${OTHER}"),
        ("https://me:${KEY}@h/mcp", "https://h/mcp"),
        ("https://${USER}:${KEY}@h/mcp", "https://${USER}:${KEY}@h/mcp"),
        ("https://h/mcp?api_key=open%20sesame&a=$b", "https://h/mcp?api_key=***&a=$$b"),
        ("${input:whole}", "${WHOLE}"),
    ],
)
def test_values_in_a_configured_url_are_not_copied(
    url: str, written: str, tmp_path: Path, monkeypatch
) -> None:
    environ = {"KEY": "open sesame", "USER": "me", "WHOLE": "https://h:8/s/open%20sesame/mcp?key=1"}
    origin = of_configured(ConfiguredServer("notes", url=url), OPEN, environ)
    assert origin.reach.url == written
    assert origin.reach.remarks
    text = target_file(origin.reach, [], Discovery(1, 1.0))
    for secret in ("open sesame", "open%20sesame"):
        assert secret not in repr(origin.reach) + text
    # The file reaches what was asked.
    path = tmp_path / "notes.toml"
    path.write_text(text, encoding="utf-8")
    for name, value in {**environ, "OTHER": "open sesame", "NOTES_BASIC": "b3Blbg=="}.items():
        monkeypatch.setenv(name, value)
    (subject,) = find_subjects([str(path)], (), None)
    if "***" not in written:
        assert subject.url == origin.subject.url
    assert any("open sesame" in secret for secret in origin.subject.access.secrets())


def test_host_of_a_configured_url_is_a_variable(tmp_path: Path) -> None:
    server = ConfiguredServer("notes", url="http://${HOST:-127.0.0.1:9}/mcp")
    origin = of_configured(server, OPEN, {})
    assert (origin.subject.url, origin.reach.url) == ("http://127.0.0.1:9/mcp", "http://${HOST}/mcp")


def test_url_of_a_placeholder_that_is_none_is_refused_without_its_value() -> None:
    with pytest.raises(UsageError) as caught:
        of_configured(ConfiguredServer("notes", url="${input:url}"), OPEN, {"URL": "opensesame"})
    assert "expected a URL" in caught.value.message
    assert "opensesame" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("sk-opensesame", "${NOTES_X_BRAVE}"),
        ("id=opensesame; ${PART}", "${NOTES_X_BRAVE}"),
        ("Bearer ${PART}", "Bearer ${PART}"),
        ("Token opensesame", "Token ${NOTES_X_BRAVE}"),
    ],
)
def test_every_header_of_a_configuration_is_a_variable(value: str, written: str) -> None:
    server = ConfiguredServer("notes", url="https://h/mcp", headers={"X-Brave": value})
    origin = of_configured(server, OPEN, {"PART": "p$art"})
    assert origin.reach.access.headers == {"X-Brave": written}
    assert origin.subject.access.own_headers() == {"X-Brave": value.replace("${PART}", "p$art")}
    hidden = origin.subject.access.secrets()
    assert ("p$art" in hidden) == ("PART" in value)
    assert "opensesame" not in repr(origin.reach)


def test_dollar_sign_in_a_url_is_written_twice(tmp_path: Path) -> None:
    origin = of_url("https://h/mcp?$filter=a", OPEN, {})
    path = tmp_path / "h.toml"
    path.write_text(target_file(origin.reach, [], Discovery(1, 1.0)), encoding="utf-8")
    (subject,) = find_subjects([str(path)], (), None)
    assert subject.url == origin.subject.url == "https://h/mcp?$filter=a"


def test_values_of_placeholders_are_secrets_whatever_their_names() -> None:
    server = ConfiguredServer("x", (sys.executable, "--for", "${TKN}"), {"WHO": "${input:who}"})
    origin = of_configured(server, OPEN, {"TKN": "opensesame", "WHO": "somebody"})
    assert {"opensesame", "somebody"} <= set(origin.subject.access.secrets())
    with pytest.raises(UsageError) as caught:
        of_configured(ConfiguredServer("x", ("${TKN}",)), OPEN, {"TKN": "opensesame"})
    assert "opensesame" not in caught.value.message + caught.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_program_of_a_configuration_is_looked_up_in_its_folder_and_path(tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / "bin" / "some-server"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    server = ConfiguredServer("x", ("./bin/some-server",), cwd=str(tmp_path))
    launch = of_configured(server, OPEN, {}).subject.adapter.launch
    assert (launch.argv, launch.cwd) == (("./bin/some-server",), tmp_path)
    on_path = ConfiguredServer("x", ("some-server",), {"PATH": f"{program.parent}:/usr/bin"})
    assert of_configured(on_path, OPEN, {}).subject.adapter.launch.argv == ("some-server",)
    monkeypatch.chdir(tmp_path)
    relative = of_configured(ConfiguredServer("x", ("./some-server",), cwd="bin"), OPEN, {})
    assert relative.reach.cwd == str(program.parent)
    with pytest.raises(UsageError, match="does not exist"):
        of_configured(ConfiguredServer("x", ("./bin/some-server",), cwd=os.devnull), OPEN, {})
