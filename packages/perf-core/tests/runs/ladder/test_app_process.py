"""Processes with an app: loading, answers, and every way in which they end."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from perf_core.errors import Interrupted, TargetError
from perf_core.interruption import Interruption
from perf_core.runs.ladder.app_process import AppProcess
from perf_core.targets.apps import AppPlace

pytestmark = [pytest.mark.process, pytest.mark.long]


def process(
    file: Path, interruption: Interruption | None = None, *, python: str = sys.executable
) -> AppProcess:
    place = AppPlace(file=file, attribute="mcp")
    return AppProcess(python, place, file.with_suffix(".log"), interruption=interruption or Interruption())


def test_an_app_is_loaded_timed_and_ended(shop: Path) -> None:
    with process(shop) as app:
        assert app.hello["name"] == "shop"
        assert "fastmcp" in app.hello["versions"]
        answer = app.ask("prepare", 60, tool="plain", arguments={"a": 1})
        assert "function" in answer["layers"]
        timing = app.ask("time", 60, layer="function", loops=1000)
        assert timing["wall_s"] > 0
        assert app.cpu_s() > 0
        pid = app.pid
    assert not psutil.pid_exists(pid)
    assert "loading the shop" in shop.with_suffix(".log").read_text(encoding="utf-8")


def test_a_request_that_fails_is_an_error_and_the_process_goes_on(shop: Path) -> None:
    with process(shop) as app:
        with pytest.raises(TargetError, match="KeyError"):
            app.ask("time", 60, layer="function", loops=1)
        assert app.ask("prepare", 60, tool="plain", arguments={"a": 1})["layers"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_package", "importing the app raised ModuleNotFoundError"),
        ("def", "importing the app raised SyntaxError"),
        ("raise SystemExit(3)", "importing the app raised SystemExit: 3"),
        ("import os; os._exit(3)", "ended"),
        ("", "expected mcp in"),
    ],
)
def test_an_app_that_cannot_be_loaded_is_told(source: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text(source, encoding="utf-8")
    with pytest.raises(TargetError, match=message) as error, process(path):
        pytest.fail("it was loaded")
    assert "--python" in error.value.hint


def test_an_interpreter_that_does_not_exist_is_told(shop: Path) -> None:
    with pytest.raises(TargetError, match="cannot start"), process(shop, python="/no/such/python"):
        pytest.fail("it was started")


def test_an_interruption_ends_the_wait(tmp_path: Path) -> None:
    path = tmp_path / "slow.py"
    path.write_text("import threading; threading.Event().wait()", encoding="utf-8")
    interruption = Interruption()
    interruption.requested = True
    with pytest.raises(Interrupted), process(path, interruption):
        pytest.fail("it was loaded")
    assert psutil.Process().children() == []
