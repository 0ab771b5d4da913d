"""Limits on open files, and on the connections of one client."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable

from server_core.sdk.requestors import client_of

if sys.platform != "win32":
    import resource

_ENOUGH_FILES = 1 << 20
"""Some systems allow any number; tables of the kernel do not."""


class ConnectionCounts:
    """Counts the connections of each client, by address (of IPv6, the /64).

    Args:
        limit: Connections that one client may have.
        is_exempt: Whether an address may have any number, such as a proxy's, which has many clients.
    """

    def __init__(self, limit: int, is_exempt: Callable[[str], bool]) -> None:
        self._limit = limit
        self._is_exempt = is_exempt
        self._counts: Counter[bytes] = Counter()

    def add(self, address: tuple[str, int] | None) -> bytes | None:
        """Count a connection and return the key to remove it by; None if its client has too many."""
        if address is None or self._is_exempt(address[0]):
            return b""
        key = client_of({"type": "http", "client": address})
        if self._counts[key] >= self._limit:
            return None
        self._counts[key] += 1
        return key

    def remove(self, key: bytes) -> None:
        """Remove a connection."""
        if key:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]  # so that clients cannot make the table grow


def allow_many_files() -> None:
    """Raise the soft limit on open files, often 1024, to what the system allows."""
    if sys.platform != "win32":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        new_soft = _ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH_FILES)
        if soft != resource.RLIM_INFINITY and soft < new_soft:
            with contextlib.suppress(OSError, ValueError):  # macOS has another limit below
                resource.setrlimit(resource.RLIMIT_NOFILE, (new_soft, hard))


def connections_per_client(setting: int) -> int:
    """Return how many connections one client may have: at most half of the files that may be open."""
    if sys.platform == "win32":
        return setting
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return setting if soft == resource.RLIM_INFINITY else max(1, min(setting, soft // 2))
