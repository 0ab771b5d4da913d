"""Tests of the conformance session: its fixture server, its expected failures and its verdicts."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from fastmcp import Client

from server_core.fastlane.app_eligibility import AppRules
from server_core.fastlane.tool_eligibility import tool_reason

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "conformance"
SUITE = FOLDER / "node_modules" / "@modelcontextprotocol" / "conformance"
EXPECTATIONS = sorted(FOLDER.glob("expected-failures-*.yml"))

needs_suite = pytest.mark.skipif(
    not SUITE.is_dir(), reason="the suite is not installed (nox -s conformance does it)"
)


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    monkeypatch.syspath_prepend(FOLDER)
    names = ("fixture", "conformance")
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def fixture(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["fixture"]


@pytest.fixture
def conformance(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["conformance"]


# --- the fixture ---


def test_fixture_lists_its_tools_and_answers_a_call(fixture: ModuleType) -> None:
    async def names_and_text() -> tuple[list[str], str]:
        async with Client(fixture.create_server()) as client:
            names = [tool.name for tool in await client.list_tools()]
            answer = await client.call_tool("test_simple_text")
            return names, answer.content[0].text

    names, text = asyncio.run(names_and_text())
    assert text == "This is a simple text response for testing."
    assert names[0] == "test_simple_text"  # http-header-validation calls the first without arguments
    assert {"test_missing_capability", "json_schema_2020_12_tool"} <= set(names)
    assert len(names) == len(set(names))


def test_fixture_has_tools_on_the_lane(fixture: ModuleType) -> None:
    async def reasons() -> tuple[str, dict[str, str]]:
        mcp = fixture.create_server()
        return AppRules(mcp).current().calls, {
            tool.name: tool_reason(tool) for tool in await mcp.list_tools()
        }

    app, tools = asyncio.run(reasons())
    assert app == ""
    on_the_lane = {name for name, reason in tools.items() if not reason}
    assert {"test_simple_text", "test_error_handling", "test_multiple_content_types"} <= on_the_lane
    assert not any("input_required" in name or "context" in name for name in on_the_lane)


def test_settings_of_the_fixture_have_their_own_prefix(fixture: ModuleType) -> None:
    assert fixture.FixtureSettings.environment_name("port") == "FIXTURE_PORT"


# --- expected failures ---


def test_each_server_and_revision_has_a_file(conformance: ModuleType) -> None:
    names = {
        conformance.expectations_file(server.name, revision)
        for server in conformance.SERVERS
        for revision in conformance.REVISIONS
    }
    assert set(EXPECTATIONS) == names


@pytest.mark.parametrize("file", EXPECTATIONS, ids=lambda path: path.stem)
def test_each_entry_has_a_reason(file: Path, conformance: ModuleType) -> None:
    entries = conformance.read_expectations(file)
    assert len(entries) == len(set(entries))
    with_reason, reason = [], ""
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text.startswith("#"):
            reason = text
        elif text.startswith("- ") and reason:
            with_reason.append(text.removeprefix("- "))
        else:
            reason = ""
    assert tuple(with_reason) == entries


@needs_suite
@pytest.mark.parametrize("file", EXPECTATIONS, ids=lambda path: path.stem)
def test_each_entry_names_a_scenario_that_is_judged(file: Path, conformance: ModuleType) -> None:
    name, revision = file.stem.removeprefix("expected-failures-").split("-20")
    (server,) = [each for each in conformance.SERVERS if each.name == name]
    judged = (
        conformance.read_requirements(f"20{revision}").judged
        if server.scenarios is None
        else server.scenarios[f"20{revision}"]
    )
    assert {entry.partition(":")[0] for entry in conformance.read_expectations(file)} <= set(judged)


@needs_suite
def test_the_suite_judges_the_scenarios_of_the_calculator(conformance: ModuleType) -> None:
    (calculator,) = [each for each in conformance.SERVERS if each.scenarios is not None]
    for revision, scenarios in calculator.scenarios.items():
        assert set(scenarios) <= conformance.read_requirements(revision).judged


@needs_suite
def test_the_installed_suite_has_the_pinned_version() -> None:
    pins = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]
    installed = json.loads((SUITE / "package.json").read_text(encoding="utf-8"))
    assert pins == {installed["name"]: installed["version"]}


@pytest.mark.parametrize(
    "text", ["", "server: none", "server:\n  - ping: ping", "client:\n  - initialize"], ids=repr
)
def test_a_file_that_the_suite_would_refuse_is_refused(
    text: str, tmp_path: Path, conformance: ModuleType
) -> None:
    file = tmp_path / "expected.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(conformance.ConformanceError, match="expected `server:`"):
        conformance.read_expectations(file)


# --- verdicts ---


def checks(conformance: ModuleType, **statuses: str) -> list[object]:
    return [conformance.Check(name, status, "why") for name, status in statuses.items()]


def test_a_scenario_without_failures_passes(conformance: ModuleType) -> None:
    verdict = conformance.judge({"a": checks(conformance, x="SUCCESS", y="SKIPPED", z="INFO")}, [])
    assert verdict.is_good
    assert verdict.passed == ("a",)


def test_a_scenario_that_checked_nothing_is_idle_rather_than_passed(conformance: ModuleType) -> None:
    results = [conformance.Check("wire-schema-valid", "SUCCESS"), conformance.Check("z", "INFO")]
    verdict = conformance.judge({"a": results}, [])
    assert verdict.is_good
    assert (verdict.passed, verdict.idle) == ((), ("a",))


@pytest.mark.parametrize("status", ["FAILURE", "WARNING"])
def test_a_failure_or_a_warning_is_unexpected_unless_listed(status: str, conformance: ModuleType) -> None:
    results = {"a": checks(conformance, x=status, y="SUCCESS")}
    alone = conformance.judge(results, [])
    assert (alone.is_good, alone.unexpected) == (False, ("a:x: why",))
    for entry in ("a", "a:x"):
        listed = conformance.judge(results, [entry])
        assert listed.is_good
        assert listed.expected == (entry,)
        assert listed.passed == ()


def test_an_entry_for_one_check_excuses_no_other(conformance: ModuleType) -> None:
    verdict = conformance.judge({"a": checks(conformance, x="FAILURE", y="FAILURE")}, ["a:x"])
    assert (verdict.expected, verdict.unexpected) == (("a:x",), ("a:y: why",))


@pytest.mark.parametrize("entry", ["a", "a:x", "elsewhere", "elsewhere:x"])
def test_an_entry_for_a_check_that_passes_is_stale(entry: str, conformance: ModuleType) -> None:
    verdict = conformance.judge({"a": checks(conformance, x="SUCCESS")}, [entry])
    assert (verdict.is_good, verdict.stale) == (False, (entry,))


@pytest.mark.parametrize("entry", ["a:missing", "a:skipped", "a:information"])
def test_a_check_that_the_scenario_did_not_reach_is_not_stale(entry: str, conformance: ModuleType) -> None:
    results = {"a": checks(conformance, x="SUCCESS", skipped="SKIPPED", information="INFO")}
    assert conformance.judge(results, [entry]).is_good


def test_the_worst_result_of_a_repeated_check_counts(conformance: ModuleType) -> None:
    repeated = [conformance.Check("x", status) for status in ("SUCCESS", "FAILURE", "SUCCESS", "INFO")]
    assert conformance.judge({"a": repeated}, ["a:x"]).expected == ("a:x",)
    assert conformance.judge({"a": repeated}, []).unexpected == ("a:x: failure",)


def test_results_are_read_as_the_suite_writes_them(tmp_path: Path, conformance: ModuleType) -> None:
    folder = tmp_path / "server-tools-call-2-2026-07-28-2026-11-22T15-00-00-123Z"
    folder.mkdir()
    checks_json = [{"id": "x", "status": "FAILURE", "errorMessage": "why"}, {"id": "y", "status": "SUCCESS"}]
    (folder / "checks.json").write_text(json.dumps(checks_json), encoding="utf-8")
    assert conformance.read_results(tmp_path) == {
        "tools-call-2-2026-07-28": [
            conformance.Check("x", "FAILURE", "why"),
            conformance.Check("y", "SUCCESS"),
        ]
    }


def test_the_summary_lists_unexpected_results_and_doubts(conformance: ModuleType) -> None:
    results = {"a": checks(conformance, x="FAILURE"), "b": checks(conformance, y="SUCCESS")}
    verdict = conformance.judge(results, [])
    bad = conformance.Outcome("some", "2026-07-28", verdict, (10, 9), ())
    text = conformance.summary([bad])
    assert "| some | 2026-07-28 | 1 of 2 | 0 | 1 | 0 | **bad** |" in text
    assert "* unexpected: a:x: why" in text
    assert "9 of 10" in text
    doubtful = conformance.Outcome("some", "2026-07-28", conformance.judge({}, []), (0, 0), ("no calls",))
    assert not doubtful.is_good
    assert "* in doubt: no calls" in conformance.summary([doubtful])


@pytest.mark.process
def test_a_server_that_does_not_start_is_an_error(tmp_path: Path, conformance: ModuleType) -> None:
    broken = conformance.Server("broken", (sys.executable, "-c", "raise SystemExit(3)"))
    log = tmp_path / "server.log"
    with (
        pytest.raises(conformance.ConformanceError, match=r"broken: expected .* got exit code 3"),
        conformance.running(broken, log),
    ):
        pass
