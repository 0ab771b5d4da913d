"""Token buckets of many clients in a table of fixed size that several processes may share.

A bucket is one number: the time at which it would be full again (the generic cell rate algorithm, ITU-T
I.371). Clients cannot make the table grow: each has its place in one of many small sets, chosen by a keyed
hash, and where a set has no free place the fullest bucket makes room.
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
_WAYS: Final = 8
_SET: Final = struct.Struct("Qd" * _WAYS)
_PLACE: Final = struct.Struct("Qd")

TABLE_BYTES: Final = _SETS * _SET.size
"""Size of a table: room for 65,536 clients."""

_ROUNDING_S: Final = 1e-9
"""Far below any interval between two tokens, far above what sums of floats are off by."""


@dataclass(frozen=True)
class Rate:
    """What one client may send.

    Attributes:
        per_s: In the long run.
        burst: At once, after a pause.
    """

    per_s: float
    burst: int


class TokenBuckets:
    """Takes tokens out of clients' buckets.

    Args:
        rate: Of every client.
        table: Zeros, `TABLE_BYTES` long; whoever shares it shares the buckets.
        key: Makes unknown to clients which of them share a set; the same for all who share the table.
        alone: Held while a bucket changes, when processes share the table.
    """

    def __init__(
        self,
        rate: Rate,
        table: bytearray | memoryview,
        key: bytes,
        alone: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._interval_s = 1.0 / rate.per_s
        self._tolerance_s = (rate.burst - 1) * self._interval_s + _ROUNDING_S
        self._table = table
        self._key = key
        self._alone = alone

    def take(self, client: bytes, now_s: float) -> float:
        """Take a token, if there is one.

        Args:
            client: Who.
            now_s: By a clock that never goes back and that all who share the table share.

        Returns:
            0 when there was one, otherwise the seconds until there is.
        """
        digest = int.from_bytes(hashlib.blake2b(client, digest_size=8, key=self._key).digest(), "little")
        name = digest or 1  # 0 is an empty place
        offset = name % _SETS * _SET.size
        with self._alone():
            places = _SET.unpack_from(self._table, offset)
            names, full_at_s = places[0::2], places[1::2]
            if name in names:
                way = names.index(name)
                full_s = max(full_at_s[way], now_s)
            else:
                way = full_at_s.index(min(full_at_s))
                full_s = now_s
            wait_s = full_s - now_s - self._tolerance_s
            if wait_s > 0:
                return float(wait_s)
            _PLACE.pack_into(self._table, offset + way * _PLACE.size, name, full_s + self._interval_s)
            return 0.0


def shared_buckets(rate: Rate, path: Path, key: bytes) -> TokenBuckets:
    """Return buckets in a file, which the processes of a server share.

    Raises:
        OSError: The file cannot be opened or grown.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(descriptor, TABLE_BYTES)  # zeros, and no change when it has that size

    @contextmanager
    def alone() -> Iterator[None]:
        # A process that is killed meanwhile lets go of this lock, unlike of a semaphore.
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(descriptor, fcntl.LOCK_UN)

    return TokenBuckets(rate, memoryview(mmap.mmap(descriptor, TABLE_BYTES)), key, alone)
