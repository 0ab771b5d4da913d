"""Readings of a real process tree that obeys commands from a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from perf_core.sampling import sampler
from perf_core.sampling.sampler import ProcessMeter, Reading, Sampler, TreeMeter

pytestmark = pytest.mark.process

OBEDIENT = """
import subprocess, sys, threading, time

kept, child = [], None
for line in sys.stdin:
    word, _, argument = line.strip().partition(" ")
    if word == "burn":
        until = time.process_time() + float(argument)
        while time.process_time() < until:
            pass
    elif word == "open":
        kept += [open(sys.argv[0]) for _ in range(int(argument))]
    elif word == "fill":
        kept.append(b"x" * (int(argument) * 1_000_000))
    elif word == "thread":
        kept.append(threading.Thread(target=threading.Event().wait, daemon=True))
        kept[-1].start()
    elif word == "child":
        child = subprocess.Popen(
            [sys.executable, sys.argv[0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    elif word == "pass":
        print(argument, file=child.stdin, flush=True)
        child.stdout.readline()
    elif word == "end":
        child.stdin.close()
        child.wait()
        child.stdout.close()
    print("done", flush=True)
if child is not None and child.poll() is None:
    child.stdin.close()
    child.wait()
"""


BURN_FOR_A_WHILE = """
import time

until = time.monotonic() + 20
while time.monotonic() < until:
    pass
"""


class Tree:
    """A process that executes commands, one at a time."""

    def __init__(self, script: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.process.pid
        self.order("wake")

    def order(self, command: str) -> None:
        """Send a command and return when it is done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(command, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "done\n"

    def end(self) -> None:
        """End it and its child."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if not self.process.stdin.closed:
            self.process.stdin.close()
            self.process.wait(10)
            self.process.stdout.close()


@pytest.fixture
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """Start a process tree of one process."""
    script = tmp_path_factory.mktemp("tree") / "obedient.py"
    script.write_text(OBEDIENT, encoding="utf-8")
    grown = Tree(str(script))
    yield grown
    grown.end()


@pytest.fixture
def always_refreshed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refresh the list of children at each reading."""
    monkeypatch.setattr(sampler, "_TREE_REFRESH_S", 0.0)


def test_reading_of_one_process_agrees_with_psutil(tree: Tree) -> None:
    reading = TreeMeter(tree.pid).read()
    process = psutil.Process(tree.pid)
    assert reading.rss_mb == pytest.approx(process.memory_info().rss / 1e6)
    assert 3 < reading.rss_mb < 200
    assert (reading.threads, reading.processes) == (1, 1)
    assert reading.fds == process.num_fds() >= 3
    assert 0 < reading.cpu_s < 10


def test_readings_follow_the_process(tree: Tree) -> None:
    meter = TreeMeter(tree.pid)
    before = meter.read()
    tree.order("burn 0.1")
    tree.order("open 7")
    tree.order("fill 30")
    tree.order("thread")
    after = meter.read()
    assert after.cpu_s - before.cpu_s >= 0.09
    assert after.fds - before.fds == 7
    assert after.rss_mb - before.rss_mb == pytest.approx(30, abs=3)
    assert after.threads - before.threads == 1


@pytest.mark.usefixtures("always_refreshed")
def test_readings_are_summed_over_the_tree(tree: Tree) -> None:
    meter = TreeMeter(tree.pid)
    alone = meter.read()
    tree.order("child")
    tree.order("pass fill 30")
    tree.order("pass burn 0.1")
    both = meter.read()
    assert (alone.processes, both.processes) == (1, 2)
    assert both.threads == alone.threads + 1
    assert both.fds >= alone.fds + 3
    assert both.rss_mb > alone.rss_mb + 30
    assert both.cpu_s >= alone.cpu_s + 0.09
    tree.order("pass child")
    assert meter.read().processes == 3


@pytest.mark.usefixtures("always_refreshed")
def test_cpu_time_of_ended_processes_counts(tree: Tree) -> None:
    meter = TreeMeter(tree.pid)
    tree.order("child")
    tree.order("pass burn 0.2")
    with_child = meter.read()
    tree.order("end")
    without = meter.read()
    assert (with_child.processes, without.processes) == (2, 1)
    assert without.cpu_s >= with_child.cpu_s >= 0.2
    assert without.rss_mb < with_child.rss_mb


@pytest.mark.usefixtures("always_refreshed")
def test_root_that_is_a_bridge_is_read_apart_from_its_children(tree: Tree) -> None:
    meter, bridge = TreeMeter(tree.pid, root_apart=True), ProcessMeter(tree.pid)
    tree.order("burn 0.2")
    alone = meter.read()
    assert (alone.rss_mb, alone.fds, alone.threads, alone.processes) == (0, 0, 0, 0)
    assert alone.cpu_s == pytest.approx(0, abs=0.02), "what the bridge uses is not the server's"
    tree.order("child")
    tree.order("pass burn 0.2")
    tree.order("burn 0.1")
    with_child, of_bridge = meter.read(), bridge.read()
    assert of_bridge is not None
    assert with_child.processes == 1
    assert 0.2 <= with_child.cpu_s < 0.29
    assert of_bridge.cpu_s >= 0.3
    assert of_bridge.processes == 1
    assert with_child.rss_mb == pytest.approx(psutil.Process(tree.pid).children()[0].memory_info().rss / 1e6)
    tree.order("end")
    assert meter.read().cpu_s >= with_child.cpu_s, "an ended child still counts"
    tree.end()
    assert bridge.read() is None
    assert meter.read().cpu_s < 0.29, "nor does the bridge count when it has ended"


def test_sampler_takes_bridge_and_server_apart(tree: Tree) -> None:
    tree.order("child")
    with (
        Sampler(tree.pid, 0.01, bridge_pid=tree.pid) as below,
        Sampler(None, 0.01, bridge_pid=tree.pid) as far,
    ):
        tree.order("burn 0.05")
    for samples in (below.samples, far.samples):
        assert samples[-1].bridge is not None
        assert samples[-1].bridge.processes == 1
    assert below.samples[-1].server is not None
    assert below.samples[-1].server.processes == 1
    assert far.samples[-1].server is None
    with Sampler(tree.pid, 0.01) as plain:
        pass
    assert plain.samples[-1].bridge is None
    assert plain.samples[-1].server is not None
    assert plain.samples[-1].server.processes == 2


def test_list_of_children_is_refreshed_once_a_second(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(sampler.time, "monotonic", lambda: now)
    meter = TreeMeter(tree.pid)
    meter.read()
    tree.order("child")
    now += 0.9
    assert meter.read().processes == 1
    now += 0.2
    assert meter.read().processes == 2


def test_ended_tree_keeps_only_its_cpu_time(tree: Tree) -> None:
    meter = TreeMeter(tree.pid)
    tree.order("burn 0.1")
    alive = meter.read()
    tree.end()
    dead = meter.read()
    assert dead == replace(alive, rss_mb=0.0, fds=0, threads=0, processes=0)
    assert meter.read() == dead


def test_zombie_counts_as_ended(tree: Tree) -> None:
    meter = TreeMeter(tree.pid)
    meter.read()
    tree.process.kill()
    os.waitid(os.P_PID, tree.pid, os.WEXITED | os.WNOWAIT)  # ended, but still in the process table
    assert psutil.Process(tree.pid).status() == psutil.STATUS_ZOMBIE
    assert meter.read().processes == 0


def test_process_that_ended_before_the_first_reading_uses_nothing(tree: Tree) -> None:
    tree.end()
    assert replace(TreeMeter(tree.pid).read(), wait_s=None) == Reading(0.0, 0.0, 0, 0, 0)


def test_unreadable_process_does_not_count(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_process: psutil.Process) -> int:
        raise psutil.AccessDenied(tree.pid)

    monkeypatch.setattr(sampler, "_open_files", denied)
    # Not even the values that could be read.
    assert replace(TreeMeter(tree.pid).read(), wait_s=None) == Reading(0.0, 0.0, 0, 0, 0)


# --- children that end ---

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts waited-for children and waits")


@LINUX
def test_children_that_nobody_saw_count_once_their_parent_has_waited(tree: Tree) -> None:
    meter = TreeMeter(tree.pid)
    before = meter.read()
    for _ in range(3):
        tree.order("child")
        tree.order("pass burn 0.1")
        tree.order("end")
    after = meter.read()  # the list of children was not refreshed in between
    assert after.processes == 1
    burnt_s = after.cpu_s - before.cpu_s
    assert 0.29 <= burnt_s < 0.9
    assert meter.read_cpu_s() == pytest.approx(after.cpu_s, abs=0.02)


@LINUX
@pytest.mark.usefixtures("always_refreshed")
def test_child_that_was_seen_counts_once(tree: Tree) -> None:
    meter = TreeMeter(tree.pid)
    tree.order("child")
    tree.order("pass burn 0.3")
    seen = meter.read()
    tree.order("end")
    ended = meter.read()
    assert ended.processes == 1
    # The end of an interpreter takes some milliseconds; 0.3 s more would be the child again.
    assert seen.cpu_s <= ended.cpu_s < seen.cpu_s + 0.2


@LINUX
@pytest.mark.usefixtures("always_refreshed")
def test_grandchild_that_ends_with_its_parent_counts_once(tree: Tree) -> None:
    meter = TreeMeter(tree.pid)
    tree.order("child")
    tree.order("pass child")
    tree.order("pass pass burn 0.3")
    three = meter.read()
    tree.order("end")  # it ends its own child first and waits for it
    one = meter.read()
    assert (three.processes, one.processes) == (3, 1)
    assert three.cpu_s <= one.cpu_s < three.cpu_s + 0.25


@LINUX
def test_ended_child_for_which_nobody_waits_keeps_what_was_seen(tree: Tree) -> None:
    meter = TreeMeter(tree.pid)
    burnt = meter.read().cpu_s
    (member,) = meter._members.values()
    child = sampler._Member(psutil.Process(), member, own_s=5.0)
    meter._members[child.process.pid] = child
    meter._remove([child.process.pid])
    assert meter.read().cpu_s == pytest.approx(burnt + 5.0, abs=0.1)


# --- waiting for a CPU ---


@LINUX
def test_threads_that_share_a_cpu_wait(tree: Tree) -> None:
    meter = TreeMeter(tree.pid)
    rival = psutil.Process()
    cpus = rival.cpu_affinity()
    psutil.Process(tree.pid).cpu_affinity(cpus[:1])
    before = meter.read()
    with subprocess.Popen([sys.executable, "-c", BURN_FOR_A_WHILE]) as hog:
        psutil.Process(hog.pid).cpu_affinity(cpus[:1])
        tree.order("burn 0.3")
        after = meter.read()
        hog.kill()
    assert before.wait_s is not None
    assert after.wait_s is not None
    # Two that want one CPU get about half of it each.
    assert after.wait_s - before.wait_s > 0.1


# --- the thread ---


@pytest.fixture
def readings_taken(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Return a semaphore that is released with each reading of a tree."""
    counter = threading.Semaphore(0)
    read = TreeMeter.read

    def counted(meter: TreeMeter) -> Reading:
        reading = read(meter)
        counter.release()
        return reading

    monkeypatch.setattr(TreeMeter, "read", counted)
    return counter


def wait_for(readings_taken: threading.Semaphore, readings: int) -> None:
    for _ in range(readings):
        assert readings_taken.acquire(timeout=30)


def test_samples_are_taken_in_order_until_the_end(tree: Tree, readings_taken: threading.Semaphore) -> None:
    began = time.time()
    with Sampler(tree.pid, 0.01) as running:
        wait_for(readings_taken, 6)
        assert any(thread.name == "sampler" for thread in threading.enumerate())
    ended = time.time()
    assert not any(thread.name == "sampler" for thread in threading.enumerate())
    samples = running.samples
    times = [sample.at_s for sample in samples]
    assert len(samples) >= 6
    assert times == sorted(set(times))
    assert began <= times[0] <= times[-1] <= ended
    assert all(sample.server and sample.server.processes == 1 for sample in samples)
    assert all(sample.generator is None for sample in samples)


def test_generator_is_sampled_once_its_pid_is_set(tree: Tree, readings_taken: threading.Semaphore) -> None:
    with Sampler(None, 0.01) as running:
        running.watch_generator(tree.pid)
        wait_for(readings_taken, 3)
    assert all(sample.server is None for sample in running.samples)
    sampled = [sample.generator is not None for sample in running.samples]
    assert sum(sampled) >= 3
    assert sampled == sorted(sampled)


def test_sampling_continues_after_the_server_ends(tree: Tree, readings_taken: threading.Semaphore) -> None:
    with Sampler(tree.pid, 0.01) as running:
        wait_for(readings_taken, 2)
        tree.end()
        wait_for(readings_taken, 4)
    last = running.samples[-1].server
    assert last is not None
    assert last.processes == 0


def test_long_interval_does_not_delay_the_end_which_is_sampled(
    tree: Tree, readings_taken: threading.Semaphore
) -> None:
    with Sampler(tree.pid, 3600.0) as running:
        wait_for(readings_taken, 1)
        left_at_s = time.time()
    assert len(running.samples) == 2
    assert running.samples[-1].at_s >= left_at_s
