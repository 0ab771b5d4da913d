"""Bytes of bodies at once: a budget for all, and half of it for one client."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_core.layers.body_budget import BodyBudget
from server_core.layers.body_limit import BodyLimit

pytestmark = pytest.mark.anyio

SIZE = 100_000


def test_one_client_gets_half() -> None:
    budget = BodyBudget(100)
    assert budget.take(b"ann", 50)
    assert not budget.take(b"ann", 1)
    assert budget.take(b"bob", 50)
    assert not budget.take(b"eve", 1)
    budget.give_back(b"bob", 50)
    assert budget.take(b"eve", 1)


def test_clients_that_cannot_be_told_apart_get_all() -> None:
    budget = BodyBudget(100)
    assert budget.take(b"", 100)
    assert not budget.take(b"", 1)


@given(st.lists(st.tuples(st.sampled_from([b"ann", b"bob", b"eve"]), st.integers(1, 60))))
def test_the_budget_holds_and_remembers_only_who_has_bodies(takes: list[tuple[bytes, int]]) -> None:
    budget = BodyBudget(100)
    taken = [take for take in takes if budget.take(*take)]
    assert sum(size for _, size in taken) <= 100
    for client in (b"ann", b"bob", b"eve"):
        assert sum(size for name, size in taken if name == client) <= 50
    for take in taken:
        budget.give_back(*take)
    assert (budget._by_client, budget._total_bytes) == ({}, 0)


class Request:
    """A request whose body arrives as the test feeds it; `sent` are the messages of its response."""

    def __init__(self, limit: BodyLimit, address: str) -> None:
        self.sent: list[Any] = []
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        scope = {"type": "http", "method": "POST", "headers": [], "client": (address, 1)}
        self.task = asyncio.ensure_future(limit(scope, self._messages.get, self._send))

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    async def feed(self, chunk: bytes, *, more: bool = True) -> None:
        self._messages.put_nowait({"type": "http.request", "body": chunk, "more_body": more})
        for _ in range(20):
            await asyncio.sleep(0)

    async def leave(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})
        await self.task

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None


async def _answer(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_many_bodies_that_arrive_slowly_are_refused_before_memory_is_full() -> None:
    budget = BodyBudget(8 * SIZE)
    limit = BodyLimit(_answer, max_bytes=10 * SIZE, timeout_s=30, budget=budget)
    slow = [Request(limit, "10.0.0.1") for _ in range(4)]
    for request in slow:
        await request.feed(b"x" * SIZE)
    assert [request.status for request in slow] == [None] * 4
    await slow[0].feed(b"x")
    assert slow[0].status == 503
    assert b"max_bodies_bytes" in slow[0].sent[1]["body"]
    other = Request(limit, "10.0.0.2")
    await other.feed(b"x" * SIZE, more=False)
    small = Request(limit, "10.0.0.1")
    await small.feed(b"x" * 1000, more=False)
    assert (other.status, small.status) == (200, 200)
    for request in slow[1:]:
        await request.leave()
    await asyncio.gather(slow[0].task, other.task, small.task)
    assert (budget._by_client, budget._total_bytes) == ({}, 0)


async def test_a_body_counts_until_its_request_ends() -> None:
    budget, ends = BodyBudget(4 * SIZE), asyncio.Event()

    async def wait(_scope: Any, receive: Any, _send: Any) -> None:
        await receive()
        await ends.wait()

    limit = BodyLimit(wait, max_bytes=10 * SIZE, timeout_s=30, budget=budget)
    waiting = Request(limit, "10.0.0.1")
    await waiting.feed(b"x" * 2 * SIZE, more=False)
    refused = Request(limit, "10.0.0.1")
    await refused.feed(b"x" * SIZE, more=False)
    assert refused.status == 503
    ends.set()
    await asyncio.gather(waiting.task, refused.task)
    assert budget._total_bytes == 0


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_a_served_app_has_a_budget_with_room_for_its_largest_body(
    make_app: Any, serving: Any, *, fast_lane: bool
) -> None:
    app = make_app(max_bodies_bytes=1, max_body_bytes=500_000, fast_lane=fast_lane)
    async with serving(app) as wires:
        answer = await wires.call("echo", {"text": "x" * 400_000})
        assert answer.status_code == 200
