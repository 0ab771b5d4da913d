"""Calls take turns: so many at once, owner by owner, and no turn is ever lost."""

from __future__ import annotations

import asyncio

import pytest

from music21_server.workers.errors import BusyError
from music21_server.workers.fair_queue import EVERYBODY, FairQueue

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Calls:
    """Calls that go on until they are told to end; the first letter of a name is the owner.

    `clients` names the client of an owner who is one of several.
    """

    def __init__(self, turns: FairQueue, **clients: str) -> None:
        self.turns = turns
        self.clients = clients
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, name: str) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._call(name))
        await settled()

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await self.tasks[name]
        await settled()

    async def _call(self, name: str) -> None:
        owner = EVERYBODY if name[0] == "*" else name[0]
        async with self.turns.turn(owner, self.clients.get(owner)):
            self.begun.append(name)
            await self.ends[name].wait()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_calls_beyond_the_limit_wait_in_order() -> None:
    calls = Calls(FairQueue(3, 10))
    for name in ("a1", "a2", "a3", "a4"):
        await calls.begin(name)
    assert (calls.begun, calls.turns.waiting) == (["a1", "a2"], 2)
    await calls.end("a2")
    assert (calls.begun, calls.turns.waiting) == (["a1", "a2", "a3"], 1)
    for name in ("a1", "a3", "a4"):
        await calls.end(name)
    assert (calls.begun, calls.turns.waiting) == (["a1", "a2", "a3", "a4"], 0)


async def test_owners_take_turns() -> None:
    calls = Calls(FairQueue(1, 10))
    for name in ("a1", "a2", "a3", "a4", "b1", "c1", "b2"):
        await calls.begin(name)
    for _ in range(7):
        await calls.end(calls.begun[-1])
    assert calls.begun == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


@pytest.mark.parametrize("at_once", [2, 3, 4])
async def test_one_owner_has_all_turns_but_one(at_once: int) -> None:
    calls = Calls(FairQueue(at_once, 10))
    for number in range(at_once + 1):
        await calls.begin(f"a{number}")
    assert (len(calls.begun), calls.turns.waiting) == (at_once - 1, 2)
    await calls.begin("b1")
    assert calls.begun[-1] == "b1"
    await calls.begin("b2")
    await calls.end("b1")  # its turn is not for the other owner, who has its share
    assert calls.begun[-1] == "b2"
    for number in range(at_once + 1):
        await calls.end(f"a{number}")
    await calls.end("b2")
    assert calls.turns.waiting == 0


async def test_a_turn_that_one_owner_may_not_have_goes_to_the_next() -> None:
    calls = Calls(FairQueue(2, 10))
    for name in ("a1", "b1", "a2", "a3", "b2"):
        await calls.begin(name)
    await calls.end("b1")
    assert calls.begun == ["a1", "b1", "b2"]
    await calls.end("b2")
    assert calls.begun == ["a1", "b1", "b2"]  # a has its share, and nobody else waits
    await calls.begin("c1")
    assert calls.begun == ["a1", "b1", "b2", "c1"]
    for name in ("a1", "a2", "a3", "c1"):
        await calls.end(name)
    assert calls.begun[-2:] == ["a2", "a3"]


async def test_clients_that_cannot_be_told_apart_may_have_all_turns() -> None:
    calls = Calls(FairQueue(2, 10))
    for name in ("*1", "*2", "*3"):
        await calls.begin(name)
    assert calls.begun == ["*1", "*2"]
    for name in ("*1", "*2", "*3"):
        await calls.end(name)


async def test_clients_that_cannot_be_told_apart_leave_a_turn_to_others_who_call() -> None:
    calls = Calls(FairQueue(2, 10))
    await calls.begin("a1")
    await calls.end("a1")
    for name in ("*1", "*2", "a2"):
        await calls.begin(name)
    assert calls.begun == ["a1", "*1", "a2"]
    for name in ("*1", "a2", "*2"):
        await calls.end(name)


async def test_a_client_has_no_more_turns_by_opening_sessions() -> None:
    calls = Calls(FairQueue(2, 10), a="x", b="x")
    await calls.begin("c1")
    await calls.end("c1")
    for name in ("a1", "b1", "c2"):
        await calls.begin(name)
    assert calls.begun == ["c1", "a1", "c2"]
    for name in ("c2", "a1", "b1"):
        await calls.end(name)
    assert calls.turns.waiting == 0


async def test_the_only_client_has_all_turns_in_several_sessions() -> None:
    now_s = [0.0]
    calls = Calls(FairQueue(2, 10, lambda: now_s[0]), a="x", b="x")
    for name in ("a1", "b1"):
        await calls.begin(name)
    assert calls.begun == ["a1", "b1"]
    await calls.end("a1")
    await calls.end("b1")
    await calls.begin("c1")
    await calls.end("c1")
    now_s[0] = 599.0
    for name in ("a2", "b2"):
        await calls.begin(name)
    assert calls.begun[3:] == ["a2"]
    now_s[0] = 601.0
    await calls.begin("a3")
    assert calls.begun[3:] == ["a2"]  # one owner never has all
    await calls.end("a2")
    assert calls.begun[4:] == ["b2", "a3"]
    for name in ("b2", "a3"):
        await calls.end(name)


async def test_clients_take_turns_and_so_do_the_sessions_of_each() -> None:
    calls = Calls(FairQueue(1, 10), a="x", b="x", d="x")
    for name in ("a1", "a2", "b1", "d1", "c1", "c2"):
        await calls.begin(name)
    for _ in range(6):
        await calls.end(calls.begun[-1])
    assert calls.begun == ["a1", "a2", "c1", "b1", "c2", "d1"]


async def test_a_client_does_not_fill_the_queue_by_opening_sessions() -> None:
    calls = Calls(FairQueue(1, 3), a="x", b="x", d="x", e="x")
    for name in ("a1", "b1", "d1", "e1", "c1"):
        await calls.begin(name)
    refused = [name for name, task in calls.tasks.items() if task.done()]
    assert len(refused) == 1
    assert refused[0] in ("b1", "d1", "e1")
    with pytest.raises(BusyError):
        await calls.tasks.pop(refused[0])
    assert calls.turns.waiting == 3
    for name in ("a1", "c1", "b1", "d1", "e1"):
        if name in calls.tasks:
            calls.ends[name].set()
    await asyncio.gather(*calls.tasks.values())
    assert "c1" in calls.begun[:3]


async def test_nothing_is_remembered_of_clients_that_have_gone() -> None:
    turns = FairQueue(2, 10)
    for number in range(100):
        async with turns.turn(f"owner {number}", f"client {number}"):
            pass
    assert len(turns._presence._seen_s) == 2
    assert not turns._of_owner
    assert not turns._of_client
    assert not turns._waiting


async def test_a_full_queue_refuses_the_newest_call_of_the_owner_with_the_most() -> None:
    calls = Calls(FairQueue(1, 3))
    for name in ("a1", "a2", "a3", "a4", "b1"):
        await calls.begin(name)
    with pytest.raises(BusyError, match="at most 3 waiting calls"):
        await calls.tasks["a4"]
    with pytest.raises(BusyError):
        async with calls.turns.turn("a"):
            pass
    assert calls.turns.waiting == 3
    for name in ("a1", "a2", "b1", "a3"):
        await calls.end(name)
    assert calls.begun == ["a1", "a2", "b1", "a3"]


async def test_a_call_that_is_cancelled_as_it_is_refused_leaves_no_trace() -> None:
    calls = Calls(FairQueue(1, 2))
    for name in ("a1", "a2", "a3"):
        await calls.begin(name)
    calls.ends["b1"] = asyncio.Event()
    newcomer = calls.tasks["b1"] = asyncio.create_task(calls._call("b1"))
    calls.tasks["a3"].cancel()
    await settled()
    await calls.end("a1")
    await calls.end("a2")
    await calls.end("b1")
    assert newcomer.done()
    assert calls.begun == ["a1", "a2", "b1"]
    assert calls.turns.waiting == 0
    async with calls.turns.turn("c"):
        pass


async def test_a_call_beyond_the_queue_is_refused() -> None:
    calls = Calls(FairQueue(1, 1))
    await calls.begin("a1")
    await calls.begin("a2")
    with pytest.raises(
        BusyError, match=r"Expected at most 1 waiting calls \(setting max_waiting_calls\), got one more. Try"
    ):
        async with calls.turns.turn("b"):
            pass
    await calls.end("a1")
    await calls.end("a2")
    async with calls.turns.turn("b"):
        pass


async def test_a_cancelled_call_leaves_the_queue() -> None:
    calls = Calls(FairQueue(1, 10))
    for name in ("a1", "a2", "a3"):
        await calls.begin(name)
    calls.tasks["a2"].cancel()
    await settled()
    assert calls.turns.waiting == 1
    await calls.end("a1")
    assert calls.begun == ["a1", "a3"]
    await calls.end("a3")


async def test_a_call_cancelled_as_it_is_admitted_passes_its_turn_on() -> None:
    calls = Calls(FairQueue(1, 10))
    async with calls.turns.turn("a"):
        for name in ("a2", "a3"):
            await calls.begin(name)
    calls.tasks["a2"].cancel()  # the turn is a2's now, who does not know it yet
    await settled()
    assert calls.begun == ["a3"]
    await calls.end("a3")


async def test_a_cancelled_call_is_not_admitted() -> None:
    calls = Calls(FairQueue(1, 10))
    async with calls.turns.turn("a"):
        for name in ("a2", "a3"):
            await calls.begin(name)
        calls.tasks["a2"].cancel()  # it has not yet left the queue when the turn is passed on
    await settled()
    assert calls.begun == ["a3"]
    await calls.end("a3")
    assert calls.turns.waiting == 0


async def test_a_failed_or_cancelled_call_frees_its_turn() -> None:
    turns = FairQueue(1, 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with turns.turn("a"):
                raise ZeroDivisionError
    calls = Calls(turns)
    await calls.begin("a1")
    calls.tasks["a1"].cancel()
    await settled()
    await calls.begin("a2")
    assert calls.begun == ["a1", "a2"]
    await calls.end("a2")
