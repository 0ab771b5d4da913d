"""A cache of limited size that several threads may use."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import LRUCache

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ByteLimitedCache(Generic[Key, Value]):
    """An LRU cache of at most `max_bytes` bytes, behind a lock.

    Args:
        max_bytes: Limit for all values together; 0 keeps nothing.
        size_of: Returns the size of a value in bytes.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[Value], int]) -> None:
        self._values: LRUCache[Key, Value] = LRUCache(max_bytes, getsizeof=size_of)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    @property
    def size_bytes(self) -> int:
        """Size of all values together."""
        return int(self._values.currsize)

    def get(self, key: Key) -> Value | None:
        """Return a value, or None when the cache does not hold it."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Keep a value; one larger than the whole cache is not kept and displaces nothing."""
        with self._lock:
            self._values.pop(key, None)
            with contextlib.suppress(ValueError):  # larger than the cache
                self._values[key] = value

    def drop(self, key: Key) -> None:
        """Remove a value, if the cache holds it."""
        with self._lock:
            self._values.pop(key, None)
