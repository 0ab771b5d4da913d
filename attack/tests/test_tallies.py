"""Tests of what counts as a broken promise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tallies import Footprint, GoodCalls, HostileInputs, Kill, Loss, Soak, all_good, all_hostile, unexplained

REST = Footprint(100.0, 50, 3, {"open sessions": 0, "scores": 2})
SOUND = Soak(
    server="a server",
    workers=2,
    attack_s=60,
    kills=(Kill(10, "1"), Kill(20, "2")),
    may_kill=True,
    good=GoodCalls(answered=1_000, losses=(Loss(11, 0, "reset"),), sessions_ended=3, longest_s=1.5),
    hostile=HostileInputs({"odd": 5}, {("odd", 400): 4, ("odd", 0): 1}),
    before=REST,
    after=replace(REST, memory_mb=104.9),
)


def test_a_sound_soak_has_no_problems() -> None:
    assert SOUND.problems == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"good": GoodCalls()}, "expected answers to good clients, got none"),
        ({"hostile": HostileInputs()}, "expected hostile inputs, got none"),
        ({"kills": (), "good": GoodCalls(answered=1)}, "expected killed processes, got none"),
        ({"good": GoodCalls(answered=1, wrong=("add: 4",))}, "wrong answer to a good client: add: 4"),
        ({"hostile": HostileInputs({"odd": 1}, {}, ("odd: 500",))}, "to a hostile client: odd: 500"),
        ({"good": GoodCalls(answered=1, losses=(Loss(9, 4, "reset"),))}, "client 4 lost .*: reset"),
        (
            {"good": GoodCalls(answered=1, sessions_ended=1), "kills": (), "may_kill": False},
            "no session to end by itself, got 1",
        ),
        ({"tracebacks": 2}, "no traceback in the server's log, got 2"),
        ({"exit_code": None}, "exit code 0, got None"),
        ({"after": replace(REST, memory_mb=105.1)}, "at most 5% more memory .* 100.0 → 105.1 MB"),
        ({"after": replace(REST, fds=51)}, "file descriptors: 50 → 51"),
        ({"after": replace(REST, processes=4)}, "processes: 3 → 4"),
        ({"after": replace(REST, gauges={"open sessions": 1, "scores": 2})}, "open sessions: 0 → 1"),
    ],
)
def test_each_broken_promise_is_a_problem(change: dict[str, object], problem: str) -> None:
    (only,) = replace(SOUND, **change).problems  # type: ignore[arg-type] # names of fields
    assert only.startswith("a server, 2 workers: ")
    with pytest.raises(AssertionError, match=problem):
        raise AssertionError(only)


def test_less_than_before_is_no_problem() -> None:
    less = Footprint(80.0, 40, 2, {"open sessions": 0})
    assert replace(SOUND, after=less).problems == ()


KILLS = (Kill(10, "1"), Kill(20, "2"))


@pytest.mark.parametrize(
    ("losses", "count"),
    [
        ([], 0),
        ([(11, 0)], 0),
        ([(11, 0), (12, 1)], 0),  # each client may lose one
        ([(11, 0), (21, 0)], 0),
        ([(11, 0), (12, 0)], 1),
        ([(25, 0), (21, 0), (22, 0)], 2),
        ([(9, 0)], 1),
        ([(10, 0)], 0),
    ],
)
def test_a_client_may_lose_one_answer_per_kill(losses: list[tuple[float, int]], count: int) -> None:
    assert len(unexplained([Loss(at_s, client, "reset") for at_s, client in losses], KILLS)) == count


def test_sums_of_clients() -> None:
    one = GoodCalls(2, ("a",), (Loss(1, 0, "x"),), 1, 0.5)
    assert all_good([one, GoodCalls(3, longest_s=2.0)]) == GoodCalls(5, ("a",), (Loss(1, 0, "x"),), 1, 2.0)
    assert all_good([]) == GoodCalls()
    odd = HostileInputs({"odd": 1}, {("odd", 400): 1}, ("w",))
    assert all_hostile([odd, odd, HostileInputs({"far": 1})]) == HostileInputs(
        {"odd": 2, "far": 1}, {("odd", 400): 2}, ("w", "w")
    )
