"""The keys of a store in Redis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from store_samples import entry

from music21_server.store.redis.store import RedisStore

Make = Callable[..., RedisStore]


def keys_of(raw: Any, prefix: str) -> list[str]:
    return sorted(key.decode() for key in raw.keys(f"{prefix}:*"))


def key_of(prefix: str, key: str) -> str:
    """Return a key of the store, of the content `a` if there is one for each content."""
    suffix = f":{entry('a').content_id}" if key in ("content", "names") else ""
    return f"{prefix}:1:{key}{suffix}"
