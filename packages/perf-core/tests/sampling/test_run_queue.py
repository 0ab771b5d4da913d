"""Run-queue wait of threads, of which some end while it is read."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from perf_core.sampling import run_queue
from perf_core.sampling.run_queue import RunQueueMeter

OWN = "self"


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return the waits in ns by thread number, which stand for those of process 7."""
    waits: dict[str, int] = {}
    monkeypatch.setattr(run_queue, "_counts_waits", lambda: True)
    monkeypatch.setattr(run_queue, "_LARGEST_SHARE", float("inf"))
    monkeypatch.setattr(run_queue.os, "listdir", lambda _folder: list(waits))
    monkeypatch.setattr(run_queue, "_wait_ns", lambda path: waits[Path(path).parent.name])
    return waits


def test_waits_are_summed_over_threads(counters: dict[str, int]) -> None:
    counters |= {"7": 1_000_000_000, "8": 500_000_000}
    assert RunQueueMeter().read([7]) == 1.5


def test_ended_thread_keeps_its_wait(counters: dict[str, int]) -> None:
    counters |= {"7": 1_000_000_000, "8": 500_000_000}
    meter = RunQueueMeter()
    meter.read([7])
    del counters["8"]
    counters["7"] += 250_000_000
    assert meter.read([7]) == 1.75
    assert meter.read([]) == 1.75


def test_thread_with_the_number_of_an_ended_one_adds_to_it(counters: dict[str, int]) -> None:
    counters["7"] = 1_000_000_000
    meter = RunQueueMeter()
    meter.read([7])
    counters["7"] = 100_000_000
    assert meter.read([7]) == 1.1


def test_reading_rests_in_proportion_to_its_cost(
    counters: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0

    def slow_reading(path: str) -> int:
        nonlocal now_s
        now_s += 0.5
        return counters[Path(path).parent.name]

    monkeypatch.setattr(run_queue.time, "monotonic", lambda: now_s)
    monkeypatch.setattr(run_queue, "_wait_ns", slow_reading)
    monkeypatch.setattr(run_queue, "_LARGEST_SHARE", 0.02)
    counters["7"] = 1_000_000_000
    meter = RunQueueMeter()
    meter.read([7])
    counters["7"] = 2_000_000_000
    now_s += 24.9
    assert meter.read([7]) == 1.0
    now_s += 0.2
    assert meter.read([7]) == 2.0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the wait")
def test_all_threads_of_a_process_are_read() -> None:
    done = threading.Event()
    threads = [threading.Thread(target=done.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    meter = RunQueueMeter()
    waited_s = meter.read([OWN])  # type: ignore[list-item] # /proc has a folder of this name
    done.set()
    for thread in threads:
        thread.join()
    assert waited_s is not None
    assert waited_s > 0
    assert len(meter._wait_ns) >= 4


def test_systems_without_counters_have_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_queue, "_counts_waits", lambda: False)
    assert RunQueueMeter().read([1]) is None
