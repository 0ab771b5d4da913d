"""The bridge's HTTP client sends a request once, and reports every failure of a server as an OSError."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from perf_core.server.bridge.http_client import HttpConnection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Server:
    """Answers each request with the next text; closes the connection after an answer that is cut or empty.

    Attributes:
        paths: Paths of the requests, in order.
    """

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.paths: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                self.paths.append(head.split(b" ")[1].decode())
                answer = self.answers.pop(0)
                writer.write(answer)
                await writer.drain()
                if answer != OK:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.close()


Use = Callable[[HttpConnection, str], Awaitable[None]]


def paths_seen(use: Use, *answers: bytes, path: str = "/mcp") -> list[str]:
    """Use a connection to a server with these answers; return the paths that it saw."""
    server = Server(*answers)

    async def run() -> None:
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            connection = HttpConnection(None)
            try:
                await asyncio.wait_for(use(connection, f"http://127.0.0.1:{port}{path}"), 20)
            finally:
                connection.close()

    asyncio.run(run())
    return server.paths


def test_connection_is_used_again() -> None:
    async def use(connection: HttpConnection, url: str) -> None:
        for _ in range(3):
            assert await connection.exchange(url, {b"a": b"b"}, b"{}") == (200, b"hi")

    assert paths_seen(use, OK, OK, OK) == ["/mcp"] * 3


def test_request_whose_connection_is_closed_is_not_sent_again() -> None:
    async def use(connection: HttpConnection, url: str) -> None:
        assert await connection.exchange(url, {}, b"{}") == (200, b"hi")
        with pytest.raises(ConnectionError):
            await connection.exchange(url, {}, b"{}")
        assert await connection.exchange(url, {}, b"{}") == (200, b"hi")

    # The server may have carried out the second one: a tool would be called twice.
    assert paths_seen(use, OK, b"", OK) == ["/mcp"] * 3


def test_idle_connection_that_the_server_has_closed_is_replaced() -> None:
    async def use(connection: HttpConnection, url: str) -> None:
        assert await connection.exchange(url, {}, b"{}") == (200, b"hi!")
        assert connection._reader is not None
        assert await connection._reader.read() == b"", "the server has closed it"
        assert await connection.exchange(url, {}, b"{}") == (200, b"hi")

    closing = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi!"
    assert paths_seen(use, closing, OK) == ["/mcp"] * 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "before its response was complete"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi", "before its response was complete"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", "before its response"),
        (b"220 mail.test ready\r\n", r"expected HTTP/1\.1, got something else"),
    ],
    ids=["nothing", "cut", "cut chunks", "no HTTP"],
)
def test_answer_that_is_none_is_an_os_error(answer: bytes, message: str) -> None:
    async def use(connection: HttpConnection, url: str) -> None:
        with pytest.raises(OSError, match=message):
            await connection.exchange(url, {}, b"{}")
        assert await connection.exchange(url, {}, b"{}") == (200, b"hi")

    assert len(paths_seen(use, answer, OK)) == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 600_000, "headers of at most 256 KiB"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 100_000, "headers of at most 256 KiB"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 2_000_000, "a body of at most 1 MiB"),
    ],
    ids=["one header", "many headers", "body"],
)
def test_answer_that_is_too_long_is_an_os_error(
    answer: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perf_core.server.bridge.http_client._MOST_BODY_BYTES", 2**20)

    async def use(connection: HttpConnection, url: str) -> None:
        with pytest.raises(OSError, match=message):
            await connection.exchange(url, {}, b"{}")
        assert await connection.exchange(url, {}, b"{}") == (200, b"hi")

    assert len(paths_seen(use, answer, OK)) == 2


def test_path_is_encoded() -> None:
    async def use(connection: HttpConnection, url: str) -> None:
        await connection.exchange(url, {}, b"{}")

    assert paths_seen(use, OK, path="/ä%20b/mcp?key=a+b/c:d&e=f") == ["/%C3%A4%20b/mcp?key=a+b/c:d&e=f"]
