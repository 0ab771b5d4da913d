"""Modules that FastMCP imports on first use, imported in advance once the server is ready.

Their import takes 0.2 s and more. In the middle of a request it would stop all others for that long; before
the server is ready it would delay its first answers, which need none of them.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from contextlib import suppress
from typing import Final

IMPORTED_BY_FASTMCP_ON_FIRST_USE: Final = (
    "key_value.aio.adapters.pydantic",
    "key_value.aio.stores.memory",
)
"""Session state."""

_DELAY_S: Final = 1.0
"""Time in which clients that have waited for the server get their first answers."""


class LateImports:
    """Imports the modules in a thread, during which requests go on; one that needs them at once waits."""

    def __init__(self, delay_s: float = _DELAY_S) -> None:
        self._delay_s = delay_s
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Import them soon."""
        self._timer = asyncio.get_running_loop().call_later(self._delay_s, self._begin)

    def stop(self) -> None:
        """Import them no more, unless that has begun."""
        if self._timer is not None:
            self._timer.cancel()

    def _begin(self) -> None:
        threading.Thread(target=import_all, name="late imports", daemon=True).start()


def import_all() -> None:
    """Import the modules, as far as they are installed."""
    for module in IMPORTED_BY_FASTMCP_ON_FIRST_USE:
        with suppress(ImportError):
            importlib.import_module(module)
    # Not kept out of later collections, as the start is: requests in progress would be kept out with them,
    # and what they leave behind would never be freed.
