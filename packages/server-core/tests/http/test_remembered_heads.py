"""The memory of a connection for its requests' heads is bounded in bytes, however many fields they have."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from memory_connection import MakeApp, Serving, call, connected

pytestmark = pytest.mark.anyio

MOST_BYTES = 50_000
"""Twice what the heads may take, for what else a connection keeps of its last request."""


@pytest.mark.parametrize(("fields", "value_bytes"), [(1, 1400), (85, 4), (8, 150)])
async def test_the_memory_of_heads_is_bounded(
    make_app: MakeApp, serving: Serving, fields: int, value_bytes: int
) -> None:
    async with connected(make_app(), serving) as connection:
        calls = [
            call("echo", text="x", more={f"X-{field}": f"{number:0{value_bytes}}" for field in range(fields)})
            for number in range(20)
        ]
        tracemalloc.start()
        try:
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            for each in calls:
                await connection.exchange(each)
            connection.pipe.written = b""
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(connection.protocol._heads) > 0, "these heads are remembered"
        assert after - before < MOST_BYTES
