"""pytest plug-in: serves the apps of a test suite through server_core, and records each test's outcome.

    pytest -p lane_plugin --lane --outcomes outcomes.jsonl

Without `--lane` it only records, and connects in-memory clients over HTTP if `--memory-over-http` says so.
Nothing of FastMCP is imported before `pytest_configure`: a suite sets FastMCP's variables in the environment
before.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

_COUNTS: Final = "requests"
"""Name of the report property with a test's requests: all of them, and those that reached FastMCP."""

_SEVERITY: Final = ("passed", "skipped", "xfailed", "failed")
"""From best to worst; a test's outcome is the worst of its phases."""

_TRACING_FIXTURE: Final = "otel_trace_provider"
"""Fixture of FastMCP's tests that sets the process's tracer provider, which stays and turns the lane off."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; their values are texts, because pytest-xdist sends them to its workers."""
    group = parser.getgroup("lane")
    group.addoption("--lane", action="store_true", help="serve apps through server_core with its fast lane")
    group.addoption(
        "--memory-over-http",
        choices=["modern", "sessions"],
        help="connect in-memory clients over HTTP: on the wire they choose, or with sessions",
    )
    group.addoption("--outcomes", metavar="FILE", help="write one JSON line for each test")
    group.addoption(
        "--only", action="append", metavar="TEXT", default=[], help="part of the ids of tests to run"
    )
    group.addoption("--only-ids", metavar="FILE", help="file with the ids of the tests to run, one a line")


def pytest_configure(config: pytest.Config) -> None:
    """Replace what serves and connects, in each process that runs tests."""
    if config.getoption("--lane"):
        import apps_through_lane  # imports FastMCP, see above

        apps_through_lane.install()
    route = config.getoption("--memory-over-http")
    if route is not None:
        import memory_over_http  # imports FastMCP, see above

        memory_over_http.install(sessions=route == "sessions")
    outcomes = config.getoption("--outcomes")
    if outcomes is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(OutcomeWriter(Path(outcomes)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that were not chosen, and put those that turn the lane off last."""
    items.sort(key=lambda item: _TRACING_FIXTURE in getattr(item, "fixturenames", ()))
    parts, file = config.getoption("--only"), config.getoption("--only-ids")
    ids = set(Path(file).read_text(encoding="utf-8").splitlines()) if file is not None else None
    chosen = [
        item
        for item in items
        if (ids is None or item.nodeid in ids) and (not parts or any(part in item.nodeid for part in parts))
    ]
    if len(chosen) < len(items):
        kept = set(map(id, chosen))
        config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
        items[:] = chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note the counts before each test."""
    item.stash[_before] = _counts(item.config)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Add the number of a test's requests to its last report."""
    report = yield
    if report.when == "teardown":
        before, after = item.stash[_before], _counts(item.config)
        report.user_properties.append((_COUNTS, [new - old for new, old in zip(after, before, strict=True)]))
    return report


_before = pytest.StashKey[tuple[int, int]]()


def _counts(config: pytest.Config) -> tuple[int, int]:
    if not config.getoption("--lane"):
        return 0, 0
    from apps_through_lane import counts  # imports FastMCP, see above

    return counts.requests, counts.reached_fastmcp


class OutcomeWriter:
    """Writes one line for each test that has ended, and for each module that could not be collected."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.write_text("", encoding="utf-8")
        self._worst: dict[str, tuple[str, str]] = {}
        self._uncollected: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase of a test into account."""
        outcome = "xfailed" if hasattr(report, "wasxfail") and report.outcome == "skipped" else report.outcome
        if outcome not in _SEVERITY:
            return  # an attempt that pytest-retry repeats
        worst, message = self._worst.get(report.nodeid, ("passed", ""))
        if _SEVERITY.index(outcome) > _SEVERITY.index(worst):
            worst, message = outcome, _last_line(report)
        self._worst[report.nodeid] = (worst, message)
        # A worker that crashed sends one report, without a phase, for the test that it was running.
        if report.when == "teardown" or report.when not in ("setup", "call"):
            requests, reached_fastmcp = dict(report.user_properties).get(_COUNTS, (0, 0))
            self._write(
                test=report.nodeid,
                outcome=worst,
                message=message,
                requests=requests,
                reached_fastmcp=reached_fastmcp,
            )
            del self._worst[report.nodeid]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a module that could not be collected, once: every worker collects all modules."""
        if report.failed and report.nodeid not in self._uncollected:
            self._uncollected.add(report.nodeid)
            self._write(test=report.nodeid, outcome="uncollected", message=_last_line(report))

    def _write(self, **values: object) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


def _last_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the error in one line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if crash is not None:
        return lines[0] if lines else ""
    return lines[-1] if lines else ""
