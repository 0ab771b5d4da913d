"""Answers that were computed before, within so many bytes."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class BoundedCache(Generic[Key, Value]):
    """Keeps what was used last, and frees what was not used for longest when there is no more room.

    Any thread may use it.

    Args:
        max_bytes: Of all values together; 0 keeps nothing.
        size_of: Returns the size of a value in bytes.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[Value], int]) -> None:
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    @property
    def size_bytes(self) -> int:
        """Of all values together."""
        return self._bytes

    def get(self, key: Key) -> Value | None:
        """Return a value, None when it is not kept."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: Key, value: Value) -> None:
        """Keep a value; one that is larger than all the room is not kept, and pushes nothing out."""
        size = self._size_of(value)
        with self._lock:
            self._drop(key)
            if size > self._max_bytes:
                return
            self._values[key] = value
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._values)))

    def drop(self, key: Key) -> None:
        """Free a value, if it is kept."""
        with self._lock:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        if key in self._values:
            self._bytes -= self._size_of(self._values.pop(key))


def result_key(content_id: str, analysis: str, arguments: Mapping[str, Any]) -> str:
    """Return the name of an answer: equal for equal content, analysis and arguments, in whatever order.

    Args:
        content_id: What was analysed, as the store names it.
        analysis: Name of the analysis.
        arguments: JSON-able; all that the answer depends on.
    """
    return json.dumps([content_id, analysis, dict(arguments)], sort_keys=True, separators=(",", ":"))
