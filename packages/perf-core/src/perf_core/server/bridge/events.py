"""Server-sent events; pure."""

from __future__ import annotations

from collections.abc import Callable

from perf_core.server.bridge.lines import MAX_LINE_BYTES, LineBuffer, OverlongLine


class EventParser:
    """Server-sent events, put together from parts of a stream; calls back with name and data of each.

    Source: WHATWG HTML, "Server-sent events", interpreting an event stream.
    """

    def __init__(self, on_event: Callable[[str, bytes], None], limit: int = MAX_LINE_BYTES) -> None:
        self._on_event = on_event
        self._limit = limit
        self._lines = LineBuffer(limit)
        self._event = ""
        self._data: list[bytes] = []
        self._length = 0

    def feed(self, part: bytes) -> None:
        """Take a part of the stream.

        Raises:
            ValueError: An event is longer than the limit.
        """
        for line in self._lines.feed(part):
            self._take(line if isinstance(line, OverlongLine) else line.removesuffix(b"\r"))

    def _take(self, line: bytes | OverlongLine) -> None:
        if isinstance(line, OverlongLine):
            raise self._too_long()
        if not line:
            if self._data:
                self._on_event(self._event or "message", b"\n".join(self._data))
            self._event, self._data, self._length = "", [], 0
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"data":
            self._length += len(value)
            if self._length > self._limit:
                raise self._too_long()
            self._data.append(value)

    def _too_long(self) -> ValueError:
        return ValueError(f"expected events of at most {self._limit / 2**20:g} MiB, got a longer one")
