"""Servers found by the arguments of `--target` and `--server-url`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perf_core.adapter import Launch, ThinkTime
from perf_core.errors import UsageError
from perf_core.server.subject import Pace
from perf_core.targets.registry import endpoint, find_subjects, installed_adapters

if TYPE_CHECKING:
    from conftest import Build

Install = Callable[..., None]

TOML = 'name = "weather"\nurl = "http://127.0.0.1:8000"\n\n[[calls]]\ntool = "forecast"\n'


@pytest.fixture
def two(build: type[Build], install: Install) -> None:
    """Install two adapters: `adder` has quick and load, `notes` has quick and rush."""
    install(
        adder=build.adapter({name: build.scenario(name) for name in ("quick", "load")}),
        notes=build.adapter({name: build.scenario("load", name=name) for name in ("quick", "rush")}, "notes"),
    )


def names(*arguments: object) -> list[str]:
    return [subject.name for subject in find_subjects(*arguments)]  # type: ignore[arg-type] # as find_subjects takes them


def refusal(*arguments: object) -> str:
    with pytest.raises(UsageError) as caught:
        find_subjects(*arguments)  # type: ignore[arg-type] # as find_subjects takes them
    return str(caught.value)


# --- names ---


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("targets", "scenarios", "expected"),
    [
        ((), ["quick"], ["adder", "notes"]),
        ((), ["load"], ["adder"]),
        ((), ["quick", "rush"], ["notes"]),
        ((), iter(["quick", "rush"]), ["notes"]),
        (["notes", "adder"], ["quick"], ["notes", "adder"]),
        # A named target is taken; Subject.scenario() reports the missing scenario later.
        (["adder"], ["rush"], ["adder"]),
    ],
)
def test_default_is_every_installed_target_with_the_scenarios(
    targets: list[str], scenarios: list[str], expected: list[str]
) -> None:
    assert names(targets, scenarios, None) == expected


@pytest.mark.usefixtures("two")
def test_unknown_target_suggests_the_closest_and_lists_all() -> None:
    message = refusal(["addr"], ["quick"], None)
    assert "there is no target 'addr'; did you mean 'adder'?" in message
    assert "Installed: adder, notes." in message
    assert "did you mean" not in refusal(["xyz"], ["quick"], None)


@pytest.mark.usefixtures("two")
def test_misspelt_scenario_suggests_the_closest_and_lists_all() -> None:
    message = refusal((), ["laod"], None)
    assert "no installed target has a scenario 'laod'; did you mean 'load'?" in message
    assert "Available: load, quick, rush." in message


@pytest.mark.usefixtures("two")
def test_target_among_the_scenarios_is_told_apart() -> None:
    message = refusal((), ["quick", "adder"], None)
    assert "got 'adder', which is an installed target" in message
    assert "--target adder" in message


@pytest.mark.usefixtures("two")
def test_scenarios_of_different_targets_are_refused_with_a_list() -> None:
    message = refusal((), ["load", "rush"], None)
    assert "no installed target has all of load, rush" in message
    assert "adder has quick, load; notes has quick, rush" in message


@pytest.mark.usefixtures("two")
def test_unknown_scenario_of_a_subject_suggests_the_closest() -> None:
    (adder,) = find_subjects(["adder"], (), None)
    assert adder.scenario("load").name == "load"
    with pytest.raises(UsageError, match="target adder has no scenario 'lod'; did you mean 'load'") as caught:
        adder.scenario("lod")
    assert caught.value.hint == "It has: quick, load."


def test_error_without_installed_targets_says_how_to_get_one(install: Install) -> None:
    install()
    assert installed_adapters() == {}
    assert "expected a server to measure, got none" in refusal((), ["load"], None)
    assert "none (install a server" in refusal(["adder"], ["load"], None)


# --- adapters that are broken ---


@pytest.mark.parametrize("error", [ImportError("no module named x"), RuntimeError("boom"), KeyError("k")])
def test_error_of_an_adapter_that_does_not_load_names_its_package(install: Install, error: Exception) -> None:
    install(broken=error)
    for call in (installed_adapters, lambda: find_subjects(["broken"], (), None)):
        with pytest.raises(UsageError, match="the adapter 'broken' of some_package:broken") as caught:
            call()
        assert repr(error) in caught.value.message
        assert caught.value.__cause__ is error


@pytest.mark.parametrize("loaded", [None, "adapter", object(), dict])
def test_entry_point_without_an_adapter_is_refused(install: Install, loaded: object) -> None:
    install(odd=loaded)
    with pytest.raises(UsageError, match="expected a ServerAdapter") as caught:
        installed_adapters()
    assert "some_package:odd" in caught.value.message
    assert type(loaded).__name__ in caught.value.message


def test_broken_adapter_does_not_affect_others(build: type[Build], install: Install, tmp_path: Path) -> None:
    install(adder=build.adapter({"quick": build.scenario("quick")}), broken=ImportError("x"))
    path = tmp_path / "w.toml"
    path.write_text(TOML, encoding="utf-8")
    assert names(["adder", str(path)], ["quick"], None) == ["adder", "weather"]


def test_installed_adapters_are_sorted_by_name(build: type[Build], install: Install) -> None:
    install(zebra=build.adapter({}, "zebra"), adder=build.adapter({}))
    assert list(installed_adapters()) == ["adder", "zebra"]


# --- files and URLs ---


def test_toml_file_is_a_target_at_its_url(install: Install, tmp_path: Path) -> None:
    install()
    path = tmp_path / "w.toml"
    path.write_text(TOML, encoding="utf-8")
    (subject,) = find_subjects([str(path)], ["load"], None)
    assert (subject.name, subject.url, subject.package) == ("weather", "http://127.0.0.1:8000/mcp", "")


def test_toml_file_with_a_command_is_started_by_the_lab(install: Install, tmp_path: Path) -> None:
    install()
    path = tmp_path / "w.toml"
    path.write_text(TOML.replace("url =", 'command = ["x", "{ready_file}"]\nurl ='), encoding="utf-8")
    (subject,) = find_subjects([str(path)], ["load"], None)
    assert subject.url is None


def test_toml_file_may_use_the_scenarios_of_an_installed_adapter(
    build: type[Build], install: Install, tmp_path: Path
) -> None:
    quick = build.scenario("quick")
    limited = replace(build.scenario("load", name="limited"), launch=Launch(("adder", "--limited")))
    install(adder=build.adapter({"quick": quick, "limited": limited}))
    path = tmp_path / "fleet.toml"
    path.write_text('name = "fleet"\nadapter = "adder"\ncommand = ["x", "{ready_file}"]\n', encoding="utf-8")
    (subject,) = find_subjects([str(path)], ["quick"], None)
    assert (subject.name, subject.url) == ("fleet", None)
    assert subject.adapter.launch.argv == ("x", "{ready_file}")
    assert subject.adapter.launch.cwd == tmp_path.resolve()
    assert subject.adapter.server_name == build.adapter({}).server_name
    assert dict(subject.adapter.scenarios) == {"quick": quick}
    path.write_text(path.read_text().replace("adder", "addr"), encoding="utf-8")
    assert "there is no adapter 'addr'; did you mean 'adder'? Installed: adder." in " ".join(
        refusal([str(path)], ["quick"], None).split()
    )


def test_missing_toml_file_is_refused(install: Install) -> None:
    install()
    assert "cannot read no-such.toml" in refusal(["no-such.toml"], ["load"], None)


@pytest.mark.usefixtures("two")
def test_url_alone_is_a_server_without_calls() -> None:
    url, adder = find_subjects(["http://127.0.0.1:9000", "adder"], ["quick"], None)
    assert (url.name, url.url) == ("127.0.0.1:9000", "http://127.0.0.1:9000/mcp")
    assert not url.adapter.scenarios
    assert adder.url is None


@pytest.mark.usefixtures("two")
def test_command_alone_is_a_server_without_calls() -> None:
    (subject,) = find_subjects((), ["quick"], None, command=[sys.executable, "weather.py"], shared=True)
    assert (subject.name, subject.url) == ("weather", None)
    assert subject.adapter.launch.transport == "stdio-shared"
    assert not subject.adapter.scenarios


@pytest.mark.usefixtures("two")
def test_command_beside_a_target_starts_that_targets_server() -> None:
    command = [sys.executable, "other.py"]
    (subject,) = find_subjects(["adder"], ["quick"], None, command=command)
    assert subject.name == "adder"
    assert subject.adapter.launch.argv == tuple(command)
    assert subject.adapter.launch.transport == "stdio"
    assert list(subject.adapter.scenarios) == ["quick", "load"]


@pytest.mark.usefixtures("two")
def test_command_with_a_url_is_a_server_that_listens_there() -> None:
    url = "http://127.0.0.1:{port}/mcp"
    (subject,) = find_subjects([url], ["quick"], None, command=[sys.executable, "--port", "{port}"])
    assert subject.url is None
    assert (subject.adapter.launch.url, subject.adapter.launch.transport) == (url, "http")


@pytest.mark.usefixtures("two")
def test_command_takes_one_server_only() -> None:
    for named in (["adder", "notes"], ["http://h:1", "http://h:2"]):
        with pytest.raises(UsageError, match="expected one server beside a command"):
            find_subjects(named, ["quick"], None, command=[sys.executable])
    with pytest.raises(UsageError, match="--server-url: expected no command beside it"):
        find_subjects((), ["quick"], "http://h:1", command=[sys.executable])
    with pytest.raises(UsageError, match="--shared: expected a server on stdio, got none"):
        find_subjects(["adder"], ["quick"], None, shared=True)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("localhost:8000/mcp", "A URL begins with its scheme: http://localhost:8000/mcp."),
        ("servers/weather", "There is no such file."),
        ("SERVER.py", "The command that starts a server follows --, such as -- python "),
        ("weather", "Installed: adder, notes. Any other server is measured by its URL, its command"),
        ("w" * 300, "Installed: adder, notes."),
    ],
)
def test_advice_about_a_word_that_names_no_server(word: str, advice: str, tmp_path: Path) -> None:
    (tmp_path / "SERVER.py").write_text("", encoding="utf-8")
    message = refusal([str(tmp_path / word) if word == "SERVER.py" else word], ["load"], None)
    assert "there is no target" in message
    assert advice in message


def test_password_in_the_url_of_a_running_server_becomes_a_header(
    build: type[Build], install: Install
) -> None:
    install(adder=build.adapter({"quick": build.scenario("quick")}))
    (subject,) = find_subjects(["adder"], ["quick"], "http://me:opensesame@h:1")
    assert subject.url == "http://h:1/mcp"
    assert subject.access.own_headers()["Authorization"].startswith("Basic ")


@pytest.mark.usefixtures("two")
def test_server_url_is_measured_with_the_only_matching_adapter() -> None:
    (subject,) = find_subjects(["adder"], ["quick"], "http://127.0.0.1:8100")
    assert (subject.name, subject.url) == ("adder", "http://127.0.0.1:8100/mcp")
    assert names((), ["load"], "http://127.0.0.1:8100") == ["adder"]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("targets", [(), ["adder", "notes"]])
def test_server_url_with_several_adapters_is_refused(targets: list[str]) -> None:
    message = refusal(targets, ["quick"], "http://127.0.0.1:8100")
    assert "got 2: adder, notes" in message
    assert "--target http://127.0.0.1:8100" in message


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8100", "http://127.0.0.1:8100/mcp"),
        ("http://127.0.0.1:8100/", "http://127.0.0.1:8100/mcp"),
        (" http://127.0.0.1:8100 ", "http://127.0.0.1:8100/mcp"),
        ("https://example.org", "https://example.org/mcp"),
        ("http://h/mcp", "http://h/mcp"),
        # A given path is kept, since servers distinguish /mcp and /mcp/.
        ("http://h/a/b/", "http://h/a/b/"),
        ("http://[::1]:80", "http://[::1]:80/mcp"),
        ("http://h/mcp?key=1", "http://h/mcp?key=1"),
        ("http://h?key=1", "http://h/mcp?key=1"),
    ],
)
def test_endpoint_is_mcp_unless_the_url_has_a_path(url: str, expected: str) -> None:
    assert endpoint(url) == expected
    assert endpoint(expected) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8100",
        "ftp://h",
        "http://",
        "http:///mcp",
        "http://:80",
        "http://h:http",
        "http://h:99999",
        "http://h:0",
        "http://[::1",
        "http://h/mcp#x",
    ],
)
def test_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"expected a URL such as http://127\.0\.0\.1:8100, got ") as caught:
        endpoint(url)
    assert repr(url) in caught.value.message


def test_url_of_a_file_takes_its_key_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weather.toml"
    path.write_text('name = "weather"\nurl = "http://h/mcp?q=$WEATHER"\n[[calls]]\ntool = "forecast"\n')
    monkeypatch.setenv("WEATHER", "k-12345")
    (subject,) = find_subjects([str(path)], (), None)
    assert subject.url == "http://h/mcp?q=k-12345"
    assert subject.access.secrets() == ("k-12345",)
    monkeypatch.delenv("WEATHER")
    with pytest.raises(UsageError, match="the environment variable WEATHER is not set"):
        find_subjects([str(path)], (), None)


def test_file_without_calls_states_the_pace_of_drawn_ones(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('name = "s"\nurl = "http://h/mcp"\nthink_time = 2\nrequest_timeout_s = 5\n')
    pace = Pace(5.0, ThinkTime.constant(2))
    assert find_subjects([str(path)], (), None)[0].pace == pace
    assert find_subjects([str(path)], (), "http://other/mcp")[0].pace == pace
    assert find_subjects([str(path)], (), None, command=[sys.executable, "x.py"])[0].pace == pace
