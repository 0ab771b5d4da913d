"""Tests that every benchmark file runs, yields figures, and refuses to measure a wrong answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import bench_argument_validation
import bench_arithmetic
import bench_asgi
import bench_dispatch
import bench_result_encoding
import bench_sampling
import bench_series
import micro
import pyperf
import pytest

from calculator_server import arithmetic, server
from perf_core.sampling.sampler import Reading, TreeMeter

BENCHMARKS = {
    "argument_validation": 4,
    "arithmetic": 5,
    "asgi": 2,
    "dispatch": 2,
    "result_encoding": 3,
    "sampling": 4,
    "series": 2,
}


def test_every_benchmark_file_is_tested() -> None:
    assert micro.bench_names() == sorted(BENCHMARKS)


@pytest.mark.process
def test_benchmark_file_runs_as_a_script(benches: Path, tmp_path: Path) -> None:
    _run_bench("arithmetic", [], benches, tmp_path)


@pytest.mark.process
@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_benchmark_file_yields_figures(name: str, benches: Path, tmp_path: Path) -> None:
    # As a worker, pyperf measures in this one process; otherwise each benchmark would import FastMCP again.
    _run_bench(name, ["--worker"], benches, tmp_path)


def _run_bench(name: str, options: list[str], benches: Path, folder: Path) -> None:
    output = folder / "out.json"
    argv = [sys.executable, benches / f"bench_{name}.py", "--debug-single-value", *options, "-o", output]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    suite = list(pyperf.BenchmarkSuite.load(str(output)))
    assert len(suite) == BENCHMARKS[name]
    for benchmark in suite:
        assert benchmark.get_unit() == "second"
        assert benchmark.get_nvalue() == 1
        assert benchmark.mean() > 0


def test_wrong_sum_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bench_arithmetic.RESULTS, "add", (lambda a, b: a - b, 1234.75))
    with pytest.raises(SystemExit, match=r"expected 1234\.75, got 1234\.25"):
        bench_arithmetic.time_add(1)


def test_missing_refusal_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "divide", lambda _a, _b: 0.0)
    with pytest.raises(SystemExit, match="refusals to divide by zero: expected 3, got 0"):
        bench_arithmetic._refusals_wall_s(3)


@pytest.fixture
def wrong_addition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "add", lambda a, b: a - b)


@pytest.mark.usefixtures("wrong_addition")
@pytest.mark.parametrize("wire", bench_asgi.WIRES)
def test_wrong_answer_of_the_app_is_not_measured(wire: str) -> None:
    with pytest.raises(SystemExit, match="the tool's answer"):
        bench_asgi.time_wire(1, wire)


@pytest.mark.usefixtures("wrong_addition")
def test_wrong_answer_in_memory_is_not_measured() -> None:
    with pytest.raises(SystemExit, match="the tool's answer"):
        bench_dispatch.time_client(1)
    with pytest.raises(SystemExit, match="the tool's answer"):
        bench_dispatch._method_wall_s(1)


@pytest.mark.usefixtures("wrong_addition")
def test_wrong_answer_to_good_arguments_is_not_measured() -> None:
    with pytest.raises(SystemExit, match="the sum of good arguments"):
        bench_argument_validation._good_wall_s(1)


def test_arguments_that_pass_are_not_measured_as_wrong_ones() -> None:
    with pytest.raises(SystemExit, match="to be refused"):
        bench_argument_validation._wrong_wall_s(1, bench_argument_validation.GOOD, "float_type")


@pytest.mark.parametrize("wire", sorted(bench_result_encoding.ENCODERS))
def test_wrong_bytes_are_not_measured(wire: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "Calculation", lambda _result: {"result": 0.0})
    with pytest.raises(SystemExit, match="the encoded result"):
        bench_result_encoding._encode_wall_s(1, wire)


def test_incomplete_reading_of_a_recording_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = bench_series.recording()
    assert recording == bench_series.recording(), "a seeded recording is always the same"
    monkeypatch.setattr(bench_series, "recording", lambda: recording[:-1])
    with pytest.raises(SystemExit, match="the calls of each period"):
        bench_series._read_wall_s(1)


@pytest.mark.process
def test_reading_without_processes_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_meter: Any) -> Reading:
        return Reading(0.0, 0.0, 0, 0, 0)

    monkeypatch.setattr(TreeMeter, "read", nothing)
    with pytest.raises(SystemExit, match="the processes of the tree: expected 1, got 0"):
        bench_sampling.tree.__wrapped__(0)


def test_core_share_is_cpu_time_per_period() -> None:
    assert bench_sampling.core_share(0.004) == pytest.approx(micro.SAMPLING_BUDGET)
    assert bench_sampling.core_share(0.001, period_s=1.0) == pytest.approx(0.001)
