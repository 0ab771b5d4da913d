"""The servers that a command line is about."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from perf_core.cli import servers
from perf_core.cli.options import ACCESS, DRAWING, AccessOptions, DrawingOptions
from perf_core.cli.servers import Typed, expect_drawn, find
from perf_core.errors import UsageError
from perf_core.interruption import Interruption
from perf_core.server.subject import Subject, secrets_of

TOML = 'name = "weather"\nurl = "http://127.0.0.1:8000"\n\n[[calls]]\ntool = "forecast"\n'


@pytest.fixture
def weather(build, install: Callable[..., None], tmp_path) -> str:
    """Install the adapter `adder`, and write a target file."""
    install(adder=build.adapter({"quick": build.scenario("quick")}))
    path = tmp_path / "weather.toml"
    path.write_text(TOML, encoding="utf-8")
    return str(path)


def found(typed: Typed, access: AccessOptions = ACCESS) -> list[tuple[str, str | None]]:
    return [(each.name, each.url) for each in find(typed, ["quick"], access)]


def test_words_targets_and_commands(weather: str) -> None:
    url = "http://h:1/mcp"
    assert found(Typed()) == [("adder", None)]
    assert found(Typed((url,))) == [("h:1", url)]
    assert found(Typed((url, "http://g:2/x"))) == [("h:1", url), ("g:2", "http://g:2/x")]
    assert found(Typed((), (url, "adder"))) == [("h:1", url), ("adder", None)]
    assert found(Typed((url,), ("http://g:2/x",))) == [("g:2", "http://g:2/x"), ("h:1", url)]
    assert found(Typed((weather,))) == [("weather", "http://127.0.0.1:8000/mcp")]
    assert found(Typed(command=(sys.executable, "notes.py"))) == [("notes", None)]


def test_variables_are_for_the_command(weather: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "k-12345")
    command = (sys.executable, "notes.py")
    words = ("API_KEY", "UNIT=C=1", "EMPTY=")
    expected = {"API_KEY": "k-12345", "UNIT": "C=1", "EMPTY": ""}
    for typed in (Typed(command=command, env=words), Typed((weather,), command=command, env=words)):
        (subject,) = find(typed, ["quick"], ACCESS)
        assert subject.adapter.launch.env == expected
    assert "k-12345" in secrets_of(subject, subject.adapter.launch)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (Typed(("http://h:1",), env=("UNIT=C",)), "--env: expected a command after --, got none"),
        (Typed(command=("python3",), env=("NO_SUCH_NAME",)), "environment variable NO_SUCH_NAME is not set"),
        (Typed(command=("python3",), env=("k-12345 x",)), "--env: expected NAME or NAME=VALUE"),
        (Typed(command=("python3",), env=("=k-12345",)), "--env: expected NAME or NAME=VALUE"),
    ],
    ids=["no command", "not set", "no name", "empty name"],
)
def test_variables_that_cannot_be_given(weather: str, typed: Typed, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        find(typed, ["quick"], ACCESS)
    assert caught.value.hint
    assert "k-12345" not in caught.value.message


def test_url_beside_one_target_is_where_its_server_answers(weather: str) -> None:
    for typed in (
        Typed(("http://h:1",), ("adder",)),
        Typed((), ("adder",), "http://h:1"),
    ):
        (subject,) = find(typed, ["quick"], ACCESS)
        assert (subject.name, subject.url) == ("adder", "http://h:1/mcp")
        assert list(subject.adapter.scenarios) == ["quick"]
    assert found(Typed(("http://h:1", weather))) == [("weather", "http://h:1/mcp")]


@pytest.mark.parametrize("typed", [Typed(("http://h:1",)), Typed((), ("http://h:1",))])
def test_url_of_the_environment_does_not_replace_a_typed_one(weather: str, typed: Typed) -> None:
    with pytest.raises(UsageError, match="--server-url: expected no other URL beside it"):
        find(replace(typed, server_url="http://other:1"), ["quick"], ACCESS)


def test_credentials_go_to_one_server_only(weather: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "opensesame")
    access = AccessOptions(header=("X-Key: $MY_KEY",))
    (subject,) = find(Typed(("http://h:1",)), ["quick"], access)
    assert subject.access.own_headers() == {"X-Key": "opensesame"}
    with pytest.raises(UsageError, match="for these credentials, got h:1, adder") as caught:
        find(Typed((), ("http://h:1", "adder")), ["quick"], access)
    assert "opensesame" not in str(caught.value)
    both = find(Typed((), ("http://h:1", "adder")), ["quick"], AccessOptions(insecure=True))
    assert all(each.access.insecure for each in both)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (AccessOptions(header=("X-Key opensesame",)), "--header: expected a name, a colon and a value"),
        (AccessOptions(header=("X-Key: opensesame",)), "expected the value of X-Key from the environment"),
        (AccessOptions(header=("X-Key: $NO_SUCH",)), "NO_SUCH is not set"),
        (AccessOptions(bearer_env=("NO_SUCH",)), "NO_SUCH is not set"),
        (AccessOptions(oauth_client_id="lab"), "got no --oauth-secret-env"),
        (AccessOptions(oauth_secret_env="LAB"), "got no --oauth-client-id"),  # noqa: S106 - the name of a variable, no secret
        (AccessOptions(oauth_scope="read"), "got no --oauth-client-id"),
        (AccessOptions(revision="2020-01-01"), "revision: expected one of 2024-11-05"),
    ],
)
def test_access_that_cannot_be_used_is_refused_without_its_secret(
    options: AccessOptions, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        find(Typed(("http://h:1",)), ["quick"], options)
    assert message in caught.value.message
    assert "opensesame" not in str(caught.value)


def test_options_leave_the_rest_of_a_files_access(weather: str, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TOKEN", "opensesame")
    path = tmp_path / "weather.toml"
    path.write_text(f'{TOML}[access]\nbearer_env = "TOKEN"\nrevision = "2025-03-26"\n', encoding="utf-8")
    (subject,) = find(Typed((weather,)), ["quick"], AccessOptions(insecure=True))
    assert subject.access.insecure
    assert subject.access.revision == "2025-03-26"
    assert subject.access.own_headers() == {"Authorization": "Bearer opensesame"}


def test_options_for_drawn_calls_need_a_server_whose_calls_are_drawn(weather: str) -> None:
    bare = find(Typed(("http://h:1",)), ["quick"], ACCESS)
    known = find(Typed((weather,)), ["quick"], ACCESS)
    drawing = DrawingOptions(allow_writes=True, tool=("keep",))
    expect_drawn(bare, drawing)
    expect_drawn(known, DRAWING)
    with pytest.raises(UsageError, match="--allow-writes and --tool: expected a URL or a command alone"):
        expect_drawn(known, drawing)


def test_only_bare_servers_are_asked(weather: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(subject: Subject, *_: Any, **__: Any) -> Any:
        asked.append(subject.name)
        raise UsageError("enough")

    monkeypatch.setattr(servers, "draw_calls", ask)
    both = find(Typed((), ("adder", "http://h:1")), ["quick"], ACCESS)
    with pytest.raises(UsageError, match="enough"):
        servers.with_calls(both, None, DRAWING, seed=1, interruption=Interruption())
    assert asked == ["h:1"]
