"""Tests of the command line of pytest, and of runs of a small suite with the plug-in."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from suite_runs import PLUGIN, SuiteRun, Way, command_of, environment, modules, read_outcomes, run_suite
from suite_source import SuiteError
from verdicts import Outcome, Outcomes

SMALL_SUITE = """
import asyncio
import os

import pytest
from fastmcp import Client, FastMCP
from fastmcp.utilities.tests import asgi_server

TYPES = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
VERSION = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {}}


def app():
    mcp = FastMCP("small")

    @mcp.tool
    async def add(a: int, b: int) -> int:
        return a + b

    return mcp


async def post_calls(number):
    params = {"name": "add", "arguments": {"a": 1, "b": 2}, "_meta": META}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {**TYPES, "mcp-protocol-version": VERSION, "mcp-method": "tools/call", "mcp-name": "add"}
    async with asgi_server(app()) as server, server.http_client() as http:
        for _ in range(number):
            answer = await http.post("/mcp", json=message, headers=headers)
            assert answer.status_code == 200
            yield answer.json()["result"]["structuredContent"]


def test_calls_over_http():
    async def call():
        assert [each async for each in post_calls(3)] == [{"result": 3}] * 3

    asyncio.run(call())


def test_memory():
    async def call():
        async with Client(app()) as client:
            assert (await client.call_tool("add", {"a": 1, "b": 2})).data == 3

    asyncio.run(call())


def test_wrong():
    assert 1 == 2, "never"


@pytest.fixture
def broken_at_the_end():
    yield
    raise ValueError("at the end")


def test_error_in_teardown(broken_at_the_end):
    pass


@pytest.mark.skip(reason="not here")
def test_skipped():
    pass


@pytest.mark.xfail(reason="an expected failure of the sample")
def test_xfailed():
    assert False


@pytest.mark.skipif("CRASH" not in os.environ, reason="would end the process")
def test_crash():
    os._exit(1)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Root of a suite of a few tests, in a repository that pytest must not take for a part of it."""
    (tmp_path / "conftest.py").write_text("raise RuntimeError('of the repository')", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", encoding="utf-8")
    root = tmp_path / "source"
    (root / "tests").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", encoding="utf-8")
    (root / "tests" / "test_small.py").write_text(textwrap.dedent(SMALL_SUITE), encoding="utf-8")
    return root


def run_of(source: Path, way: Way = Way.AS_WRITTEN, *, has_lane: bool = True, **options: object) -> SuiteRun:
    values = {"workers": 0, **options}
    return SuiteRun(source, source.parent / "out", "a-run", way, has_lane, **values)  # type: ignore[arg-type]


def outcomes_of(run: SuiteRun) -> Outcomes:
    return {test.partition("::")[2] or test: each for test, each in run_suite(run, 100).items()}


def test_the_command_line_names_plug_in_way_and_tests(source: Path) -> None:
    command = command_of(run_of(source, Way.MEMORY_OVER_SESSIONS, only=("server", "tools"), workers=3))
    text = " ".join(command)
    assert "-p lane_plugin" in text
    assert "-n 3" in text
    assert "--lane --memory-over-http sessions --only=server --only=tools" in text
    assert command[-1] == "tests/test_small.py"


def test_chosen_ids_are_collected_from_their_modules_only(tmp_path: Path) -> None:
    ids = ("tests/b.py::c[x::y]", "tests/a.py", "tests/b.py::d")
    command = command_of(run_of(tmp_path, has_lane=False, ids=ids))
    assert command[-2:] == ["tests/a.py", "tests/b.py"]
    assert "--lane" not in command
    assert "-n" not in command


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Root of a suite of empty modules, of which some serve apps and some connect clients."""
    for name, text in {
        "test_settings.py": "import fastmcp",
        "server/test_http.py": "server.http_app()",
        "server/test_calls.py": "Client(server)",
        "cli/test_run.py": "server.http_app()",
        "helpers.py": "server.http_app()",
        "clients/calls_test.py": "async with asgi_client(server) as client:",
    }.items():
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_modules_that_serve_or_connect_nothing_are_not_run(texts: Path) -> None:
    http = ["tests/clients/calls_test.py", "tests/server/test_http.py"]
    assert modules(run_of(texts, Way.AS_WRITTEN)) == http
    for way in (Way.MEMORY_OVER_HTTP, Way.MEMORY_OVER_SESSIONS):
        assert modules(run_of(texts, way)) == sorted([*http, "tests/server/test_calls.py"])


def test_parts_of_paths_choose_modules_and_other_parts_do_not(texts: Path) -> None:
    way = Way.MEMORY_OVER_HTTP
    assert modules(run_of(texts, way, only=("tests/clients", "http"))) == modules(run_of(texts))
    assert modules(run_of(texts, way, only=("server/test_calls.py::test_x",))) == [
        "tests/server/test_calls.py"
    ]
    assert modules(run_of(texts, way, only=("server", "test_some_name"))) == modules(run_of(texts, way))


def test_no_ids_need_no_run(tmp_path: Path) -> None:
    assert run_suite(run_of(tmp_path / "none", ids=()), 1) == {}


def test_settings_of_the_developer_do_not_reach_the_tests() -> None:
    inherited = {
        "FASTMCP_LOG_LEVEL": "x",
        "MCP_PORT": "1",
        "OTEL_SDK_DISABLED": "1",
        "PYTEST_ADDOPTS": "-x",
        "A": "b",
    }
    assert environment(inherited) == {"A": "b", "PYTHONPATH": str(PLUGIN), "PYTHONDONTWRITEBYTECODE": ""}


def test_the_last_outcome_of_a_test_counts() -> None:
    lines = [
        '{"test": "a", "outcome": "failed", "message": "m", "requests": 2, "reached_fastmcp": 1}',
        '{"test": "a", "outcome": "passed"}',
    ]
    assert read_outcomes(lines[:1]) == {"a": Outcome("failed", "m", 2, 1)}
    assert read_outcomes(lines) == {"a": Outcome("passed")}


@pytest.mark.process
def test_outcomes_and_requests_are_recorded(source: Path) -> None:
    (source / "tests" / "test_broken.py").write_text("import no_such_module  # http_app(\n", encoding="utf-8")
    run = run_of(source)
    run.folder.mkdir()
    run.outcomes_file.touch()  # of an earlier run
    outcomes = outcomes_of(run)
    assert {test: each.outcome for test, each in outcomes.items()} == {
        "test_calls_over_http": "passed",
        "test_memory": "passed",
        "test_wrong": "failed",
        "test_error_in_teardown": "failed",
        "test_skipped": "skipped",
        "test_xfailed": "xfailed",
        "test_crash": "skipped",
        "tests/test_broken.py": "uncollected",
    }
    assert outcomes["test_wrong"].message.startswith("AssertionError: never")
    assert "at the end" in outcomes["test_error_in_teardown"].message
    assert "no_such_module" in outcomes["tests/test_broken.py"].message
    served = outcomes["test_calls_over_http"]
    assert (served.requests, served.reached_fastmcp) == (3, 0)
    assert outcomes["test_memory"].requests == 0


@pytest.mark.process
@pytest.mark.nightly
def test_without_the_lane_nothing_passes_through_it(source: Path) -> None:
    outcomes = outcomes_of(run_of(source, has_lane=False, only=("http",)))
    assert outcomes == {"test_calls_over_http": Outcome("passed")}


@pytest.mark.process
@pytest.mark.nightly
@pytest.mark.parametrize("way", [Way.MEMORY_OVER_HTTP, Way.MEMORY_OVER_SESSIONS])
def test_in_memory_clients_can_be_connected_over_http(source: Path, way: Way) -> None:
    outcomes = outcomes_of(run_of(source, way, ids=("tests/test_small.py::test_memory",)))
    assert outcomes["test_memory"].outcome == "passed"
    assert outcomes["test_memory"].requests >= 2


@pytest.mark.process
@pytest.mark.nightly
def test_tests_that_set_a_tracer_provider_come_last(source: Path) -> None:
    tracing = """
        import pytest

        order = []  # http_app(

        @pytest.fixture
        def otel_trace_provider():
            order.append("set")

        @pytest.fixture
        def trace_exporter(otel_trace_provider):
            pass

        def test_with_spans(trace_exporter):
            assert order == ["first", "second", "set"]

        def test_first():
            order.append("first")

        def test_second():
            order.append("second")
    """
    (source / "tests" / "test_tracing.py").write_text(textwrap.dedent(tracing), encoding="utf-8")
    outcomes = outcomes_of(run_of(source, only=("tests/test_tracing.py",)))
    assert [each.outcome for each in outcomes.values()] == ["passed"] * 3


@pytest.mark.process
@pytest.mark.nightly
def test_a_test_that_ends_its_worker_has_failed(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRASH", "1")
    outcomes = outcomes_of(run_of(source, workers=2, only=("crash", "http", "wrong")))
    assert {test: each.outcome for test, each in outcomes.items()} == {
        "test_calls_over_http": "passed",
        "test_wrong": "failed",
        "test_crash": "failed",
    }
    assert outcomes["test_calls_over_http"].requests == 3


@pytest.mark.process
@pytest.mark.nightly
def test_a_run_that_takes_too_long_is_an_error(source: Path) -> None:
    endless = "import threading  # http_app(\n\ndef test_endless():\n    threading.Event().wait()\n"
    (source / "tests" / "test_endless.py").write_text(endless, encoding="utf-8")
    with pytest.raises(SuiteError, match=r"expected an end within 3 s, got none: see .*a-run\.log"):
        run_suite(run_of(source, only=("endless",)), 3)


@pytest.mark.process
@pytest.mark.nightly
def test_a_run_that_pytest_refuses_is_an_error(source: Path) -> None:
    (source / "pyproject.toml").write_text("[tool.pytest.ini_options]\nminversion = '99'\n", encoding="utf-8")
    with pytest.raises(SuiteError, match="exit code"):
        run_suite(run_of(source), 100)
