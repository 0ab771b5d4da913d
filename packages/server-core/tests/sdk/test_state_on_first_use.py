"""The store of session state is created when something is stored, and behaves like FastMCP's from then on."""

from __future__ import annotations

from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.server.server import StateValue
from key_value.aio.stores.memory import MemoryStore

from server_core.sdk.internals import session_state_backend, session_state_store
from server_core.sdk.state_on_first_use import StateOnFirstUse, defer_session_state, watch_session_state

pytestmark = pytest.mark.anyio


@pytest.fixture
def mcp() -> FastMCP[Any]:
    return FastMCP("state")


async def test_nothing_is_created_to_look_or_to_delete(mcp: FastMCP[Any]) -> None:
    defer_session_state(mcp)
    store = session_state_store(mcp)
    assert await store.get(key="a") is None
    assert await store.delete(key="a") is False
    assert session_state_backend(mcp) is None


async def test_what_is_stored_is_kept_and_told(mcp: FastMCP[Any]) -> None:
    keys: list[str] = []
    assert watch_session_state(mcp, keys.append)
    store = session_state_store(mcp)
    await store.put(key="a", value=StateValue(value=1), ttl=60)
    assert (await store.get(key="a")).value == 1
    assert keys == ["a"]
    assert isinstance(session_state_backend(mcp), MemoryStore)
    assert session_state_store(mcp) is store
    assert await store.delete(key="a") is True
    assert await store.get(key="a") is None


async def test_other_methods_are_those_of_the_store(mcp: FastMCP[Any]) -> None:
    defer_session_state(mcp)
    store = session_state_store(mcp)
    assert await store.get_many(keys=["a", "b"]) == [None, None]


async def test_watchers_of_several_servers_are_all_told(mcp: FastMCP[Any]) -> None:
    first: list[str] = []
    second: list[str] = []
    assert watch_session_state(mcp, first.append)
    assert watch_session_state(mcp, second.append)
    await session_state_store(mcp).put(key="a", value=StateValue(value=1))
    assert first == second == ["a"]


async def test_store_that_is_in_use_already_is_watched_as_it_is(mcp: FastMCP[Any]) -> None:
    store = session_state_store(mcp)
    keys: list[str] = []
    assert watch_session_state(mcp, keys.append)
    assert session_state_store(mcp) is store
    assert not isinstance(store, StateOnFirstUse)
    await store.put(key="a", value=StateValue(value=1))
    assert keys == ["a"]


async def test_store_elsewhere_is_neither_replaced_nor_watched() -> None:
    class Elsewhere(MemoryStore):
        """Stands for a database."""

    mcp: FastMCP[Any] = FastMCP("state", session_state_store=Elsewhere())
    assert not watch_session_state(mcp, [].append)
    assert isinstance(session_state_backend(mcp), Elsewhere)
