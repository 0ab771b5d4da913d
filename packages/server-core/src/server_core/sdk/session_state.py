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

from server_core.sdk.internals import session_state_store
from server_core.sdk.session_shares import session_client
from server_core.sdk.state_on_first_use import watch_session_state

_OF_ONE_REQUEST: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:")
"""Start of a key whose session is a single request: FastMCP draws its id."""

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
        self._mcp: FastMCP[Any] | None = None

    def attach(self, mcp: FastMCP[Any]) -> None:
        """Watch the store of an app."""
        if mcp is not self._mcp and watch_session_state(mcp, self._note):
            self._mcp = mcp

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
            await session_state_store(self._app).delete(key=key)

    @property
    def _app(self) -> FastMCP[Any]:
        if self._mcp is None:
            raise RuntimeError("expected an app whose store is watched, got none: call `attach` first")
        return self._mcp
