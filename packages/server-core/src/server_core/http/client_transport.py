"""A connection's transport: heads sent with what follows them, and closing without losing a response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

_HEAD: Final = b"HTTP/1.1 "
"""Start of a response head. A body chunk that starts like this is only sent a little later."""


_SILENCE_S: Final = 2.0
_LINGER_S: Final = 10.0
"""Times that a client has to stop sending: after its last byte, and after the response."""


class ClientTransport:
    """A transport that sends the head of a response together with the data that follows it.

    uvicorn writes them separately, and each write costs a system call and wakes the client: about 20 µs
    together. A head that nothing follows is sent in the next iteration of the event loop.

    Once the client has left, nothing is written or paused any more. Responses may still be due then, and
    uvloop's transport raises an error for each.

    A socket that is closed while data arrives is reset, and the client may lose a response that it has not
    read yet, such as 413. While `is_receiving`, `close` therefore only ends the sending, and what still
    arrives is dropped until the client closes or time is up (RFC 9112, 9.6).
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        is_receiving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._is_receiving = is_receiving
        self._head = b""
        self._lingers_until_s: float | None = None
        self._end: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data; a head is held back until the next write or loop iteration."""
        if self.is_closing():
            return
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._send_head)
        else:
            self._transport.write(data)

    def pause_reading(self) -> None:
        """Read no more until `resume_reading`."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Close the connection after everything has been sent, and what is arriving has been read."""
        self._send_head()
        if self.is_closing() or not self._is_receiving():
            self._transport.close()
            return
        now_s = self._loop.time()
        self._lingers_until_s = now_s + _LINGER_S
        self._end = self._loop.call_later(_SILENCE_S, self._transport.close)
        self._transport.write_eof()
        self._transport.resume_reading()

    def drop(self) -> None:
        """Note that data has arrived on a connection that is closing."""
        if self._lingers_until_s is not None and self._end is not None:
            self._end.cancel()
            rest_s = min(_SILENCE_S, self._lingers_until_s - self._loop.time())
            self._end = self._loop.call_later(max(0.0, rest_s), self._transport.close)

    def lost(self) -> None:
        """Note that the connection has ended."""
        if self._end is not None:
            self._end.cancel()

    def is_closing(self) -> bool:
        """Return whether the connection is closed, closing, or closed for sending."""
        return self._lingers_until_s is not None or self._transport.is_closing()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            if not self.is_closing():
                self._transport.write(head)
