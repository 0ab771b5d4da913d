"""The schedule of a launch: nothing overlaps, nobody is favoured, the same seed gives the same."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from perf_core.slices import SlicePlan, draw_schedule


@given(st.integers(1, 12), st.floats(0.1, 5), st.floats(0.05, 1), st.integers(0, 2**31))
def test_slices_come_in_pairs_with_rests_between(pairs: int, slice_s: float, gap_s: float, seed: int) -> None:
    schedule = draw_schedule(pairs, slice_s=slice_s, gap_s=gap_s, warmup_s=1.0, seed=seed)
    assert len(schedule) == 2 * (pairs + 1)
    assert Counter((s.pair, s.side) for s in schedule) == {
        (p, side): 1 for p in range(pairs + 1) for side in "ab"
    }
    assert [s.pair for s in schedule] == sorted(s.pair for s in schedule), "the two of a pair are neighbours"
    assert len({s.name for s in schedule}) == len(schedule)
    for before, after in pairwise(schedule):
        assert abs(after.start_s - before.end_s - gap_s) < 0.002
    for each in schedule:
        assert abs(each.end_s - each.start_s - (slice_s if each.pair else 1.0)) < 0.002


def test_orders_are_drawn() -> None:
    orders = Counter(
        draw_schedule(1, slice_s=1, gap_s=0.1, warmup_s=1, seed=seed)[2].side for seed in range(400)
    )
    assert 160 < orders["a"] < 240
    assert draw_schedule(6, slice_s=1, gap_s=0.1, warmup_s=1, seed=5) == draw_schedule(
        6, slice_s=1, gap_s=0.1, warmup_s=1, seed=5
    )


def test_document_is_what_the_scripts_read() -> None:
    schedule = draw_schedule(1, slice_s=1, gap_s=0.1, warmup_s=0.5, seed=1)
    document = SlicePlan(schedule, {"a": "session", "b": "stateless"}).to_document()
    assert document["wires"] == {"a": "session", "b": "stateless"}
    assert document["schedule"] == [[s.name, s.side, s.start_s, s.end_s] for s in schedule]
