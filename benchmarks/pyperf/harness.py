"""What the benches share: pyperf's runner, a stopwatch, and the event loop that the server runs on."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TypeVar

import pyperf

PROCESSES = 8
"""Worker processes per benchmark. Each pays for importing its subject, which takes FastMCP over a second,
so there are fewer than pyperf's 20; ``--fast`` halves and ``--rigorous`` doubles them."""

WARM_UP_CALLS = 20
"""The first calls fill caches and import modules that a served app has long since loaded."""

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Timing:
    """What a number of calls took together.

    Attributes:
        wall_s: Time that passed.
        cpu_s: CPU time of this process, all threads, user and system.
    """

    wall_s: float
    cpu_s: float


def make_runner() -> pyperf.Runner:
    """Return the one runner of a bench script."""
    return pyperf.Runner(processes=PROCESSES)


def expect(what: str, expected: object, came: object) -> None:
    """Stop the benchmark unless its subject answers rightly: the cost of an error tells nothing.

    Raises:
        SystemExit: The answer differs; says from what.
    """
    if came != expected:
        sys.exit(f"{what}: {expected!r} was expected, {came!r} came; mend the subject, or the benchmark")


def run_on_server_loop(work: Coroutine[object, object, ResultT]) -> ResultT:
    """Run a coroutine on an event loop of the kind that uvicorn gives the server."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


async def time_calls(call: Callable[[], Awaitable[object]], loops: int) -> Timing:
    """Await ``call`` ``loops`` times, one after the other, after a warm-up."""
    for _ in range(WARM_UP_CALLS):
        await call()
    # As the server does once it has started: else full collections would look at all that was imported.
    gc.collect()
    gc.freeze()
    try:
        cpu_began, began = time.process_time(), time.perf_counter()
        for _ in range(loops):
            await call()
        ended, cpu_ended = time.perf_counter(), time.process_time()
    finally:
        gc.unfreeze()
    return Timing(ended - began, cpu_ended - cpu_began)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # not published for Windows; uvicorn chooses in the same way
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
