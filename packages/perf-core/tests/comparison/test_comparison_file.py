"""Writing comparison.json, reading it back, and refusing malformed files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from perf_core.comparison.comparison_file import COMPARISONS
from perf_core.comparison.model import (
    Bars,
    ComparedServer,
    Comparison,
    Design,
    Drift,
    Launch,
    MetricComparison,
    OwnFigure,
    Pairing,
    Rank,
    Ranking,
    SliceFigures,
)
from perf_core.errors import ResultsError
from perf_core.results.record import Failure

METRICS = (
    MetricComparison(
        "error_rate", "share", "lower", 0.001, True, 0.0, 0.005, None, 0.003, 0.007, 0.99, "worse", 0.005
    ),
    MetricComparison(
        "cpu_us_per_call", "µs", "lower", 0.05, True, 900.0, 970.0, 1.075, 1.06, 1.09, 0.99, "worse"
    ),
)

COMPARISON = Comparison(
    run_id="20260101T000000Z-compare-x-y",
    started_at="2026-01-01T00:00:00+00:00",
    duration_s=70.0,
    verdict="worse",
    reasons=("CPU per call worse by 6.0 % to 9.0 %",),
    servers={
        "a": ComparedServer("x", "calculator", "1", "calculator-server 0.1.0", "0123456789abcdef"),
        "b": ComparedServer("y", "calculator", "2"),
    },
    design=Design(
        scenario="quick",
        wires={"a": "session", "b": "stateless"},
        vus=4,
        seed=1,
        launches=2,
        pairs_per_launch=1,
        slice_s=1.0,
        turn_s=0.02,
        pinned=True,
        looks=(2,),
        bars=Bars(),
    ),
    pairings=(
        Pairing(
            "b",
            "worse",
            ("CPU per call worse by 6.0 % to 9.0 %",),
            METRICS,
            (Drift("latency_ms.med", "b", 3, 6, is_warm_up=True, ratio=2.0, low=1.8, high=2.2),),
        ),
    ),
    launches=(
        Launch(
            (
                SliceFigures("pair_1_a", "a", 1, 1000, 0, 1.0, {"cpu_us_per_call": 900.0}),
                SliceFigures("pair_1_b", "b", 1, 1000, 9, 1.0, {}, "it never began", {"wrong_answer": 9}),
            ),
            {"a": {"rss_mb": 50.0}, "b": {}},
            ("b: the server was restarted",),
            (SliceFigures("warmup_a", "a", 0, 1000, 0, 1.0, {}),),
            (Failure("add", "wrong_answer", "pair_1_b", 1.5, '{"a":1}', "2", "3"),),
        ),
    ),
    manifest={"machine": {"cpu": "a CPU"}},
    own_figures=(OwnFigure("a", "cpu_us_per_call", 900.0, 880.0, 920.0),),
    rankings=(Ranking("cpu_us_per_call", (Rank("a", 1, 1, 1), Rank("b", 2, 2, 2))),),
)


def as_written_before(schema: int, folder: Path) -> Path:
    """Return the file of the same comparison as an older version wrote it."""
    path = COMPARISONS.write(COMPARISON, folder)
    document = json.loads(path.read_text(encoding="utf-8"))
    (pairing,) = document.pop("pairings")
    del document["own_figures"], document["rankings"]
    document |= {"schema": schema, **document.pop("servers")}
    document |= {"metrics": pairing["metrics"], "drifts": pairing["drifts"]}
    if schema == 1:
        del document["drifts"]
        document["design"]["bars"] = {"cpu": 0.05, "other": 0.1}
        document["metrics"] = [each for each in document["metrics"] if each["ratio"] is not None]
        for each in document["metrics"]:
            del each["difference"]
        for launch in document["launches"]:
            del launch["warm_up"], launch["failures"]
            for one in launch["slices"]:
                del one["errors_by_class"]
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_comparison_is_read_back_unchanged(tmp_path: Path) -> None:
    path = COMPARISONS.write(COMPARISON, tmp_path)
    assert COMPARISONS.read(path) == COMPARISON
    assert COMPARISONS.read(tmp_path) == COMPARISON
    document = json.loads(path.read_text(encoding="utf-8"))
    assert list(document)[:2] == ["schema", "kind"]
    assert (document["schema"], document["kind"]) == (3, "comparison")
    assert [p.name for p in tmp_path.iterdir()] == ["comparison.json"]


def test_comparison_of_schema_1_is_read(tmp_path: Path) -> None:
    read = COMPARISONS.read(as_written_before(1, tmp_path))
    assert read.metrics == METRICS[1:]
    assert read.launches[0].slices[0] == COMPARISON.launches[0].slices[0]


def test_comparison_of_schema_2_is_read_with_one_pairing(tmp_path: Path) -> None:
    read = COMPARISONS.read(as_written_before(2, tmp_path))
    assert read == replace(COMPARISON, own_figures=(), rankings=())
    assert COMPARISONS.read(COMPARISONS.write(read, tmp_path)) == read, "written again, it has the new schema"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 99}', "schema 99"),
        ("{}", "is not a comparison"),
        ("[1]", "is not a comparison"),
        ("nonsense", "is not a comparison"),
        ('{"schema": 1, "run_id": 3}', "is not a comparison"),
    ],
)
def test_malformed_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "comparison.json").write_text(content)
    with pytest.raises(ResultsError, match=message):
        COMPARISONS.read(tmp_path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="cannot read"):
        COMPARISONS.read(tmp_path / "nowhere")
