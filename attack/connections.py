"""A connection to the server that sends bytes as they are, and reads whole responses."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys

from messages import Answer

HOSTILE_ADDRESS, FLOODING_ADDRESS = (
    ("127.0.0.2", "127.0.0.3") if sys.platform == "linux" else ("127.0.0.1", "127.0.0.1")
)
"""Addresses of hostile clients, and of those that flood the server with connections.

On Linux all of 127.0.0.0/8 is loopback, elsewhere only one address.
"""

_ANSWER_S = 60.0
_CLOSE_S = 2.0


class LostAnswerError(Exception):
    """A request got no answer: the connection broke, or nothing came in time."""


class SilentServerError(LostAnswerError):
    """No answer came in time, and the connection is still open."""


class Connection:
    """One TCP connection; `close` or `reset` ends it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def is_open(self) -> bool:
        """Whether the server has not closed it, as far as this side knows."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def send(self, *pieces: bytes) -> None:
        """Send pieces one after another, as far as the server takes them."""
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                self._writer.write(piece)
                await self._writer.drain()

    async def answer(self, timeout_s: float = _ANSWER_S) -> Answer:
        """Return the next response.

        Raises:
            LostAnswerError: The connection ended before it was whole.
            SilentServerError: `timeout_s` passed.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._answer()
        except TimeoutError as error:
            raise SilentServerError(f"expected an answer within {timeout_s:g} s, got none") from error
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise LostAnswerError(f"expected an answer, got {error!r}") from error

    async def _answer(self) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        status = int(line.split(" ")[1])
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int((await self._reader.readline()).partition(b";")[0], 16):
                body += await self._reader.readexactly(size)
                await self._reader.readline()
            await self._reader.readline()
        else:
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(status, headers, body)

    async def exchange(self, data: bytes, timeout_s: float = _ANSWER_S) -> Answer:
        """Send a request and return its response.

        Raises:
            LostAnswerError: There is none.
        """
        await self.send(data)
        return await self.answer(timeout_s)

    async def stall(self, seconds: float) -> None:
        """Read nothing for some time, so that what the server sends fills the buffers between."""
        self._writer.transport.pause_reading()
        await asyncio.sleep(seconds)

    def reset(self) -> None:
        """End the connection with a reset, as the end of a crashed client's machine may."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        """End the connection; what the server does not take within seconds is dropped."""
        self._writer.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._writer.wait_closed()
        except TimeoutError:
            self._writer.transport.abort()
        except OSError:
            pass  # it was broken already


async def connect(port: int, *, address: str = "127.0.0.1", timeout_s: float = 20.0) -> Connection:
    """Return a connection from an address of this machine to the server.

    Raises:
        LostAnswerError: The server does not accept it.
    """
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(address, 0), limit=1 << 20
            )
    except (OSError, TimeoutError) as error:
        raise LostAnswerError(f"expected a connection, got {error!r}") from error
    return Connection(reader, writer)
