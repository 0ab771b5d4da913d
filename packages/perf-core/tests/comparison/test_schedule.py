"""The schedule of a launch: no overlaps, no advantage for a server, and the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_core.comparison.schedule import Lengths, Room, SlicePlan, choose_lengths, draw_schedule, sides_of

LENGTHS = Lengths(slice_s=0.5, turn_s=0.02, gap_s=0.008, rest_s=0.1)


@given(st.integers(1, 12), st.floats(0.02, 1), st.floats(1, 30), st.integers(0, 2**31))
def test_both_servers_get_the_same_load_and_rest_between_pairs(
    pairs: int, turn_s: float, turns: float, seed: int
) -> None:
    lengths = Lengths(slice_s=turn_s * turns, turn_s=turn_s, gap_s=turn_s / 3, rest_s=0.5)
    schedule = draw_schedule("ab", pairs, lengths, seed)
    assert Counter((t.pair, t.side) for t in schedule) == {
        (p, side): lengths.turns for p in range(pairs + 1) for side in "ab"
    }
    for side in "ab":
        for pair in range(pairs + 1):
            own = [t for t in schedule if (t.pair, t.side) == (pair, side)]
            assert len({t.slice for t in own}) == 1
            assert sum(t.end_s - t.start_s for t in own) == pytest.approx(
                lengths.slice_s, abs=0.001 * len(own)
            )
    assert [t.pair for t in schedule] == sorted(t.pair for t in schedule)
    for before, after in pairwise(schedule):
        rest_s = lengths.gap_s if before.pair == after.pair else lengths.rest_s
        assert after.start_s - before.end_s == pytest.approx(rest_s, abs=0.001)


def test_servers_alternate_within_two_turns() -> None:
    sides = [turn.side for turn in draw_schedule("ab", 6, LENGTHS, 3)]
    assert all(len(set(sides[place : place + 3])) == 2 for place in range(len(sides) - 2))


def test_order_is_random_and_depends_on_the_seed() -> None:
    orders = Counter(turn.side for turn in draw_schedule("ab", 60, LENGTHS, 1)[::2])
    share = orders["a"] / orders.total()
    assert 0.45 < share < 0.55
    assert draw_schedule("ab", 6, LENGTHS, 5) == draw_schedule("ab", 6, LENGTHS, 5)
    assert draw_schedule("ab", 6, LENGTHS, 5) != draw_schedule("ab", 6, LENGTHS, 6)


def test_slice_may_be_a_single_turn() -> None:
    schedule = draw_schedule("ab", 1, Lengths(slice_s=2.0, turn_s=2.0, gap_s=0.8, rest_s=0.1), 1)
    assert [(t.pair, round(t.end_s - t.start_s, 3)) for t in schedule] == [
        (0, 2.0),
        (0, 2.0),
        (1, 2.0),
        (1, 2.0),
    ]


def test_document_has_wires_and_schedule() -> None:
    schedule = draw_schedule("ab", 1, LENGTHS, 1)
    document = SlicePlan(schedule, {"a": "session", "b": "stateless"}).to_document()
    assert document["wires"] == {"a": "session", "b": "stateless"}
    assert document["schedule"] == [[t.slice, t.side, t.start_s, t.end_s] for t in schedule]


ROOM = Room(launches=6, pairs=6, longest_s=600.0)


@pytest.mark.parametrize(
    ("call_s", "vus", "slice_s", "turn_s"),
    [
        # Fast servers: half a second, in turns of four calls but at least 10 ms.
        (0.001, 4, 0.5, 0.01),
        (0.005, 4, 0.5, 0.02),
        # Slower ones: fifty calls.
        (0.02, 4, 1.0, 0.08),
        (0.05, 4, 2.5, 0.2),
        # More users wait for each other, and a slice still has five turns.
        (0.01, 50, 2.5, 0.5),
    ],
)
def test_slice_is_long_enough_for_fifty_calls_and_five_turns(
    call_s: float, vus: int, slice_s: float, turn_s: float
) -> None:
    lengths = choose_lengths(call_s, vus, None, ROOM)
    assert (lengths.slice_s, lengths.turn_s) == (pytest.approx(slice_s), pytest.approx(turn_s))
    assert lengths.gap_s == pytest.approx(0.4 * turn_s)
    assert lengths.turns >= 5


def test_slow_server_gets_slices_that_fit_into_the_time_limit() -> None:
    lengths = choose_lengths(2.0, 4, None, ROOM)
    schedule = draw_schedule("ab", ROOM.pairs, lengths, 1)
    # Starting and ending the servers takes some of the time, too.
    assert 0.8 * ROOM.longest_s < ROOM.launches * schedule[-1].end_s < ROOM.longest_s
    assert choose_lengths(2.0, 4, None, Room(6, 6, 10.0)).slice_s == 0.5, "however short the limit"


def test_slice_of_the_user_wins() -> None:
    assert choose_lengths(0.05, 4, 0.2, ROOM).slice_s == 0.2
    assert choose_lengths(0.05, 4, 0.1, ROOM).turn_s == 0.1, "a turn is no longer than its slice"
    assert choose_lengths(0.001, 4, 30.0, ROOM).slice_s == 30.0


@given(st.integers(3, 9), st.integers(0, 2**31))
def test_each_round_has_one_turn_of_every_server(count: int, seed: int) -> None:
    sides = sides_of(count)
    schedule = draw_schedule(sides, 2, LENGTHS, seed)
    rounds = [schedule[start : start + count] for start in range(0, len(schedule), count)]
    assert all(sorted(turn.side for turn in each) == list(sides) for each in rounds)
    assert len({turn.side for turn in schedule}) == count


def test_first_place_of_a_round_is_shared_evenly() -> None:
    schedule = draw_schedule("abcd", 60, LENGTHS, 1)
    firsts = Counter(turn.side for turn in schedule[::4])
    assert all(0.2 < firsts[side] / firsts.total() < 0.3 for side in "abcd")


def test_a_fourth_server_makes_a_launch_a_third_longer() -> None:
    three, four = (draw_schedule(sides_of(count), 6, LENGTHS, 1)[-1].end_s for count in (3, 4))
    assert four < 4 / 3 * three
    room = Room(launches=6, pairs=6, longest_s=600.0, servers=4)
    schedule = draw_schedule(sides_of(4), 6, choose_lengths(2.0, 4, None, room), 1)
    assert 0.8 * 600 < 6 * schedule[-1].end_s < 600
