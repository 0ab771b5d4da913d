from __future__ import annotations

import math
from collections.abc import Callable

from perf_core.report.chart_strip import LEVELS, MAX_CELLS, strip
from perf_core.results.record import RunRecord, Series

Sample = Callable[..., RunRecord]


def test_strip_has_a_row_for_each_share(sample: Sample) -> None:
    trace = strip(sample("stalled").series, 1.0)
    assert trace is not None
    assert trace["y"] == ["machine", "k6", "server"]
    cells = len(trace["z"][0])
    assert [len(row) for row in trace["z"]] == [cells] * 3
    assert len(trace["x"]) == cells + 1
    assert trace["z"][0][19:21] == [0.02, 0.93]
    assert trace["z"][1][0] is None


def test_system_without_these_figures_has_no_strip(sample: Sample) -> None:
    assert strip(sample("load").series, 1.0) is None
    assert strip(sample("empty").series, 1.0) is None
    nothing = Series(1.0, {}, {"t_s": (1.0, 2.0), "cpu_pressure_share": (None, math.nan)})
    assert strip(nothing, 1.0) is None


def test_long_runs_keep_the_highest_value() -> None:
    count = 4 * MAX_CELLS + 3
    values = [0.0] * count
    values[1234] = 0.8
    times = tuple(float(t_s) for t_s in range(1, count + 1))
    trace = strip(Series(1.0, {}, {"t_s": times, "server_wait_share": tuple(values)}), 60.0)
    assert trace is not None
    (row,) = trace["z"]
    assert len(row) <= MAX_CELLS
    assert len(trace["x"]) == len(row) + 1
    assert sum(row) == 0.8
    at = row.index(0.8)
    start, end = trace["x"][at] * 60, trace["x"][at + 1] * 60
    assert start < 1235 < end + 0.01
    assert trace["x"][-1] * 60 == count


def test_colours_step_at_the_levels(sample: Sample) -> None:
    trace = strip(sample("stalled").series, 1.0)
    assert trace is not None
    scale = trace["meta"]["scale"]
    assert scale[0][0] == 0
    assert scale[-1][0] == 1
    assert [share for share, _ in scale] == sorted(share for share, _ in scale)
    assert {colour for _, colour in scale} == {colour for _, colour in LEVELS}
