from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import pytest

from perf_core.report.chart import Chart, chart
from perf_core.report.chart_lines import MAX_POINTS, PANELS
from perf_core.results.record import RunRecord, Series

Sample = Callable[..., RunRecord]


def drawn(record: RunRecord) -> Chart:
    result = chart(record)
    assert result is not None
    return result


def axes(figure: Chart, letter: str) -> list[str]:
    return [key for key in figure.figure["layout"] if key.startswith(f"{letter}axis")]


@pytest.mark.parametrize("name", ["load", "stress", "spike", "endurance", "benchmark", "hostile", "stalled"])
def test_plotly_accepts_every_property(sample: Sample, name: str) -> None:
    figure = drawn(sample(name)).figure
    go.Figure(data=figure["data"], layout=figure["layout"])
    json.dumps(figure, allow_nan=False)


def test_all_rows_share_one_time_axis(sample: Sample) -> None:
    figure = drawn(sample("load"))
    assert axes(figure, "x") == ["xaxis"]
    # Servers that report no pauses lack the row for them.
    assert len(axes(figure, "y")) == len(PANELS) - 1 == figure.panels
    assert {trace["xaxis"] for trace in figure.figure["data"]} == {"x"}
    assert figure.figure["layout"]["xaxis"]["anchor"] == f"y{figure.panels}"
    names = {trace["name"] for trace in figure.figure["data"]}
    assert names == {"median", "p95", "p99", "calls", "errors", "RSS", "server", "generator", "VUs"}


def test_rows_do_not_overlap(sample: Sample) -> None:
    figure = drawn(sample("load"))
    layout: dict[str, Any] = dict(figure.figure["layout"])
    domains = [layout[key]["domain"] for key in axes(figure, "y")]
    assert domains[0][1] == 1
    assert domains[-1][0] == pytest.approx(0, abs=1e-6)
    for upper, lower in pairwise(domains):
        assert lower[1] < upper[0]


def test_stages_are_bands_with_their_names(sample: Sample) -> None:
    record = sample("stress")
    layout = drawn(record).figure["layout"]
    # The unit of this run's axis is minutes.
    assert [(band["x0"] * 60, band["x1"] * 60) for band in layout["shapes"]] == [
        pytest.approx((stage.start_s, stage.end_s)) for stage in record.stages
    ]
    labels = [note["text"] for note in layout["annotations"] if note["name"] == "stage"]
    assert labels == [stage.name for stage in record.stages]


def test_rows_without_a_value_are_left_out(sample: Sample) -> None:
    record = sample("load")
    remote = drawn(replace(record, series=replace(record.series, server={})))
    assert remote.panels == 3
    assert "CPU" not in remote.description
    silent = replace(record.series, load={"t_s": (0.0, 1.0), "vus": (None, None)}, server={})
    assert chart(replace(record, series=silent)) is None
    assert chart(sample("interrupted")) is None
    assert chart(sample("invalid")) is None


def test_isolated_value_is_a_dot_and_a_level_holds_until_the_next(sample: Sample) -> None:
    load = {
        "t_s": (0.0, 1.0, 2.0, 3.0, 4.0),
        "latency_med_ms": (5.0, None, 6.0, None, None),
        "latency_p95_ms": (5.0, 6.0, None, None, None),
        "vus": (1.0, None, 3.0, None, None),
    }
    median, p95, users = drawn(replace(sample("load"), series=Series(1.0, load, {}))).figure["data"]
    assert median["mode"] == "lines+markers"
    assert median["marker"]["size"] == [4, 0, 4, 0, 0]
    assert (p95["mode"], p95["connectgaps"]) == ("lines", False)
    assert (users["mode"], users["connectgaps"], users["line"]["shape"]) == ("lines", True, "hv")


def test_nan_becomes_a_gap(sample: Sample) -> None:
    series = Series(1.0, {"t_s": (0.0, 1.0, 2.0), "vus": (1.0, math.nan, 3.0)}, {})
    (trace,) = drawn(replace(sample("load"), series=series)).figure["data"]
    assert trace["y"] == [1.0, None, 3.0]


@pytest.mark.parametrize(
    ("name", "unit"), [("benchmark", "minutes"), ("endurance", "minutes"), ("quick", "seconds")]
)
def test_time_axis_has_its_unit(sample: Sample, name: str, unit: str) -> None:
    record = replace(sample("load"), duration_s=30.0) if name == "quick" else sample(name)
    assert unit in drawn(record).figure["layout"]["xaxis"]["title"]["text"]


def test_long_runs_are_thinned_and_say_so(sample: Sample) -> None:
    long = drawn(sample("endurance"))
    assert max(len(trace["x"]) for trace in long.figure["data"]) <= MAX_POINTS
    assert "7,800 points" in long.note
    assert "Thinned" not in drawn(sample("load")).note


def test_silence_is_shaded_in_latency_and_throughput_after_the_stages(sample: Sample) -> None:
    figure = drawn(sample("stalled"))
    shapes = figure.figure["layout"]["shapes"]
    bands, silences = shapes[:2], shapes[2:]
    # The page's script finds the band of a stage's label by its index.
    assert all(band["yref"] == "paper" for band in bands)
    assert [(shape["yref"], shape["x0"], shape["x1"]) for shape in silences] == [
        ("y domain", 13.0, 29.0),
        ("y2 domain", 13.0, 29.0),
    ]
    assert figure.has_silence
    assert not drawn(sample("load")).has_silence


def test_strip_is_the_lowest_row_with_the_time_axis(sample: Sample) -> None:
    figure = drawn(sample("stalled"))
    layout = figure.figure["layout"]
    assert (figure.panels, figure.has_strip) == (5, True)
    assert layout["xaxis"]["anchor"] == "y6"
    (trace,) = [trace for trace in figure.figure["data"] if trace["type"] == "heatmap"]
    assert trace["yaxis"] == "y6"
    bottom, top = layout["yaxis6"]["domain"]
    assert bottom == pytest.approx(0, abs=1e-6)
    assert top - bottom < 0.6 * (layout["yaxis"]["domain"][1] - layout["yaxis"]["domain"][0])
    assert top < layout["yaxis5"]["domain"][0]
    assert 5 < figure.height < 6
    assert not drawn(sample("load")).has_strip


def test_others_and_the_longest_latency_are_lines(sample: Sample) -> None:
    record = sample("stalled")
    load = {**record.series.load, "latency_max_ms": record.series.load["latency_p99_ms"]}
    figure = drawn(replace(record, series=replace(record.series, load=load)))
    assert {"max", "others"} < {trace.get("name") for trace in figure.figure["data"]}


def test_latency_is_first_logarithmic_when_a_few_calls_are_far_longer(sample: Sample) -> None:
    record = sample("stalled")
    assert not drawn(record).is_logarithmic
    longest = tuple(None if value is None else 100 * value for value in record.series.load["latency_med_ms"])
    load = {**record.series.load, "latency_max_ms": longest}
    assert drawn(replace(record, series=replace(record.series, load=load))).is_logarithmic


def test_slowest_calls_are_marked_from_their_start_to_their_end(sample: Sample) -> None:
    (marks,) = [
        trace for trace in drawn(sample("stalled")).figure["data"] if trace.get("name") == "slowest calls"
    ]
    assert marks["yaxis"] == "y"
    assert marks["x"][:3] == [13.4, 14.65, None]
    assert marks["y"][:3] == [1250, 1250, None]
    assert len(marks["text"]) == len(marks["marker"]["size"]) == 36
    unmarked = drawn(sample("load")).figure["data"]
    assert not [trace for trace in unmarked if trace.get("name") == "slowest calls"]


def test_pauses_of_the_server_have_a_row(sample: Sample) -> None:
    record = sample("load")
    pauses = {"loop_lag_ms_per_s": tuple(3.0 for _ in record.series.server["t_s"])}
    figure = drawn(replace(record, series=replace(record.series, server={**record.series.server, **pauses})))
    assert figure.panels == drawn(record).panels + 1
    assert "late event loop" in {trace.get("name") for trace in figure.figure["data"]}
