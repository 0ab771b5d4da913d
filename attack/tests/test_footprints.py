"""Tests of footprints: when a server has settled, and what its processes hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import footprints
import psutil
import pytest
from footprints import read_footprint, settled, with_median_memory
from tallies import Footprint

REST = Footprint(100.0, 50, 3, {"open sessions": 0})
BUSY = replace(REST, fds=60, gauges={"open sessions": 2})


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprints, "_POLL_S", 0)


def readings(values: Sequence[Footprint]) -> Callable[[], Footprint]:
    left = list(values)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_a_server_has_settled_once_nothing_changes_and_no_session_is_open() -> None:
    read = readings([BUSY] * 20 + [replace(REST, memory_mb=float(number)) for number in range(9)])
    assert settled(read, None).fds == 50
    assert settled(readings([BUSY]), None, longest_s=0.05) == BUSY


def test_a_server_has_settled_once_it_has_no_more_than_before() -> None:
    less = replace(REST, fds=49)
    assert settled(readings([BUSY, BUSY, less]), REST) == less
    assert settled(readings([BUSY]), REST, longest_s=0.05) == BUSY


def test_what_a_process_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprints, "read_gauges", lambda *_, **__: {"a": 3.0, "b": None})
    read = read_footprint(os.getpid(), "http://127.0.0.1:1/mcp", None, {"first": "a", "second": "b"})  # type: ignore[arg-type]  # not used
    assert read.gauges == {"first": 3.0, "second": 0.0}
    assert read.memory_mb > 0.5 * psutil.Process().memory_full_info().pss / 1e6
    assert read.fds >= 3
    assert read.processes >= 1


def test_of_several_rests_the_memory_is_the_median_and_all_else_the_last() -> None:
    rests = [replace(BUSY, memory_mb=140.0), replace(REST, memory_mb=90.0), replace(REST, memory_mb=100.0)]
    assert with_median_memory(rests) == replace(REST, memory_mb=100.0)
    assert with_median_memory([REST]) == REST
