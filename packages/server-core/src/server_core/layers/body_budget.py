"""The number of bytes of request bodies that may be in memory at once, in all and of one client."""

from __future__ import annotations

from collections import Counter

from server_core.sdk.session_shares import UNKNOWN_CLIENT


class BodyBudget:
    """Counts the bytes of large bodies, from their arrival to the end of their requests.

    A limit on each body alone is none: thousands of connections can each send one slowly. One client gets at
    most half, so that it cannot keep all others from sending.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._total_bytes = 0
        self._by_client: Counter[bytes] = Counter()

    def take(self, client: bytes, size_bytes: int) -> bool:
        """Count bytes of a client's body and return True, or False if there is no room for them."""
        own_bytes = self._by_client[client] + size_bytes
        most_bytes = self._max_bytes if client == UNKNOWN_CLIENT else self._max_bytes // 2
        if self._total_bytes + size_bytes > self._max_bytes or own_bytes > most_bytes:
            return False
        self._by_client[client] = own_bytes
        self._total_bytes += size_bytes
        return True

    def give_back(self, client: bytes, size_bytes: int) -> None:
        """Count bytes no more."""
        self._total_bytes -= size_bytes
        self._by_client[client] -= size_bytes
        if not self._by_client[client]:
            del self._by_client[client]  # so that clients cannot make the table grow
