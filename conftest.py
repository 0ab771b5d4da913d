"""Cheap collection, and `--no-processes`, which makes tests fail that start a process; `nox -s unit` uses it.

A test that starts a process, directly or through a fixture, has the marker `process`, or `k6` if that process
is k6.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# The suite draws the same examples every time; with `--hypothesis-profile exploring` (nox -s differential) it
# draws others. Neither has Hypothesis' limit of 200 ms per example, which a busy machine exceeds by chance.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("exploring", deadline=None)
hypothesis.settings.load_profile("suite")

ALLOWED = {"node", "git"}
"""Programs that unit tests may start: node for the pure parts of the k6 scripts, and git, which is fast."""

_armed = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-processes", action="store_true", help="fail tests that start another process (nox -s unit)"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--no-processes"):
        sys.addaudithook(_refuse_processes)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    global _armed  # noqa: PLW0603 - an audit hook cannot be removed, only disarmed
    _armed = item.config.getoption("--no-processes")
    try:
        return (yield)
    finally:
        _armed = False


def _refuse_processes(event: str, arguments: tuple[Any, ...]) -> None:
    if not _armed or event not in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"):
        return
    program = Path(str(arguments[0])).name if arguments else ""
    if program not in ALLOWED:
        raise RuntimeError(
            f"expected a test that starts no process, got {event} {program}; mark it with pytest.mark.process"
        )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the tests themselves out of all garbage collections.

    They are millions of objects that live to the end. Each full collection would visit them all, for half a
    second in each of the many tests that collect on purpose, and for 8 s while the tests are collected.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> list[pytest.Item] | None:
    """Leave out corpus tests before they become 8,000 items, which costs each worker seconds."""
    if not callable(obj) or "not corpus" not in collector.config.getoption("-m"):
        return None
    return [] if "corpus" in {mark.name for mark in [*_marks(obj), *_marks(collector.obj)]} else None


def _marks(owner: object) -> list[pytest.Mark]:
    marks = getattr(owner, "pytestmark", [])
    return [getattr(mark, "mark", mark) for mark in (marks if isinstance(marks, list) else [marks])]
