"""Token buckets for many clients in a table of fixed size, which several processes may share.

A bucket is one number: the time at which it will be full again (the generic cell rate algorithm, ITU-T
I.371). Clients cannot make the table grow: a keyed hash maps each client to one of many small sets, and a new
client takes the slot of the fullest bucket in its set.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

_SETS: Final = 8192
_SLOTS_PER_SET: Final = 8
_SET: Final = struct.Struct("Qd" * _SLOTS_PER_SET)
_SLOT: Final = struct.Struct("Qd")

TABLE_BYTES: Final = _SETS * _SET.size
"""Size of a table: room for 65,536 clients."""

_ROUNDING_S: Final = 1e-9
"""Far below any interval between two tokens, far above the rounding error of the sums."""


@dataclass(frozen=True)
class Rate:
    """Messages that one client may send: per second in the long run, and at once after a pause."""

    per_s: float
    burst: int


class TokenBuckets:
    """Token buckets, one per client.

    Args:
        rate: Rate of each client.
        table: `TABLE_BYTES` zeros; processes that share it share the buckets.
        key: Hides from clients which of them share a set; the same in all processes that share the table.
        lock: Context manager held while a bucket changes, for a table that processes share.
    """

    def __init__(
        self,
        rate: Rate,
        table: bytearray | memoryview,
        key: bytes,
        lock: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._interval_s = 1.0 / rate.per_s
        self._tolerance_s = (rate.burst - 1) * self._interval_s + _ROUNDING_S
        self._table = table
        self._key = key
        self._lock = lock

    def take(self, client: bytes, now_s: float) -> float:
        """Take a token from a client's bucket and return 0, or the seconds until there is a token.

        `now_s` is the time on a monotonic clock that all processes with this table share.
        """
        digest = int.from_bytes(hashlib.blake2b(client, digest_size=8, key=self._key).digest(), "little")
        name = digest or 1  # 0 marks an empty slot
        offset = name % _SETS * _SET.size
        with self._lock():
            slots = _SET.unpack_from(self._table, offset)
            names, full_at_s = slots[0::2], slots[1::2]
            if name in names:
                slot = names.index(name)
                full_s = max(full_at_s[slot], now_s)
            else:
                slot = full_at_s.index(min(full_at_s))
                full_s = now_s
            wait_s = full_s - now_s - self._tolerance_s
            if wait_s > 0:
                return float(wait_s)
            _SLOT.pack_into(self._table, offset + slot * _SLOT.size, name, full_s + self._interval_s)
            return 0.0


def shared_buckets(rate: Rate, path: Path, key: bytes) -> TokenBuckets:
    """Return buckets in a file that the workers of a server share."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(descriptor, TABLE_BYTES)  # fills a new file with zeros, leaves an old one as it is

    @contextmanager
    def lock() -> Iterator[None]:
        # Unlike a semaphore, this lock is released when its holder is killed.
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(descriptor, fcntl.LOCK_UN)

    return TokenBuckets(rate, memoryview(mmap.mmap(descriptor, TABLE_BYTES)), key, lock)
