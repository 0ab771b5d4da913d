"""Whole ladders, and their agreement with direct measurements."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from perf_core.errors import NotAskable, TargetError
from perf_core.interruption import Interruption
from perf_core.results.ladder import LADDERS, Ladder
from perf_core.runs.ladder.measuring import TITLES, Request, interpreter, measure_ladder
from perf_core.targets.apps import AppPlace

pytestmark = [pytest.mark.process, pytest.mark.long]


def measured(file: Path, **options: object) -> Ladder:
    request = Request(AppPlace(file=file, attribute="mcp"), sys.executable, rounds=2, **options)  # type: ignore[arg-type]
    folder = file.parent / "result"
    folder.mkdir()
    return measure_ladder(request, folder, interruption=Interruption(), on_progress=lambda *_: None)


def test_a_tool_that_reads_is_chosen_with_drawn_arguments(shop: Path) -> None:
    ladder = measured(shop)
    assert ladder.tool == "total"
    assert "items" in json.loads(ladder.arguments)
    assert [rung.key for rung in ladder.rungs] == list(TITLES)
    assert all(rung.cpu_us.median > 0 and rung.wall_us.median > 0 for rung in ladder.rungs)
    assert ladder.rungs[-1].cpu_us.median > 10 * ladder.rungs[0].cpu_us.median
    assert ladder.manifest["app"]["name"] == "shop"
    assert psutil.Process().children() == []
    folder = shop.parent / "result"
    LADDERS.write(ladder, folder)
    assert LADDERS.read(folder) == ladder


def test_the_named_tool_is_called_with_the_given_arguments(shop: Path) -> None:
    ladder = measured(shop, tool="plain", arguments={"a": 7})
    assert (ladder.tool, json.loads(ladder.arguments)) == ("plain", {"a": 7})


def test_layers_that_need_a_request_are_left_out(shop: Path) -> None:
    ladder = measured(shop, tool="asks_context", arguments={"text": "hi"})
    assert "bare function" in {each.title for each in ladder.left_out}
    assert [rung.key for rung in ladder.rungs][-1] == "http"


def test_a_tool_that_fails_is_no_ladder(shop: Path) -> None:
    with pytest.raises((TargetError, NotAskable), match="closed today"):
        measured(shop, tool="fails", arguments={})


def test_an_interpreter_must_exist() -> None:
    assert interpreter(None, "python") == "python"
    assert interpreter(sys.executable, "python") == sys.executable
    with pytest.raises(TargetError, match="--python"):
        interpreter("/no/such/python", "python")
