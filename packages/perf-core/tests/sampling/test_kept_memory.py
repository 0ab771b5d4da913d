"""Memory of a process tree: what counts, what does not, and processes that are gone."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import psutil
import pytest

from perf_core.sampling.kept_memory import KeptMemoryMeter, kept_in

ROLLUP = """\
56384d797000-7ffde3d2b000 ---p 00000000 00:00 0                          [rollup]
Rss:                1784 kB
Pss:                1218 kB
Pss_Anon:           1000 kB
Pss_File:            106 kB
Pss_Shmem:           200 kB
Anonymous:          1112 kB
Swap:                 60 kB
SwapPss:              50 kB
"""


def test_pages_of_files_do_not_count_and_swapped_ones_do() -> None:
    assert kept_in(ROLLUP) == (pytest.approx(1250 * 1.024), pytest.approx(50 * 1.024))


def test_old_kernels_do_not_tell_anonymous_memory() -> None:
    assert kept_in("Rss:  1784 kB\nPss:  218 kB\n") is None


@pytest.mark.skipif(sys.platform != "linux", reason="smaps_rollup is Linux's")
def test_memory_that_is_written_to_is_seen_at_once() -> None:
    meter = KeptMemoryMeter(os.getpid())
    gc.collect()
    before = meter.read()
    held = bytearray(b"x") * 60_000_000
    after = meter.read()
    assert meter.source == "pss"
    assert before is not None
    assert after is not None
    # This process shares pages with others, and gives some back meanwhile.
    assert 1000 * (after.kb - before.kb) == pytest.approx(len(held), rel=0.1)
    assert os.getpid() in after.pids
    assert after.threads >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="smaps_rollup is Linux's")
def test_without_the_rollup_it_is_resident_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perf_core.sampling.kept_memory._rollup", lambda _pid: None)
    meter = KeptMemoryMeter(os.getpid())
    reading = meter.read()
    assert meter.source == "rss"
    assert reading is not None
    assert reading.kb == pytest.approx(psutil.Process().memory_info().rss / 1000, rel=0.1)


@pytest.mark.process
def test_a_process_that_is_gone_has_no_memory() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    meter = KeptMemoryMeter(child.pid)
    apart = KeptMemoryMeter(child.pid, root_apart=True)
    assert meter.read() is not None
    assert apart.read() is None  # it has no children
    child.terminate()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert meter.read() is None
    assert meter.source != "rss"
    child.communicate()
    assert meter.read() is None
