"""Session state of FastMCP, freed when nobody can read it any more.

FastMCP keeps what a tool stores with `Context.set_state` in memory for a day, under the id of the session and
a key: also after the session has ended, and on the stateless wire, where each request has an id that no other
request gets. Clients would choose how much that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from fastmcp import FastMCP

from server_core.sdk.internals import session_state_backend, session_state_store
from server_core.sdk.session_shares import session_client

_OF_ONE_REQUEST: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:")
"""Start of a key whose session is a single request: FastMCP draws its id."""

_IN_MEMORY: Final = "MemoryStore"

_keys_of_request: ContextVar[set[str] | None] = ContextVar("_keys_of_request", default=None)


@contextmanager
def request_without_session() -> Iterator[set[str]]:
    """Yield the keys that are stored within the block for the request alone."""
    keys: set[str] = set()
    token = _keys_of_request.set(keys)
    try:
        yield keys
    finally:
        _keys_of_request.reset(token)


class SessionState:
    """Watches what an app keeps for its sessions; a store that is not in memory has its own rules."""

    def __init__(self) -> None:
        self._keys: dict[str, set[str]] = {}
        self._store: Any = None

    def attach(self, mcp: FastMCP[Any]) -> None:
        """Watch the store of an app."""
        store = session_state_store(mcp)
        if store is self._store or type(session_state_backend(mcp)).__name__ != _IN_MEMORY:
            return
        self._store = store
        put = store.put

        async def noted_put(*args: Any, **kwargs: Any) -> Any:
            self._note(str(kwargs.get("key", args[0] if args else "")))
            return await put(*args, **kwargs)

        store.put = noted_put

    def _note(self, key: str) -> None:
        keys = _keys_of_request.get()
        if keys is not None:
            if _OF_ONE_REQUEST.match(key):
                keys.add(key)
            return
        session_id, _, _ = key.partition(":")
        if session_client(session_id) is not None:
            self._keys.setdefault(session_id, set()).add(key)

    def keys_of(self, session_id: str) -> Iterable[str]:
        """Return the keys of a session that has ended, and forget them."""
        return self._keys.pop(session_id, ())

    async def free(self, keys: Iterable[str]) -> None:
        """Delete values."""
        for key in keys:
            await self._store.delete(key=key)
