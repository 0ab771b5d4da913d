"""Heads of responses go out together with what follows them."""

from __future__ import annotations

import asyncio
from typing import Any, Final

_HEAD: Final = b"HTTP/1.1 "
"""Begins the head of a response; a body that begins like it is sent a little later, and no differently."""


class JoinedWrites:
    """A transport that sends the head of a response together with what follows it.

    uvicorn writes them apart, and each write costs the server a system call and wakes the client: some 20 µs
    together. A head that nothing follows goes out in the next turn of the loop.

    Args:
        transport: Of the connection.
        loop: That it belongs to.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data; a head is kept for a moment."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._send_head)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection when everything has been sent."""
        self._send_head()
        self._transport.close()

    def is_closing(self) -> bool:
        """Return whether the connection is closed, or about to be."""
        return self._transport.is_closing()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            if not self._transport.is_closing():
                self._transport.write(head)
