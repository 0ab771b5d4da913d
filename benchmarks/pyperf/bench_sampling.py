"""Benchmarks of sampling a server: one reading of its process tree, and the lab's sampler at its own rate.

The process tree resembles a server: its processes have a dozen open sockets and wait. CPU and wall time of a
reading are nearly equal, because the kernel answers without delay; the last benchmark counts CPU time.

It gives the share of a core: the sampler reads every 0.2 s in runs below two minutes and every second in
longer ones, so the CPU time of a sample divided by 0.2 s is the share at the default rate (``core_share``).
"""

from __future__ import annotations

import atexit
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import cache

from harness import expect, make_runner, subject

SHORTEST_PERIOD_S = subject("perf_core.load.k6_process", "perf_core.generator").SHORTEST_PERIOD_S
sampler_module = subject("perf_core.sampling.sampler", "perf_core.sampler")
Sampler, TreeMeter = sampler_module.Sampler, sampler_module.TreeMeter

PACED = "sampling: CPU of a sample at the lab's own pace"
SOCKETS = 12
WORKERS = 4

# Ends when its standard input is closed, so that it cannot outlive the benchmark.
_SERVER_LIKE = """
import socket, subprocess, sys
sockets, workers = int(sys.argv[1]), int(sys.argv[2])
open_sockets = [socket.socket() for _ in range(sockets)]
children = [
    subprocess.Popen([sys.executable, "-c", sys.argv[3], str(sockets), "0", ""], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE)
    for _ in range(workers)
]
for child in children:
    child.stdout.readline()
print("ready", flush=True)
sys.stdin.read()
for child in children:
    child.stdin.close()
    child.wait()
"""

_PACED_STRETCH_S = 4.5 * SHORTEST_PERIOD_S
"""Time for five samples, the first of which walks the process table, as one in five does at this rate."""


def core_share(sample_cpu_s: float, period_s: float = SHORTEST_PERIOD_S) -> float:
    """Return the share of one core, 0 to 1, that one sample of this CPU time per ``period_s`` takes."""
    return sample_cpu_s / period_s


@cache
def tree(workers: int) -> int:
    """Start a process tree that ends with this process; return the id of its root."""
    stack = ExitStack()
    atexit.register(stack.close)
    argv = [sys.executable, "-c", _SERVER_LIKE, str(SOCKETS), str(workers), _SERVER_LIKE]
    # Leaving the block of Popen closes the standard input and then waits.
    root = stack.enter_context(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    expect("the tree's output", b"ready", root.stdout.readline().strip() if root.stdout else b"")
    reading = TreeMeter(root.pid).read()
    expect("the processes of the tree", 1 + workers, reading.processes)
    expect("readings of memory and file descriptors", True, reading.rss_mb > 1 and reading.fds > SOCKETS)
    return root.pid


def _reading_wall_s(loops: int, workers: int) -> float:
    meter = TreeMeter(tree(workers))
    meter.read()
    began = time.perf_counter()
    for _ in range(loops):
        meter.read()
    return time.perf_counter() - began


def _walk_wall_s(loops: int) -> float:
    pid = tree(0)
    began = time.perf_counter()
    for _ in range(loops):
        TreeMeter(pid).read()  # a new meter walks the process table to find the children
    return time.perf_counter() - began


def _paced_cpu_s(loops: int) -> float:
    """Return the CPU time of ``loops`` samples, measured over a fixed time at the real rate."""
    sampler = Sampler(tree(0), SHORTEST_PERIOD_S)
    began = time.process_time()
    with sampler:
        time.sleep(_PACED_STRETCH_S)
    cpu_s = time.process_time() - began
    samples = sampler.samples
    expect("samples that include the server", True, bool(samples) and all(s.server for s in samples))
    return cpu_s / len(samples) * loops


def main() -> None:
    """Run the benchmarks with pyperf's command line."""
    runner = make_runner()
    runner.bench_time_func("sampling: one process", _reading_wall_s, 0)
    runner.bench_time_func(f"sampling: {1 + WORKERS} processes", _reading_wall_s, WORKERS)
    runner.bench_time_func("sampling: one process, found anew", _walk_wall_s)
    runner.bench_time_func(PACED, _paced_cpu_s)


if __name__ == "__main__":
    main()
