"""Tests of connections with a server in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from connections import Connection, LostAnswerError, SilentServerError, connect
from scripted_server import response, serving

pytestmark = pytest.mark.anyio

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    b"HTTP/1.1 204 No\r\n\r\n"
)


async def test_whole_answers_are_read_one_after_another() -> None:
    async with serving(lambda _head, _message: response(404, {"a": 1}, "X-Name: v: w") + CHUNKED) as port:
        connection = await connect(port)
        answer = await connection.exchange(b"GET / HTTP/1.1\r\n\r\n")
        assert (answer.status, answer.headers["x-name"], answer.message) == (404, "v: w", {"a": 1})
        assert (await connection.answer()).body == b"abcde"
        assert (await connection.answer()).status == 204
        assert connection.is_open
        await connection.close()
        assert not connection.is_open


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nContent-Le"]
)
async def test_an_answer_that_is_not_whole_is_lost(sent: bytes) -> None:
    async def send_and_close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(send_and_close, "127.0.0.1", 0)
    connection = await connect(server.sockets[0].getsockname()[1])
    with pytest.raises(LostAnswerError, match="expected an answer"):
        await connection.answer()
    await connection.close()
    server.close()
    await server.wait_closed()


async def test_silence_is_told_from_a_closed_connection() -> None:
    async with serving(lambda _head, _message: b"") as port:
        connection = await connect(port)
        with pytest.raises(SilentServerError, match=r"within 0\.01 s"):
            await connection.exchange(b"GET / HTTP/1.1\r\n\r\n", 0.01)
        await connection.close()


async def test_nothing_listens() -> None:
    async with serving(lambda _head, _message: b"") as port:
        pass
    with pytest.raises(LostAnswerError, match="expected a connection"):
        await connect(port)


def _reset(connection: Connection) -> None:
    connection.reset()


@pytest.mark.parametrize("end", [_reset, None], ids=["reset", "close"])
async def test_the_other_side_sees_how_a_connection_ends(end: Callable[[Connection], None] | None) -> None:
    seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
            seen.set_result("end")
        except ConnectionResetError:
            seen.set_result("reset")
        writer.close()

    server = await asyncio.start_server(read, "127.0.0.1", 0)
    connection = await connect(server.sockets[0].getsockname()[1])
    if end is not None:
        end(connection)
    await connection.close()
    async with asyncio.timeout(30):
        assert await seen == ("end" if end is None else "reset")
    server.close()
    await server.wait_closed()
