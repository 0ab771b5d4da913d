"""Each listening socket is always somebody's, whichever workers die and come back."""

from __future__ import annotations

import random

import pytest

from server_core.workers.accepting_workers import AcceptingWorkers
from server_core.workers.worker import AcceptFor


def test_others_accept_for_a_worker_until_it_is_replaced() -> None:
    acceptors = AcceptingWorkers(3)
    assert list(acceptors.orders([0, 1, 2])) == []
    assert list(acceptors.orders([0, 2])) == [(2, AcceptFor(1, begins=True))]
    assert list(acceptors.orders([0, 2])) == []
    assert list(acceptors.orders([0])) == [
        (0, AcceptFor(1, begins=True)),
        (0, AcceptFor(2, begins=True)),
    ]
    assert list(acceptors.orders([0, 1])) == [(0, AcceptFor(1, begins=False))]
    assert list(acceptors.orders([0, 1, 2])) == [(0, AcceptFor(2, begins=False))]


def test_without_any_worker_sockets_wait_for_the_first_one() -> None:
    acceptors = AcceptingWorkers(2)
    assert list(acceptors.orders([1])) == [(1, AcceptFor(0, begins=True))]
    assert list(acceptors.orders([])) == []
    assert list(acceptors.orders([0])) == [(0, AcceptFor(1, begins=True))]


def test_workers_that_share_a_socket_need_no_orders() -> None:
    assert list(AcceptingWorkers(0).orders([0])) == []


@pytest.mark.parametrize("seed", range(20))
def test_every_socket_has_exactly_one_worker_that_accepts_from_it(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a schedule, no secret
    count = rng.randint(2, 6)
    acceptors = AcceptingWorkers(count)
    accepting: dict[int, set[int]] = {}
    """Sockets that each living worker accepts from; a new worker begins with its own."""
    for _ in range(200):
        ready = sorted(rng.sample(range(count), rng.randint(0, count)))
        accepting = {number: accepting.get(number, {number}) for number in ready}
        for number, order in acceptors.orders(ready):
            if order.begins:
                assert order.number not in accepting[number]
                accepting[number].add(order.number)
            else:
                accepting[number].remove(order.number)
        if ready:
            assert sorted(each for sockets in accepting.values() for each in sockets) == list(range(count))
