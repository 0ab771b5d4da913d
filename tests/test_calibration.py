"""Tests of the calibration of comparisons: which trials count, what is published, and what draws find."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from perf_core.comparison.model import Launch, SliceFigures

ROOT = Path(__file__).parent.parent
DATA = sorted((ROOT / "benchmarks" / "data").glob("calibration-*.jsonl"))


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """Yield the scripts, imported by their bare names from their folder, as they import each other."""
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    names = ("simulated_comparisons", "calibration")
    yield {name: importlib.import_module(name) for name in names}
    sys.path.remove(folder)
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def calibration(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["calibration"]


@pytest.fixture
def draws(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["simulated_comparisons"]


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)
def test_published_rates_are_those_of_the_trials(calibration: ModuleType, path: Path) -> None:
    published = (ROOT / "docs" / "methodology.md").read_text(encoding="utf-8")
    assert calibration.markdown(calibration.read(path)) in published


def test_interrupted_comparison_is_no_trial(calibration: ModuleType) -> None:
    equal = [trial for trial in calibration.read(DATA[0]) if trial.kind == "equal"][:3]
    trials = [replace(trial, number=number) for number, trial in enumerate(equal, 1)]
    trials[1] = replace(trials[1], verdict="interrupted")
    assert "verdict same: 2 of 2" in calibration.markdown(trials)
    assert "Left out: 1 comparison that was interrupted." in calibration.markdown(trials)
    counts = {"equal": 3, "slower": 0, "slow": 0, "wrong": 0, "tail": 0}
    assert calibration.missing(trials, counts) == [("equal", 2)], "it is made again"


def test_report_tells_apart_what_is_not_the_same(calibration: ModuleType) -> None:
    equal = [trial for trial in calibration.read(DATA[0]) if trial.kind == "equal"][:3]

    def report(*verdicts: str) -> str:
        trials = [replace(trial, verdict=verdict) for trial, verdict in zip(equal, verdicts, strict=True)]
        return str(calibration.markdown(trials))

    assert "verdict same: 1 of 3 (33.3%; 0.8% to 90.6%); the rest are inconclusive." in report(
        "same", "inconclusive", "inconclusive"
    )
    assert "; the rest: 1 worse, 1 invalid." in report("same", "worse", "invalid")


def test_trials_are_in_random_order_and_complete(calibration: ModuleType) -> None:
    counts = {"equal": 3, "slower": 2, "slow": 1, "wrong": 1, "tail": 1}
    todo = calibration.missing([], counts)
    assert {kind: sum(each == kind for each, _ in todo) for kind in counts} == counts
    assert [kind for kind, _ in todo] != sorted((kind for kind, _ in todo), key=list(counts).index)


def test_continued_calibration_keeps_the_sizes_of_its_differences(calibration: ModuleType) -> None:
    trials = [trial for trial in calibration.read(DATA[-1]) if trial.kind in ("equal", "slower")]
    handicaps = calibration.handicaps_of(trials)
    (burn_us,) = {trial.burn_us for trial in trials if trial.kind == "slower"}
    assert handicaps["slower"].burn_us == burn_us > 0
    assert handicaps["wrong"].wrong_share == 0.005
    assert set(handicaps) == {"equal", "slower", "wrong"}, "the others are to be found"


def measured(draws: ModuleType, noise: float = 0.03) -> list[list[object]]:
    """Return measured comparisons of equal servers, drawn from normal distributions."""
    draw = np.random.default_rng(1)
    spread = {
        "cpu_us_per_call": noise / 2,
        "latency_ms.med": noise,
        "latency_ms.p95": noise,
        "tool_calls_per_s": noise,
        "rss_mb": noise / 10,
        "latency_ms.slowest_2_percent": 2 * noise,
        "latency_ms.p99": 4 * noise,
        "latency_ms.max": 15 * noise,
    }
    return [
        [
            draws.MeasuredLaunch({name: math.exp(draw.normal(0, sd)) for name, sd in spread.items()}, 1300)
            for _ in range(6)
        ]
        for _ in range(20)
    ]


@pytest.mark.parametrize(
    "words",
    ["equal", "equal, 2 % of the calls of both fail", "equal, 20 calls fail at once, every third launch"],
)
def test_drawn_equals_are_rarely_different(draws: ModuleType, words: str) -> None:
    effect = next(each for each in draws.EFFECTS if each.words == words)
    outcomes = draws.simulate(measured(draws), effect, 200, seed=1)
    assert sum(outcomes.verdicts.values()) == 200
    assert outcomes.false_alarms <= 0.05 * 200


@pytest.mark.parametrize(
    ("words", "metric"),
    [
        ("CPU per call +10 %", "cpu_us_per_call"),
        ("latency +30 %, throughput in proportion", "latency_ms.med"),
        ("0.5 % of b's calls fail", "error_rate"),
        ("slowest calls 2.7 times", "latency_ms.slowest_2_percent"),
        ("longest call 30 times", "latency_ms.max"),
    ],
)
def test_drawn_differences_are_found(draws: ModuleType, words: str, metric: str) -> None:
    effect = next(each for each in draws.EFFECTS if each.words == words)
    outcomes = draws.simulate(measured(draws), effect, 100, seed=1)
    assert outcomes.detected[metric] >= 90
    assert outcomes.verdicts["worse"] >= 90


def test_more_noise_finds_less(draws: ModuleType) -> None:
    effect = next(each for each in draws.EFFECTS if each.words == "CPU per call +10 %")
    quiet, busy = (draws.simulate(measured(draws, noise), effect, 100, seed=1) for noise in (0.02, 0.2))
    assert quiet.detected["cpu_us_per_call"] > 90
    assert busy.detected["cpu_us_per_call"] < 30


def test_real_launch_becomes_drawable(draws: ModuleType) -> None:
    def a_slice(pair: int, side: str, cost: float, fault: str = "") -> SliceFigures:
        return SliceFigures(f"pair_{pair}_{side}", side, pair, 500, 0, 0.5, {"cpu_us_per_call": cost}, fault)  # type: ignore[arg-type]

    slices = (
        a_slice(1, "a", 100), a_slice(1, "b", 110), a_slice(2, "a", 100), a_slice(2, "b", 121),
        a_slice(3, "a", 100), a_slice(3, "b", 900, "late"),
    )  # fmt: skip
    once = {"a": {"latency_ms.p99": 10.0, "ready_s": 1.0}, "b": {"latency_ms.p99": 15.0}}
    launch = draws.measured_launch(Launch(slices, once))  # type: ignore[arg-type]
    assert launch.ratios == {"cpu_us_per_call": pytest.approx(math.sqrt(1.1 * 1.21)), "latency_ms.p99": 1.5}
    assert launch.calls == 1500
