"""Server-sent events; pure."""

from __future__ import annotations

from collections.abc import Callable

_MAX_EVENT_BYTES = 64 * 2**20


class EventParser:
    """Server-sent events, put together from parts of a stream; calls back with name and data of each.

    Source: WHATWG HTML, "Server-sent events", interpreting an event stream.
    """

    def __init__(self, on_event: Callable[[str, bytes], None]) -> None:
        self._on_event = on_event
        self._rest = b""
        self._event = ""
        self._data: list[bytes] = []

    def feed(self, part: bytes) -> None:
        """Take a part of the stream.

        Raises:
            ValueError: A line is longer than 64 MiB.
        """
        *lines, self._rest = (self._rest + part).split(b"\n")
        if len(self._rest) > _MAX_EVENT_BYTES:
            raise ValueError(f"expected events of at most {_MAX_EVENT_BYTES // 2**20} MiB, got a longer one")
        for line in lines:
            self._take(line.removesuffix(b"\r"))

    def _take(self, line: bytes) -> None:
        if not line:
            if self._data:
                self._on_event(self._event or "message", b"\n".join(self._data))
            self._event, self._data = "", []
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"data":
            self._data.append(value)
