"""FastMCP's store of session state, created when something is stored for the first time.

FastMCP creates it when it is first asked, which any list of tools does. Its import takes a tenth of the start
of a server, and few apps store anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastmcp import FastMCP

from server_core.sdk.internals import (
    session_state_backend,
    session_state_store,
    session_state_store_if_created,
    set_session_state_store,
)

_IN_MEMORY: Final = "MemoryStore"


class StateOnFirstUse:
    """Stands for the store of an app until something is stored; until then every value is missing.

    Args:
        mcp: App without a store of its own.
    """

    def __init__(self, mcp: FastMCP[Any]) -> None:
        self._mcp = mcp
        self._store: Any = None
        self._watchers: list[Callable[[str], None]] = []

    def on_put(self, watcher: Callable[[str], None]) -> None:
        """Call a function with each key before something is stored under it."""
        self._watchers.append(watcher)

    async def get(self, key: str, **options: Any) -> Any:
        """Return a value; None without one."""
        return None if self._store is None else await self._store.get(key=key, **options)

    async def put(self, key: str, value: Any, **options: Any) -> None:
        """Store a value."""
        for watcher in self._watchers:
            watcher(key)
        await self._created().put(key=key, value=value, **options)

    async def delete(self, key: str, **options: Any) -> bool:
        """Delete a value and return whether there was one."""
        return False if self._store is None else bool(await self._store.delete(key=key, **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._created(), name)

    def _created(self) -> Any:
        if self._store is None:
            set_session_state_store(self._mcp, None)
            self._store = session_state_store(self._mcp)
            set_session_state_store(self._mcp, self)
        return self._store


def defer_session_state(mcp: FastMCP[Any]) -> None:
    """Let an app create its store when something is stored, unless it has a store already."""
    if session_state_backend(mcp) is None and session_state_store_if_created(mcp) is None:
        set_session_state_store(mcp, StateOnFirstUse(mcp))


def watch_session_state(mcp: FastMCP[Any], watcher: Callable[[str], None]) -> bool:
    """Call a function with each key under which FastMCP stores session state.

    Return False if the store is not in this process's memory: then others may write to it, too, and nothing
    is watched.
    """
    defer_session_state(mcp)
    store = session_state_store(mcp)
    if isinstance(store, StateOnFirstUse):
        store.on_put(watcher)
        return True
    if type(session_state_backend(mcp)).__name__ != _IN_MEMORY:
        return False
    put = store.put

    async def watched_put(*args: Any, **kwargs: Any) -> Any:
        watcher(str(kwargs.get("key", args[0] if args else "")))
        return await put(*args, **kwargs)

    store.put = watched_put
    return True
