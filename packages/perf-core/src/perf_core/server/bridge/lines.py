"""Lines of a child's output, put together from chunks; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE_BYTES = 64 * 2**20
"""Longest message of a server. It is held in memory, by the bridge and by k6."""

_KEPT_BYTES = 256
"""Bytes of an overlong line that are kept at its start and at its end, where its id stands."""


@dataclass(frozen=True)
class OverlongLine:
    """A line that was longer than the limit and has not been kept.

    Attributes:
        head: Its first bytes.
        tail: Its last bytes.
        length: Its bytes in all.
        limit: Bytes that a line may have.
    """

    head: bytes
    tail: bytes
    length: int
    limit: int


class LineBuffer:
    """Puts lines together.

    Example::

        list(LineBuffer().feed(b"a\\nb"))  # [b"a"]; b"b" is kept until its line ends
    """

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._length = 0
        self._overlong: OverlongLine | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes | OverlongLine]:
        """Yield the lines that a chunk completes, without their ends."""
        if not self._length and 0 <= chunk.find(b"\n") == len(chunk) - 1 <= self._limit:
            yield chunk[:-1]  # nearly always a chunk is one answer
            return
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            yield self._complete(part)
        self._keep(rest)

    def rest(self) -> bytes:
        """Return the beginning of a line that has not ended."""
        return b"" if self._overlong else b"".join(self._parts)

    def _complete(self, part: bytes) -> bytes | OverlongLine:
        self._keep(part)
        line: bytes | OverlongLine = self._overlong or b"".join(self._parts)
        self._parts, self._length, self._overlong = [], 0, None
        return line

    def _keep(self, part: bytes) -> None:
        if not part:
            return
        self._length += len(part)
        if self._overlong is None and self._length <= self._limit:
            self._parts.append(part)
            return
        if self._overlong is None:
            whole = b"".join([*self._parts, part])
            self._parts = []
            head, tail = whole[:_KEPT_BYTES], whole[-_KEPT_BYTES:]
            self._overlong = OverlongLine(head, tail, self._length, self._limit)
        else:
            tail = (self._overlong.tail + part)[-_KEPT_BYTES:]
            self._overlong = OverlongLine(self._overlong.head, tail, self._length, self._limit)
