"""Tells an app which sessions have ended, so that it can free what it keeps for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

from fastmcp import FastMCP

from server_core.sdk.session_state import SessionState

_logger = logging.getLogger(__name__)

_LAST_CALLS_WITHIN_S: Final = 5.0
"""An app that hangs must not keep the server from ending."""

Ended = Callable[[str], Awaitable[object]]

# Kept here rather than on the app, which belongs to its author.
_callbacks: Final[WeakKeyDictionary[FastMCP[Any], list[Ended]]] = WeakKeyDictionary()


def on_session_end(mcp: FastMCP[Any], ended: Ended) -> None:
    """Call a coroutine function with the id of each session that ends while the app is served over HTTP.

    A session ends when its client closes it, when it expires, and when it is given up for a new one
    (`max_sessions_per_client`). Nobody can use its id afterwards. The end of the server tells nothing.

    Example:
        >>> mcp, notes = FastMCP("shop"), dict[str, list[str]]()
        >>> async def forget(session: str) -> None:
        ...     notes.pop(session, None)
        >>> on_session_end(mcp, forget)
    """
    _callbacks.setdefault(mcp, []).append(ended)


class SessionEnds:
    """Calls what an app has registered with `on_session_end`, while it is served, and frees session state."""

    def __init__(self, mcp: FastMCP[Any], state: SessionState) -> None:
        self._mcp = mcp
        self._state = state
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_served = False

    def start(self) -> None:
        """Tell the app from now on."""
        self._state.attach(self._mcp)
        self._is_served = True

    async def settled(self) -> None:
        """Wait until the app has done what it does for the sessions that have ended so far."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_CALLS_WITHIN_S)

    async def stop(self) -> None:
        """Tell the app no more, and wait until it is done."""
        self._is_served = False
        await self.settled()

    def report(self, session_id: str) -> None:
        """Tell the app that a session has ended."""
        if not self._is_served:
            return
        for ended in _callbacks.get(self._mcp, ()):
            self._begin(_called(ended, session_id))
        keys = self._state.keys_of(session_id)
        if keys:
            self._begin(self._state.free(keys))

    def _begin(self, work: Awaitable[object]) -> None:
        task = asyncio.get_running_loop().create_task(_finish(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _called(ended: Ended, session_id: str) -> None:
    await ended(session_id)


async def _finish(work: Awaitable[object]) -> None:
    try:
        await work
    except Exception:
        _logger.exception("an app could not free what it kept for a session")
