from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perf_core.report.chart_lines import Line, line_points, thin
from perf_core.results.record import Series, Stop

POINTS = st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), max_size=300).map(
    lambda values: [(float(index), value) for index, value in enumerate(values)]
)


@given(POINTS, st.integers(min_value=2, max_value=60))
def test_thinning_keeps_order_and_extremes(points: list[tuple[float, float | None]], limit: int) -> None:
    thinned = thin(points, limit)
    assert len(thinned) <= limit
    assert [t_s for t_s, _ in thinned] == sorted({t_s for t_s, _ in thinned})
    assert set(thinned) <= set(points)
    values = [value for _, value in points if value is not None]
    thinned_values = [value for _, value in thinned if value is not None]
    if values:
        assert (min(thinned_values), max(thinned_values)) == (min(values), max(values))
    if len(points) <= limit:
        assert thinned == points


def test_period_without_values_stays_a_gap() -> None:
    points: list[tuple[float, float | None]] = [(float(i), None if 40 <= i < 60 else 1.0) for i in range(100)]
    assert None in [value for _, value in thin(points, 20)]


def test_stop_of_k6_is_a_gap_but_not_in_a_level() -> None:
    times = (1.0, 2.1, 3.1, 7.1, 8.0)
    values = (5.0, 6.0, 7.0, 8.0, 9.0)
    series = Series(1.0, {"t_s": times, "calls_per_s": values, "vus": values}, {})
    stops = [Stop(3.3, 6.9)]
    line = Line("calls", "load", "calls_per_s", "--line-1")
    calls = line_points(series, line, stops)
    assert calls == [(1.0, 5.0), (2.1, 6.0), (3.1, 7.0), (5.1, None), (7.1, 8.0), (8.0, 9.0)]
    users = line_points(series, Line("VUs", "load", "vus", "--line-1", is_level=True), stops)
    assert users == list(zip(times, values, strict=True))
    # A busy k6 ends its periods late.
    assert line_points(series, line) == list(zip(times, values, strict=True))
