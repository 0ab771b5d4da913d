"""The arguments of `compare` become two servers that get the same calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perf_core import Launch
from perf_core.comparison import contenders
from perf_core.comparison.contenders import find_contenders, parse_target
from perf_core.comparison.revisions.worktrees import BuiltRevision
from perf_core.errors import UsageError
from perf_core.interruption import Interruption

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


def find(a: str, b: str, tmp_path: Path, **options: Any) -> contenders.Contenders:
    given = {
        "wires": ("session", "session"),
        "repository": tmp_path,
        "interruption": Interruption(),
        "on_progress": on_progress,
        **options,
    }
    return find_contenders(a, b, **given)


def test_file_and_url_get_the_calls_of_the_file(toml: str, tmp_path: Path) -> None:
    entry = find("http://127.0.0.1:2", toml, tmp_path, wires=("session", "stateless"))
    assert entry.a.name == "http://127.0.0.1:2"
    assert entry.a.subject.url == "http://127.0.0.1:2/mcp"
    assert entry.a.subject.adapter.server_name is None, "any server at a URL is accepted"
    assert (entry.b.name, entry.b.subject.url) == ("weather", "http://127.0.0.1:1/mcp")
    assert (entry.a.wire, entry.b.wire) == ("session", "stateless")
    assert entry.scenario.name == "quick"
    assert entry.scenario.journeys(1)["mix"][0].steps[0].tool == "forecast"


def test_same_target_twice_is_allowed(toml: str, tmp_path: Path) -> None:
    entry = find(toml, toml, tmp_path)
    assert entry.a.subject is entry.b.subject


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
    assert entry.a.name == "weather@v0.9"
    assert entry.a.commit == HEAD
    assert entry.a.subject.adapter.launch == launch
    assert entry.a.subject.package == "weather 0.9"
    assert entry.a.subject.url is None, "a revision is always started"
    assert entry.scenario.journeys(1)["mix"][0].steps[0].tool == "forecast"


def test_two_urls_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two URLs"):
        find("http://127.0.0.1:1", "https://127.0.0.1:2", tmp_path)


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
