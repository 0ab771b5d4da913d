"""Common code of the benchmark scripts: pyperf's runner, timing, and the server's event loop."""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from types import ModuleType
from typing import TypeVar

import pyperf

PROCESSES = 8
"""Worker processes per benchmark. There are fewer than pyperf's 20, because each imports its subject, and
FastMCP takes more than a second to import. ``--fast`` halves and ``--rigorous`` doubles them."""

WARM_UP_CALLS = 20
"""Calls that fill caches and import modules first, as in a server that has been in use."""

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Timing:
    """Total time of a number of calls.

    Attributes:
        wall_s: Wall time.
        cpu_s: CPU time of this process with all threads, user and system.
    """

    wall_s: float
    cpu_s: float


def subject(name: str, former_name: str) -> ModuleType:
    """Return a measured module, which older commits have under its former name.

    Raises:
        ModuleNotFoundError: The commit has neither.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not name.startswith(f"{error.name}"):
            raise
        return importlib.import_module(former_name)


def make_runner() -> pyperf.Runner:
    """Return the runner of a benchmark script."""
    return pyperf.Runner(processes=PROCESSES)


def expect(what: str, expected: object, actual: object) -> None:
    """Stop the benchmark if its subject gives a wrong answer: the cost of an error is meaningless.

    Raises:
        SystemExit: The values differ.
    """
    if actual != expected:
        sys.exit(f"{what}: expected {expected!r}, got {actual!r}: fix the subject or the benchmark")


def run_on_server_loop(work: Coroutine[object, object, ResultT]) -> ResultT:
    """Run a coroutine on the kind of event loop that uvicorn chooses for the server."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


async def time_calls(call: Callable[[], Awaitable[object]], loops: int) -> Timing:
    """Await ``call`` ``loops`` times, one after the other, after a warm-up."""
    for _ in range(WARM_UP_CALLS):
        await call()
    # As the server does after its start; otherwise full collections would scan all imported modules.
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
        import uvloop  # not available on Windows; uvicorn chooses in the same way
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
