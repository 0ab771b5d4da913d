"""CPU times of processes, compared with what the processes themselves report."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

from perf_core.sampling.cpu_clock import cpu_s, waited_children_cpu_s

THREADED = """
import sys, threading, time
def burn():
    until = time.thread_time() + 0.15
    while time.thread_time() < until:
        pass
thread = threading.Thread(target=burn)
thread.start()
thread.join()
burn()
print(time.process_time(), flush=True)
sys.stdin.readline()
"""


def test_clock_of_this_process_agrees() -> None:
    before = time.process_time()
    measured_s = cpu_s(psutil.Process())
    assert before <= measured_s <= time.process_time() + 0.02


@pytest.mark.process
def test_ended_threads_count() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", THREADED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        reported_s = float(process.stdout.readline())
        assert cpu_s(psutil.Process(process.pid)) == pytest.approx(reported_s, abs=0.02)
        assert reported_s > 0.29
        process.stdin.write("\n")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count in ticks")
def test_resolution_is_below_a_millisecond() -> None:
    me = psutil.Process()
    steps = {round((cpu_s(me) - cpu_s(me)) * -1e9) for _ in range(1000)}
    assert 0 < min(steps) < 1_000_000, "ticks of 10 ms would show as zero most of the time"


@pytest.mark.process
def test_ended_process_is_an_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        handle = psutil.Process(process.pid)
        process.wait()
    with pytest.raises(psutil.NoSuchProcess):
        cpu_s(handle)


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts waited-for children")
def test_children_count_once_they_are_waited_for() -> None:
    me = psutil.Process()
    before_s = waited_children_cpu_s(me)
    script = (
        "import sys, time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\nsys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        child.stdout.readline()
        assert waited_children_cpu_s(me) == before_s
        child.stdin.write("\n")
    assert 0.18 <= waited_children_cpu_s(me) - before_s < 1
