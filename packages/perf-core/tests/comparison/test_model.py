"""What is concluded from launches, and that the file holds it whole."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perf_core.comparison import model
from perf_core.comparison.model import (
    Bars,
    Comparison,
    Contender,
    Design,
    Launch,
    SliceFigures,
    conclude,
    paired,
)
from perf_core.errors import ExitCode, ResultsError

DESIGN = Design(
    scenario="quick",
    wires={"a": "session", "b": "session"},
    vus=4,
    seed=1,
    launches=4,
    pairs_per_launch=6,
    slice_s=1.0,
    turn_s=0.02,
    pinned=True,
    looks=(4,),
    bars=Bars(),
)


def a_slice(pair: int, side: str, cost: float, fault: str = "", **changes: float) -> SliceFigures:
    """One whose figures all follow from the cost of a call."""
    figures = {
        "cpu_us_per_call": 1000 * cost,
        "latency_ms.med": 4 * cost,
        "latency_ms.p95": 6 * cost,
        "latency_ms.p99": 9 * cost,
        "tool_calls_per_s": 1000 / cost,
        **changes,
    }
    return SliceFigures(f"pair_{pair}_{side}", side, pair, 1000, 0, 1.0, figures, fault)  # type: ignore[arg-type]


def launches(ratio: float, count: int = 4, noise: float = 0.01, rss: float = 1.0) -> list[Launch]:
    draw = np.random.default_rng(3)
    made = []
    for _ in range(count):
        moods = np.exp(draw.normal(0, 0.1, 6))
        slices = [
            each
            for pair, mood in enumerate(moods, 1)
            for each in (
                a_slice(pair, "a", mood),
                a_slice(pair, "b", mood * ratio * math.exp(draw.normal(0, noise))),
            )
        ]
        once = {"a": {"rss_mb": 100.0, "ready_s": 2.0}, "b": {"rss_mb": 100.0 * rss, "ready_s": 1.0}}
        made.append(Launch(tuple(slices), once))  # type: ignore[arg-type]
    return made


def test_the_same_is_the_same() -> None:
    found = conclude(launches(1.0), DESIGN)
    assert found.verdict == "same"
    assert {m.verdict for m in found.metrics if m.judged} == {"same"}
    assert found.reasons == ("every judged metric lies within its bars",)


def test_what_matters_is_worse_and_says_by_how_much() -> None:
    found = conclude(launches(1.2), DESIGN)
    assert found.verdict == "worse"
    rows = {m.name: m for m in found.metrics}
    cpu = rows["cpu_us_per_call"]
    assert (cpu.verdict, cpu.bar, cpu.unit, cpu.better) == ("worse", 0.05, "µs", "lower")
    assert cpu.ratio == pytest.approx(1.2, rel=0.01)
    assert cpu.low < cpu.ratio < cpu.high
    assert rows["tool_calls_per_s"].verdict == "worse", "fewer calls per second are worse"
    assert rows["tool_calls_per_s"].better == "higher"
    assert rows["rss_mb"].verdict == "same"
    assert not rows["latency_ms.p99"].judged
    assert not rows["ready_s"].judged
    assert rows["ready_s"].ratio == pytest.approx(0.5)
    assert any(reason.startswith("CPU per call worse by 1") for reason in found.reasons)


def test_faster_is_better_and_says_the_nearer_end_first() -> None:
    found = conclude(launches(0.8), DESIGN)
    assert found.verdict == "better"
    (reason,) = [reason for reason in found.reasons if reason.startswith("CPU per call")]
    near, far = re.findall(r"([\d.]+) %", reason)
    assert 17 < float(near) < 20 < float(far) < 23


def test_more_memory_alone_is_worse() -> None:
    assert conclude(launches(1.0, rss=1.2), DESIGN).verdict == "worse"


def test_noise_is_inconclusive_and_says_what_is_open() -> None:
    found = conclude(launches(1.04, noise=0.3), DESIGN)
    assert found.verdict == "inconclusive"
    assert "CPU per call" in found.reasons[0]
    assert "--until-decided" in found.reasons[0]


def test_pairing_takes_out_what_both_share() -> None:
    # Moods of the machine of 10 % lie between pairs; the interval is that of the noise within them.
    cpu = conclude(launches(1.0, noise=0.001), DESIGN).metrics[0]
    assert cpu.high / cpu.low < 1.01


def test_looks_share_the_error() -> None:
    one = conclude(launches(1.0), DESIGN).metrics[0]
    three = conclude(launches(1.0), replace(DESIGN, looks=(4, 7, 10))).metrics[0]
    assert three.high > one.high
    assert 1 - three.level == pytest.approx((1 - one.level) / 3)


def test_bars_are_the_users() -> None:
    assert conclude(launches(1.2), replace(DESIGN, bars=Bars(cpu=0.5, other=0.5))).verdict == "same"


def spoil(made: Sequence[Launch], count: int) -> list[Launch]:
    """The same with the first slices of b in the first launch faulty."""
    first = made[0]
    slices = tuple(
        replace(s, fault="9 of 10 calls failed") if s.side == "b" and s.pair <= count else s
        for s in first.slices
    )
    return [replace(first, slices=slices), *made[1:]]


def test_faulty_slice_drops_its_pair_and_is_told() -> None:
    found = conclude(spoil(launches(1.0), 2), DESIGN)
    assert found.verdict == "same"
    assert "launch 1: pair_1_b: 9 of 10 calls failed" in found.reasons
    assert len(paired(spoil(launches(1.0), 2)[0], "cpu_us_per_call")) == 4


def test_too_many_faulty_slices_are_invalid() -> None:
    found = conclude(spoil(launches(1.0), 6), DESIGN)
    assert found.verdict == "invalid"
    assert "6 of 24 pairs were dropped" in found.reasons[0]
    assert found.reasons[-1] == "and 1 more faults"


def test_launch_that_failed_counts_as_dropped() -> None:
    failed = Launch((), {"a": {}, "b": {}}, ("the server never became ready",))
    found = conclude([failed, *launches(1.0, 3)], DESIGN)
    assert found.verdict == "invalid"
    assert "launch 1: the server never became ready" in found.reasons


def test_nothing_seen_is_invalid() -> None:
    empty = Launch((), {"a": {}, "b": {}})
    assert conclude([empty, empty], DESIGN).verdict == "invalid"


def test_metric_that_one_side_lacks_is_absent() -> None:
    # CPU of a server on another machine cannot be read.
    made = [
        replace(
            one,
            slices=tuple(
                replace(s, figures={k: v for k, v in s.figures.items() if k != "cpu_us_per_call"})
                if s.side == "b"
                else s
                for s in one.slices
            ),
        )
        for one in launches(1.0)
    ]
    found = conclude(made, DESIGN)
    assert "cpu_us_per_call" not in {m.name for m in found.metrics}
    assert found.verdict == "same"


def the_comparison(ratio: float = 1.2) -> Comparison:
    made = launches(ratio)
    found = conclude(made, DESIGN)
    return Comparison(
        run_id="20260101T000000Z-compare-x-y",
        started_at="2026-01-01T00:00:00+00:00",
        duration_s=70.0,
        verdict=found.verdict,
        reasons=found.reasons,
        a=Contender("x", "calculator", "1", "calculator-server 0.1.0", "0123456789abcdef"),
        b=Contender("y", "calculator", "2"),
        design=DESIGN,
        metrics=found.metrics,
        launches=tuple(made),
        manifest={"machine": {"cpu": "a CPU"}},
    )


def test_file_holds_it_whole(tmp_path: Path) -> None:
    written = the_comparison()
    path = model.write(written, tmp_path)
    assert model.read(path) == written
    assert model.read(tmp_path) == written
    document = json.loads(path.read_text())
    assert (document["schema"], document["kind"]) == (1, "comparison")
    assert [p.name for p in tmp_path.iterdir()] == ["comparison.json"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"schema": 99}', "schema 99"),
        ("{}", "is not a comparison"),
        ("[1]", "is not a comparison"),
        ("nonsense", "is not a comparison"),
        ('{"schema": 1, "run_id": 3}', "is not a comparison"),
    ],
)
def test_what_is_no_comparison_is_refused(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "comparison.json").write_text(content)
    with pytest.raises(ResultsError, match=says):
        model.read(tmp_path)


def test_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="cannot read"):
        model.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("same", 0), ("better", 0), ("worse", 3), ("inconclusive", 4), ("invalid", 5), ("interrupted", 5),
    ],
)  # fmt: skip
def test_exit_codes(verdict: str, code: int) -> None:
    assert replace(the_comparison(), verdict=verdict).exit_code == ExitCode(code)
