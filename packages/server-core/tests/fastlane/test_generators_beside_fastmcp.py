"""Tools that return generators: what these yield is a list on the lane, as it is in FastMCP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from beside_fastmcp import assert_like_fastmcp, outcomes
from fastmcp.tools import FunctionTool
from request_readers import app_of, calls, key

from server_core import PlainTool

pytestmark = pytest.mark.anyio


class Numbers:
    """Makes generators in every way a tool can."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def generate(self, count: int) -> Iterator[int]:
        for number in range(count):
            self.threads.add(threading.get_ident())
            yield number

    async def generate_async(self, count: int) -> AsyncIterator[int]:
        for number in range(count):
            await asyncio.sleep(0)
            yield number

    async def generate_without_waiting(self, count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number

    def returns_generator(self, count: int) -> Any:
        return self.generate(count)

    def returns_async_generator(self, count: int) -> Any:
        return self.generate_async(count)

    def returns_coroutine(self, count: int) -> Any:
        return self.counts(count)

    def returns_coroutine_of_generator(self, count: int) -> Any:
        return self.async_returns_generator(count)

    async def counts(self, count: int) -> list[int]:
        return list(range(count))

    async def async_returns_generator(self, count: int) -> Any:
        return self.generate(count)

    async def async_returns_async_generator(self, count: int) -> Any:
        return self.generate_async(count)

    async def async_returns_async_generator_without_waiting(self, count: int) -> Any:
        return self.generate_without_waiting(count)

    async def waits_and_returns_async_generator(self, count: int) -> Any:
        await asyncio.sleep(0)
        return self.generate_async(count)

    def fails_halfway(self, count: int) -> Any:
        def generate() -> Iterator[int]:
            yield count
            raise ValueError("half way")

        return generate()

    async def fails_halfway_async(self, count: int) -> Any:
        async def generate() -> AsyncIterator[int]:
            yield count
            raise ValueError("half way")

        return generate()


GENERATING = [name for name, member in vars(Numbers).items() if callable(member) and not name.startswith("_")]


@pytest.mark.parametrize("name", GENERATING)
@pytest.mark.parametrize("kind", [FunctionTool, PlainTool])
@pytest.mark.parametrize("options", [{}, {"run_in_thread": False}, {"output_schema": None}])
async def test_what_generators_yield_is_a_list(
    name: str, kind: type[FunctionTool], options: dict[str, Any]
) -> None:
    answers = await assert_like_fastmcp(
        lambda _notes: app_of(getattr(Numbers(), name), kind, **options), *calls("tool", {"count": 3})
    )
    assert ("half way" if "fails" in name else "[0,1,2]") in answers[1].body


async def returns_an_async_generator_of_its_request(text: str) -> Any:
    async def generate() -> AsyncIterator[str]:
        await asyncio.sleep(0)
        yield f"{text} {key()}"

    return generate()


async def test_a_plain_tool_whose_code_proves_nothing_may_wait_in_its_result() -> None:
    answers = await assert_like_fastmcp(
        lambda _notes: app_of(returns_an_async_generator_of_its_request, PlainTool),
        *calls("tool", {"text": "hi"}),
        lane_calls=4,
    )
    assert "hi two" in answers[2].body


@pytest.mark.parametrize("kind", [FunctionTool, PlainTool])
async def test_a_generator_runs_beside_the_event_loop(kind: type[FunctionTool]) -> None:
    numbers = Numbers()
    await outcomes(lambda _notes: app_of(numbers.returns_generator, kind), *calls("tool", {"count": 3}))
    assert threading.get_ident() not in numbers.threads
