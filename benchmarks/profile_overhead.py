"""Measure what ``perf-core run --profile`` costs the measured server.

Short loads of the calculator alternate, with the profiler and without it, in pairs with a random order. Each
pair gives a ratio of calls per second, of the server's CPU per call and of the median and p99 latency; the
table shows their medians with 95 % intervals.

    python benchmarks/profile_overhead.py --pairs 12 --duration 8

``--stops`` measures the stops alone: a process that only reads the clock, with real-time priority (root,
Linux), so that nothing else on the machine keeps it from its CPU, tells how much of its time it loses with
py-spy and without.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from perf_core.analysis.quantiles import quantile
from perf_core.errors import GeneratorError, LabError
from perf_core.interruption import Interruption, watch_signals
from perf_core.load.plan import Settings
from perf_core.results.record import RunRecord
from perf_core.runs.measure import Options, measure
from perf_core.runs.profiling import RATE_PER_S, Profiler, find_py_spy
from perf_core.runs.questions import Question, prepare
from perf_core.targets.registry import find_subjects

FIGURES = ("calls per second", "server CPU per call", "median latency", "p99 latency")


_CLOCK_READER = """
import os, sys, time

os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
print("ready", flush=True)
for _ in sys.stdin:
    end = time.perf_counter() + 0.7  # the kernel lets other processes run for 5 % of each second
    last, lost = time.perf_counter(), 0.0
    while last < end:
        now = time.perf_counter()
        if now - last > 2e-5:
            lost += now - last
        last = now
    print(lost / 0.7, flush=True)
"""


def stops(pairs: int) -> None:
    """Print the share of its time that a process loses, with py-spy and without."""
    with subprocess.Popen(
        [sys.executable, "-c", _CLOCK_READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdout.readline()

        def lost_share() -> float:
            reader.stdin.write("\n")  # type: ignore[union-attr] # a pipe
            reader.stdin.flush()  # type: ignore[union-attr] # a pipe
            return float(reader.stdout.readline())  # type: ignore[union-attr] # a pipe

        differences = []
        for _ in range(pairs):
            without = lost_share()
            with TemporaryDirectory() as name, Profiler(find_py_spy(), reader.pid, Path(name)):
                differences.append(lost_share() - without)
        reader.send_signal(signal.SIGKILL)
    middle = quantile(differences, 0.5)
    ends = "" if middle.low is None else f", 95 % interval {middle.low:.2%} to {middle.high:.2%}"
    print(f"time lost to the stops of py-spy, {RATE_PER_S} a second: {middle.value:.2%}{ends}")


def figures_of(record: RunRecord) -> tuple[float, ...]:
    """Return the figures of a run in the order of :data:`FIGURES`.

    Raises:
        GeneratorError: It has none, or had errors.
    """
    if record.metrics is None or record.server is None or record.metrics.errors:
        raise GeneratorError(f"expected a run without errors, got {record.run_id}", "See its report.")
    latency = record.metrics.latency_ms["all"]
    return (
        record.metrics.tool_calls_per_s,
        record.server.cpu_us_per_call,
        latency.med,
        latency.p99,
    )


def run(question: Question, folder: Path, py_spy: Path | None, interruption: Interruption) -> RunRecord:
    """Measure once, with a profiler or without."""
    finished = measure(
        question,
        Options(folder, py_spy=py_spy),
        interruption=interruption,
        on_progress=lambda _what, _share: None,
    )
    if finished.error is not None:
        raise finished.error
    interruption.check()
    return finished.record


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 if nothing could be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="profile_overhead.py"
    )
    parser.add_argument("--target", default="calculator")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--duration", type=float, default=8.0, help="length of each load, in seconds")
    parser.add_argument("--vus", type=int, default=4)
    parser.add_argument("--stops", action="store_true", help="measure the stops alone, without a server")
    options = parser.parse_args(arguments)
    if options.stops:
        stops(options.pairs)
        return 0
    order = random.Random(7)
    ratios: list[list[float]] = [[] for _ in FIGURES]
    shares, failed = [], []
    try:
        py_spy = find_py_spy()
        subject = find_subjects([options.target], ["quick"], None)[0]
        settings = Settings(vus=options.vus, duration_s=options.duration)
        question = prepare(subject, subject.scenario("quick"), "session", settings)
        with TemporaryDirectory(prefix="perf-core-") as name, watch_signals() as interruption:
            for number in range(options.pairs):
                kinds = order.sample([True, False], 2)
                records = {
                    profiled: run(question, Path(name), py_spy if profiled else None, interruption)
                    for profiled in kinds
                }
                pair = zip(figures_of(records[True]), figures_of(records[False]), strict=True)
                for values, (with_it, without) in zip(ratios, pair, strict=True):
                    values.append(with_it / without)
                profile = records[True].profile
                if profile is None or profile.problem:
                    raise GeneratorError(f"no profile: {profile.problem if profile else 'none'}", "")
                shares.append((profile.profiler_cpu_s or 0.0) / profile.duration_s)
                failed.append(profile.errors / (profile.samples + profile.errors))
                print(f"pair {number + 1} of {options.pairs}: {[f'{each[-1]:.3f}' for each in ratios]}")
    except LabError as error:
        print(f"profile_overhead.py: {error}", file=sys.stderr)
        return 1
    print(f"\nwith the profiler, as a ratio to without ({options.pairs} pairs of {options.duration:g} s)")
    for figure, values in zip(FIGURES, ratios, strict=True):
        middle = quantile(values, 0.5)
        ends = "" if middle.low is None else f", 95 % interval {middle.low:.3f} to {middle.high:.3f}"
        print(f"  {figure:<20} {middle.value:.3f}{ends}")
    print(f"  py-spy's own CPU     {quantile(shares, 0.5).value:.1%} of a core")
    print(f"  failed samples       {quantile(failed, 0.5).value:.1%}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
