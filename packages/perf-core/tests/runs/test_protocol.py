"""Whole measurements of servers that speak one wire, an older transport, or have names of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.adapter import Launch, Wire
from perf_core.errors import ExitCode, WireNotOffered
from perf_core.interruption import Interruption
from perf_core.load.plan import Settings
from perf_core.results import record_file
from perf_core.results.record import RunRecord
from perf_core.runs.assemble import LoadResult, RunSpec, assemble
from perf_core.runs.measure import MeasuredRun, Options, measure
from perf_core.runs.questions import prepare
from perf_core.server.subject import Subject

if TYPE_CHECKING:
    from conftest import Build

pytestmark = pytest.mark.k6

SHORT = Settings(duration_s=1.0, vus=2, think_time_s=0.02)
ADDER = Path(__file__).parents[1] / "servers" / "adder.py"


def measured(build: type[Build], subject: Subject, folder: Path, wire: Wire = "session") -> MeasuredRun:
    scenario = replace(build.scenario("quick"), wires=("session",))
    subject = replace(subject, adapter=build.adapter({"quick": scenario}, launch=subject.adapter.launch))
    question = prepare(subject, scenario, wire, SHORT, is_optional=True)
    return measure(question, Options(folder), interruption=Interruption(), on_progress=lambda *_: None)


def at(build: type[Build], url: str) -> Subject:
    return Subject(build.adapter({}), url)


def only_run(folder: Path) -> RunRecord:
    (path,) = folder.glob("*/record.json")
    return record_file.read(path)


@pytest.mark.parametrize("offered", ["session", "stateless"])
def test_other_wire_is_measured_where_the_scenarios_own_is_not_offered(
    build: type[Build], guarded: Callable[..., Any], tmp_path: Path, offered: Wire
) -> None:
    server = guarded()
    server.wires = {offered}
    other: Wire = "stateless" if offered == "session" else "session"
    run = measured(build, at(build, server.url), tmp_path, wire=other)
    record = only_run(tmp_path)
    assert record == run.record
    assert record.verdict == "pass", record.reasons
    assert record.wire == offered
    assert record.manifest["protocol"] == {
        "wire": offered,
        "revision": "2026-07-28" if offered == "stateless" else "2025-11-25",
        "transport": "http",
        "not_offered": [other],
    }
    assert f"the server does not offer the {other} wire" in record.reasons[-1]


def test_wire_that_the_user_named_is_not_replaced(
    build: type[Build], guarded: Callable[..., Any], tmp_path: Path
) -> None:
    server = guarded()
    server.wires = {"stateless"}
    scenario = build.scenario("quick")
    question = prepare(at(build, server.url), scenario, "session", SHORT)
    run = measure(question, Options(tmp_path), interruption=Interruption(), on_progress=lambda *_: None)
    assert isinstance(run.error, WireNotOffered)
    assert run.record.exit_code == ExitCode.INVALID
    assert run.record.manifest["protocol"]["not_offered"] == ["session"]


def test_server_of_the_older_transport_is_measured_through_the_bridge(
    build: type[Build], guarded: Callable[..., Any], tmp_path: Path
) -> None:
    server = guarded()
    server.is_legacy, server.revisions = True, ["2024-11-05"]
    run = measured(build, at(build, f"{server.origin}/sse"), tmp_path)
    assert run.record.verdict == "pass", run.record.reasons
    assert run.record.manifest["protocol"]["transport"] == "http+sse"
    assert run.record.manifest["protocol"]["revision"] == "2024-11-05"


@pytest.mark.process
def test_server_that_the_lab_started_is_here_whatever_its_url_is_called(
    build: type[Build], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perf_core.runs.measure.is_local", lambda _url: False)
    specs: list[RunSpec] = []

    def noted(spec: RunSpec, load: LoadResult) -> RunRecord:
        specs.append(spec)
        return assemble(spec, load)

    monkeypatch.setattr("perf_core.runs.measure.assemble", noted)
    launch = Launch((sys.executable, str(ADDER), "--port", "{port}"), url="http://0.0.0.0:{port}/mcp")
    run = measured(build, Subject(build.adapter({}, launch=launch)), tmp_path)
    assert run.record.verdict == "pass", run.record.reasons
    assert [spec.server_elsewhere for spec in specs] == [False]


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_tool_whose_name_needs_encoding_is_measured(
    build: type[Build], guarded: Callable[..., Any], tmp_path: Path, wire: Wire
) -> None:
    server = guarded()
    server.tool = "größe (in m²) / messen"
    journey = build.journey(1, 2)
    named = replace(journey, steps=(replace(journey.steps[0], tool=server.tool),))
    scenario = build.scenario("quick", {"mix": [named]})
    question = prepare(at(build, server.url), scenario, wire, SHORT)
    run = measure(question, Options(tmp_path), interruption=Interruption(), on_progress=lambda *_: None)
    assert run.record.verdict == "pass", run.record.reasons
    assert run.record.metrics is not None
    assert run.record.metrics.latency_ms[server.tool].count == run.record.metrics.tool_calls > 10
