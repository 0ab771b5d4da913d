"""The arguments of `compare` become two servers that get the same calls."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perf_core import Launch
from perf_core.comparison import contenders
from perf_core.comparison.contenders import Side, find_contenders, parse_target
from perf_core.comparison.revisions.worktrees import BuiltRevision
from perf_core.errors import UsageError
from perf_core.interruption import Interruption
from perf_core.server.subject import DerivedAdapter, Subject
from perf_core.targets.registry import find_subjects

HEAD = "1234567890abcdef1234567890abcdef12345678"


def on_progress(_what: str, _share: float | None) -> None:
    pass


@pytest.fixture
def toml(tmp_path: Path) -> str:
    path = tmp_path / "weather.toml"
    path.write_text(
        'name = "weather"\nurl = "http://127.0.0.1:1/mcp"\n[[calls]]\ntool = "forecast"\narguments = {}\n'
    )
    return str(path)


def refuse(subject: Subject) -> Subject:
    raise AssertionError(f"{subject.name} was asked what it can do")


def find(a: str | Side, b: str | Side, tmp_path: Path, **options: Any) -> contenders.Contenders:
    given: dict[str, Any] = {
        "with_access": lambda subject: subject,
        "with_calls": refuse,
        "wires": ("session", "session"),
        "repository": tmp_path,
        "interruption": Interruption(),
        "on_progress": on_progress,
        **options,
    }
    sides = [Side(each) if isinstance(each, str) else each for each in (a, b)]
    return find_contenders(sides, **given)


def test_file_and_url_get_the_calls_of_the_file(toml: str, tmp_path: Path) -> None:
    entry = find("http://127.0.0.1:2", toml, tmp_path, wires=("session", "stateless"))
    assert entry.servers[0].name == "127.0.0.1:2"
    assert entry.servers[0].subject.url == "http://127.0.0.1:2/mcp"
    assert entry.servers[0].subject.adapter.server_name is None, "any server at a URL is accepted"
    assert (entry.servers[1].name, entry.servers[1].subject.url) == ("weather", "http://127.0.0.1:1/mcp")
    assert (entry.servers[0].wire, entry.servers[1].wire) == ("session", "stateless")
    assert entry.scenario.name == "quick"
    assert entry.scenario.journeys(1)["mix"][0].steps[0].tool == "forecast"


def test_same_target_twice_is_allowed(toml: str, tmp_path: Path) -> None:
    entry = find(toml, toml, tmp_path)
    assert entry.servers[0].subject is entry.servers[1].subject


def test_revision_is_built_and_gets_the_installed_calls(
    toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = []

    def build(repository: Path, revision: str, **_: object) -> BuiltRevision:
        builds.append((repository, revision))
        return BuiltRevision(HEAD, tmp_path / "python", tmp_path / "tree")

    launch = Launch(("old-weather",), url="http://127.0.0.1:{port}/mcp")
    monkeypatch.setattr(contenders, "build_revision", build)
    monkeypatch.setattr(contenders, "launch_at", lambda _built, name: (launch, name, "weather 0.9"))
    monkeypatch.setattr(
        contenders, "parse_target", lambda text: (toml, "v0.9") if "@" in text else (text, None)
    )
    entry = find("weather@v0.9", toml, tmp_path)
    assert builds == [(tmp_path, "v0.9")]
    assert entry.servers[0].name == "weather@v0.9"
    assert entry.servers[0].commit == HEAD
    assert entry.servers[0].subject.adapter.launch == launch
    assert entry.servers[0].subject.package == "weather 0.9"
    assert entry.servers[0].subject.url is None, "a revision is always started"
    assert entry.scenario.journeys(1)["mix"][0].steps[0].tool == "forecast"


def drawn(toml: str, asked: list[str]) -> Any:
    """Return a function that gives a bare server the calls of a file, as if they had been drawn."""
    (file,) = find_subjects([toml], (), None)

    def with_calls(subject: Subject) -> Subject:
        asked.append(subject.name)
        adapter = DerivedAdapter(subject.name, None, subject.adapter.launch, file.adapter.scenarios)
        return replace(subject, adapter=adapter)

    return with_calls


def test_of_two_urls_the_first_is_asked_what_both_are_called_with(toml: str, tmp_path: Path) -> None:
    asked: list[str] = []
    entry = find("http://127.0.0.1:1", "https://h:2/x", tmp_path, with_calls=drawn(toml, asked))
    assert asked == ["127.0.0.1:1"]
    assert (entry.servers[0].name, entry.servers[1].name) == ("127.0.0.1:1", "h:2")
    assert entry.servers[1].subject.url == "https://h:2/x"
    assert entry.scenario.journeys(1)["mix"][0].steps[0].tool == "forecast"
    assert entry.servers[0].subject.adapter.scenarios == entry.servers[1].subject.adapter.scenarios


def test_url_beside_itself_is_asked_once(toml: str, tmp_path: Path) -> None:
    asked: list[str] = []
    entry = find("http://h:1", "http://h:1", tmp_path, with_calls=drawn(toml, asked))
    assert asked == ["h:1"]
    assert entry.servers[0].subject == entry.servers[1].subject


def test_command_is_the_judged_side_and_gets_the_calls_of_the_file(toml: str, tmp_path: Path) -> None:
    command = Side.of_command((sys.executable, "server.py"), shared=True)
    entry = find(toml, command, tmp_path)
    assert entry.servers[1].name == "server"
    assert entry.servers[1].subject.adapter.launch.argv == (sys.executable, "server.py")
    assert entry.servers[1].subject.adapter.launch.transport == "stdio-shared"
    assert entry.servers[1].subject.url is None
    assert entry.scenario.journeys(1)["mix"][0].steps[0].tool == "forecast"


def test_url_beside_a_command_is_asked(toml: str, tmp_path: Path) -> None:
    asked: list[str] = []
    command = Side.of_command((sys.executable, "server.py"))
    entry = find("http://h:1", command, tmp_path, with_calls=drawn(toml, asked))
    assert asked == ["h:1"]
    assert entry.servers[1].subject.adapter.scenarios == entry.servers[0].subject.adapter.scenarios


def test_password_in_a_url_is_in_no_name(toml: str, tmp_path: Path) -> None:
    first = find("http://me:opensesame@h:1/mcp", toml, tmp_path).servers[0]
    assert "opensesame" not in f"{first.name} {first.subject.url} {first.subject}"
    assert "opensesame" in first.subject.access.secrets()


def test_access_is_given_to_both(toml: str, tmp_path: Path) -> None:
    def with_access(subject: Subject) -> Subject:
        return replace(subject, access=replace(subject.access, insecure=True))

    entry = find("http://127.0.0.1:2", toml, tmp_path, with_access=with_access)
    assert entry.servers[0].subject.access.insecure
    assert entry.servers[1].subject.access.insecure


def test_unknown_scenario_is_a_usage_error(toml: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scenario 'slow'"):
        find(toml, toml, tmp_path, scenario="slow")


def test_unknown_target_is_a_usage_error(toml: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no target 'nobody'"):
        find(toml, "nobody", tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("calculator", ("calculator", None)),
        ("calculator@HEAD~1", ("calculator", "HEAD~1")),
        ("calculator@v1.0", ("calculator", "v1.0")),
        ("calculator@feature/x", ("calculator", "feature/x")),
        ("calculator@main@{1}", ("calculator", "main@{1}")),
        ("http://user@127.0.0.1:8100/mcp", ("http://user@127.0.0.1:8100/mcp", None)),
        ("HTTPS://a@b", ("HTTPS://a@b", None)),
        ("servers/prod@home.toml", ("servers/prod@home.toml", None)),
    ],
)
def test_target_is_divided_into_name_and_revision(text: str, expected: tuple[str, str | None]) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize("text", ["calculator@", "@HEAD", "@", "weather.toml@v1"])
def test_incomplete_target_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_target(text)


def test_unknown_scenario_is_told_before_a_revision_is_built(
    toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds: list[str] = []
    monkeypatch.setattr(contenders, "build_revision", lambda *_, **__: builds.append("built"))
    monkeypatch.setattr(
        contenders, "parse_target", lambda text: (toml, "v0.9") if "@" in text else (text, None)
    )
    with pytest.raises(UsageError, match="did you mean 'quick'"):
        find("weather@v0.9", toml, tmp_path, scenario="quik")
    assert not builds


def test_servers_keep_their_order_and_their_wires(toml: str, tmp_path: Path) -> None:
    sides = [Side(toml), Side("http://127.0.0.1:2"), Side(toml), Side("http://127.0.0.1:3")]
    wires: Any = ("session", "stateless", "stateless", "session")
    entry = find_contenders(
        sides,
        wires=wires,
        repository=tmp_path,
        with_access=lambda subject: subject,
        with_calls=refuse,
        interruption=Interruption(),
        on_progress=on_progress,
    )
    assert [each.name for each in entry.servers] == ["weather", "127.0.0.1:2", "weather", "127.0.0.1:3"]
    assert tuple(each.wire for each in entry.servers) == wires
    assert entry.servers[3].subject.adapter.scenarios == entry.servers[0].subject.adapter.scenarios
