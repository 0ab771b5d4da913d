"""Calls drawn for a real server with tools of many kinds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from perf_core import Launch, ThinkTime
from perf_core.errors import Interrupted, NothingToCall, TargetError, UsageError
from perf_core.interruption import Interruption
from perf_core.server.process import ServerProcess
from perf_core.server.subject import DerivedAdapter, Pace, Subject
from perf_core.targets.discovery import discover as discover_module
from perf_core.targets.discovery import repeats
from perf_core.targets.discovery.discover import Discovered, DrawOptions, discover

pytestmark = pytest.mark.process

Draw = Callable[..., Discovered]
Start = Callable[..., Subject]


@pytest.fixture(scope="module")
def running(started: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """Yield a server with all tools that runs already."""
    log_path = tmp_path_factory.mktemp("varied") / "server.log"
    with ServerProcess(started().adapter.launch, "session", log_path) as process:
        yield Subject(DerivedAdapter("varied", None, Launch(()), {}), process.url)


@pytest.fixture
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for further answers at once and for half a second only."""
    monkeypatch.setattr(repeats, "APART_S", 0.0)
    monkeypatch.setattr(repeats, "_FURTHER_S", 0.5)


@pytest.fixture(scope="module")
def varied(
    running: Subject, discovered: Draw, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Discovered, dict[str, int]]:
    """Return what was drawn for a server with all tools, and its own count of calls."""
    before = counts_of(running)
    # Nine seconds make the call that hangs end after three.
    drawn = discovered(running, tmp_path_factory.mktemp("varied") / "log", time_limit_s=9.0)
    counts = {tool: count - before.get(tool, 0) for tool, count in counts_of(running).items()}
    return drawn, {tool: count for tool, count in counts.items() if count}


def counts_of(server: Subject) -> dict[str, int]:
    assert server.url is not None
    return httpx2.get(server.url.replace("/mcp", "/counts"), trust_env=False).json()


def strictness_of(drawn: Discovered) -> dict[str, str]:
    return {check.tool: check.strictness for check in drawn.discovery.checks}


def reasons_of(drawn: Discovered) -> dict[str, str]:
    return {each.tool: each.reason for each in drawn.discovery.left_out}


def test_answers_are_checked_as_strictly_as_they_are_stable(varied: tuple[Discovered, dict]) -> None:
    assert strictness_of(varied[0]) == {
        "sum": "exact",
        "greet": "exact",
        "picture": "exact",
        "grüße": "exact",
        "list_users": "exact",
        "get_user": "exact",
        "fetch_page": "exact",
        "tree": "exact",
        "level": "exact",
        "strict": "exact",
        "slow": "exact",
        "no_schema": "exact",
        "forecast": "members",
        "note": "members",
        "line": "members",
        "whoami": "members",
        "start": "exact",
        "clock": "members",
        "dice": "schema",
        "noise": "no error",
    }


def test_no_tool_is_called_without_permission(varied: tuple[Discovered, dict]) -> None:
    drawn, counts = varied
    for tool in ("unmarked", "write_note", "almost"):
        assert "readOnlyHint" in reasons_of(drawn)[tool]
        assert tool not in counts
    assert "destructiveHint" in reasons_of(drawn)["delete_all"]
    assert "delete_all" not in counts


def test_what_cannot_be_called_is_left_out_with_its_reason(varied: tuple[Discovered, dict]) -> None:
    reasons = reasons_of(varied[0])
    assert "schema" in reasons["endless"]
    assert "its input schema is no JSON Schema" in reasons["odd_schema"]
    assert "did not answer within 3 s" in reasons["hang"]
    assert "elicitation/create" in reasons["asks"]
    assert reasons["broken"] == "the disk is full"
    assert "failed when repeated: only once" in reasons["once"]
    assert "cannot have its name" in reasons["bad,name"]
    assert "task" in reasons["task_only"]
    counts = varied[1]
    assert counts["hang"] == 1, "a tool that hangs is not tried again"
    assert not {"endless", "odd_schema", "bad,name", "task_only"} & set(counts)


def test_left_out_tools_say_what_was_tried_and_what_to_do(varied: tuple[Discovered, dict]) -> None:
    by_tool = {each.tool: each for each in varied[0].discovery.left_out}
    assert by_tool["broken"].tries == 1
    assert by_tool["broken"].arguments == "{}"
    assert "--tool unmarked" in by_tool["unmarked"].advice


def test_ids_of_one_tool_feed_another(varied: tuple[Discovered, dict]) -> None:
    users = {call.step.arguments["user_id"] for call in varied[0].calls if call.step.tool == "get_user"}
    assert users == {"u-17", "u-23", "u-42"}


def test_tools_have_many_different_calls_and_each_is_asked_at_least_three_times(
    varied: tuple[Discovered, dict],
) -> None:
    drawn, counts = varied
    checks = {check.tool: check for check in drawn.discovery.checks}
    assert sum(checks["sum"].calls.values()) == 20
    assert sum(checks["level"].calls.values()) == 2
    assert counts["sum"] >= 60
    assert counts["dice"] >= 8, "what is drawn at random may be the same three times"
    arguments = [json.dumps(call.step.arguments) for call in drawn.calls if call.step.tool == "sum"]
    assert len(set(arguments)) == 20


def test_examples_are_real(varied: tuple[Discovered, dict]) -> None:
    (greet,) = [check for check in varied[0].discovery.checks if check.tool == "greet"]
    name = json.loads(greet.arguments)["name"]
    assert greet.answer == f"Hello, {name}!"
    assert greet.call_s > 0


def test_error_in_disguise_is_a_warning(varied: tuple[Discovered, dict]) -> None:
    (doubt,) = [warning for warning in varied[0].discovery.warnings if "look like errors" in warning]
    assert "fetch_page" in doubt
    assert "Error: fetch failed" in doubt
    (blind,) = [warning for warning in varied[0].discovery.warnings if "cannot be noticed" in warning]
    assert "noise" in blind


def test_subject_has_scenarios_and_its_discovery(varied: tuple[Discovered, dict]) -> None:
    subject = varied[0].subject
    assert subject.discovery is varied[0].discovery
    assert subject.adapter.server_name == "varied"
    assert {step.tool for pool in subject.scenario("load").journeys(1)["mix"] for step in pool.steps} == set(
        strictness_of(varied[0])
    )


@pytest.mark.usefixtures("in_haste")
def test_server_of_nothing_but_errors_is_useless(discovered: Draw, running: Subject, tmp_path: Path) -> None:
    drawn = discovered(running, tmp_path / "log", only=("fetch_page",))
    assert "nothing useful was measured" in drawn.discovery.warnings[0]


def test_server_without_tools_says_what_it_has(discovered: Draw, started: Start, tmp_path: Path) -> None:
    with pytest.raises(NothingToCall) as caught:
        discovered(started("--tools", ""), tmp_path / "log")
    assert "1 prompts" in caught.value.message
    assert caught.value.hint


def test_server_without_permitted_tools_has_advice(discovered: Draw, started: Start, tmp_path: Path) -> None:
    with pytest.raises(NothingToCall) as caught:
        discovered(started("--tools", "unmarked;write_note"), tmp_path / "log")
    assert "unmarked, write_note" in caught.value.message
    assert "--allow-writes" in caught.value.hint
    assert [each.tool for each in caught.value.discovery.left_out] == ["unmarked", "write_note"]


def test_server_that_answers_no_call_says_why(discovered: Draw, running: Subject, tmp_path: Path) -> None:
    with pytest.raises(NothingToCall) as caught:
        discovered(running, tmp_path / "log", only=("broken",))
    assert "broken({}): the disk is full" in caught.value.message


@pytest.mark.usefixtures("in_haste")
def test_named_tools_alone_are_called(discovered: Draw, running: Subject, tmp_path: Path) -> None:
    drawn = discovered(running, tmp_path / "log", only=("delete_all", "level"))
    assert set(strictness_of(drawn)) == {"level", "delete_all"}
    with pytest.raises(UsageError, match="did you mean 'level'"):
        discovered(running, tmp_path / "log", only=("levle",))


@pytest.mark.usefixtures("in_haste")
def test_pace_of_a_file_is_that_of_the_drawn_calls(
    discovered: Draw, running: Subject, tmp_path: Path
) -> None:
    pace = Pace(0.4, ThinkTime.constant(2))
    drawn = discovered(replace(running, pace=pace), tmp_path / "log", only=("level", "hang"))
    scenario = drawn.subject.scenario("load")
    assert scenario.request_timeout_s == 0.4
    assert {each.think_time for each in scenario.journeys(1)["mix"]} == {pace.think_time}
    (late,) = (each for each in drawn.discovery.left_out if each.tool == "hang")
    assert "did not answer within 0.4 s" in late.reason


@pytest.mark.usefixtures("in_haste")
def test_writes_are_called_with_permission(discovered: Draw, started: Start, tmp_path: Path) -> None:
    names = "unmarked;write_note;almost;delete_all"
    drawn = discovered(started("--tools", names), tmp_path / "log", allow_writes=True)
    assert set(strictness_of(drawn)) == {"unmarked", "write_note", "almost"}


def test_what_a_start_of_the_server_decides_is_not_expected(
    discovered: Draw, started: Start, tmp_path: Path
) -> None:
    # The load gets a start of its own.
    drawn = discovered(started("--tools", "start;level"), tmp_path / "log")
    assert strictness_of(drawn) == {"start": "members", "level": "exact"}


@pytest.mark.long
def test_slow_tools_run_at_once_with_few_calls(discovered: Draw, started: Start, tmp_path: Path) -> None:
    began = time.monotonic()
    drawn = discovered(started("--tools", "slow;level", "--slow-s", "1.1"), tmp_path / "log", time_limit_s=6)
    assert set(strictness_of(drawn)) == {"slow", "level"}
    slow = next(check for check in drawn.discovery.checks if check.tool == "slow")
    assert 1 <= sum(slow.calls.values()) <= 3
    assert time.monotonic() - began < 14


@pytest.mark.usefixtures("in_haste")
@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.long)])
def test_many_tools_each_get_a_call(count: int, discovered: Draw, started: Start, tmp_path: Path) -> None:
    server = started("--tools", "", "--more", str(count))
    drawn = discovered(server, tmp_path / "log", time_limit_s=count / 25)
    assert len(drawn.discovery.checks) == count
    assert drawn.discovery.duration_s < 30


def test_time_limit_leaves_tools_out_and_says_so(discovered: Draw, started: Start, tmp_path: Path) -> None:
    names = "slow;sum"
    drawn = discovered(started("--tools", names, "--slow-s", "0.9"), tmp_path / "log", time_limit_s=3.0)
    assert "sum" in strictness_of(drawn)
    if "slow" in reasons_of(drawn):
        assert "time" in reasons_of(drawn)["slow"] or "did not answer" in reasons_of(drawn)["slow"]


def test_interruption_ends_the_draw_and_the_server(started: Start, tmp_path: Path) -> None:
    interruption = Interruption()

    def on_progress(text: str, _share: float | None) -> None:
        interruption.requested = "drawing" in text

    with pytest.raises(Interrupted):
        discover(
            started("--tools", "sum;level"),
            "session",
            DrawOptions(),
            tmp_path / "log",
            interruption=interruption,
            on_progress=on_progress,
        )


@pytest.mark.usefixtures("in_haste")
def test_stateless_wire_is_drawn_from_as_well(discovered: Draw, running: Subject, tmp_path: Path) -> None:
    drawn = discovered(running, tmp_path / "log", wire="stateless", only=("sum", "grüße"))
    assert strictness_of(drawn) == {"sum": "exact", "grüße": "exact"}


@pytest.mark.usefixtures("in_haste")
@pytest.mark.long
def test_session_may_take_longer_to_open_than_a_call(
    discovered: Draw, started: Start, tmp_path: Path
) -> None:
    # A call may take half a second here.
    server = started("--tools", "level", "--open-s", "0.7")
    assert strictness_of(discovered(server, tmp_path / "log", time_limit_s=1.5)) == {"level": "exact"}


def test_server_that_is_not_there_is_an_error(discovered: Draw, tmp_path: Path) -> None:
    subject = Subject(DerivedAdapter("gone", None, Launch(()), {}), "http://127.0.0.1:1/mcp")
    with pytest.raises(TargetError):
        discovered(subject, tmp_path / "log")


@pytest.mark.usefixtures("in_haste")
def test_secret_of_the_environment_is_in_no_result(
    discovered: Draw, running: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first word that is drawn for a name is also the value of a secret variable here.
    secret = "example"
    monkeypatch.setattr(discover_module, "_SHORTEST_SECRET", 4)
    monkeypatch.setenv("WEATHER_API_KEY", secret)
    drawn = discovered(running, tmp_path / "log", only=("greet",))
    assert secret not in repr(drawn.discovery)
    # There are other greetings.
    assert drawn.calls
    assert secret not in repr(drawn.calls)
