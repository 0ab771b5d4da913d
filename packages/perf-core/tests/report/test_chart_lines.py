from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perf_core.report.chart_lines import thin

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
