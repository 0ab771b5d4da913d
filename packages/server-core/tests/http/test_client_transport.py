"""Order and number of the pieces in which a connection sends its data."""

from __future__ import annotations

import asyncio

import pytest

from server_core.http import client_transport
from server_core.http.client_transport import ClientTransport

pytestmark = pytest.mark.anyio
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Sent(asyncio.Transport):
    """A transport that records each piece that is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def write_eof(self) -> None:
        self.pieces.append(b"EOF")

    def pause_reading(self) -> None:
        raise AssertionError("closed")

    def resume_reading(self) -> None:
        self.pieces.append(b"resumed")

    def get_write_buffer_size(self) -> int:
        return 7


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
async def coalesced(sent: Sent) -> ClientTransport:
    return ClientTransport(sent, asyncio.get_running_loop())


async def test_a_head_is_sent_with_its_body(sent: Sent, coalesced: ClientTransport) -> None:
    coalesced.write(HEAD)
    assert sent.pieces == []
    coalesced.write(b"{}")
    coalesced.write(b"more")
    assert sent.pieces == [HEAD + b"{}", b"more"]
    await asyncio.sleep(0)
    assert sent.pieces == [HEAD + b"{}", b"more"]


async def test_a_head_without_a_body_is_sent_in_the_next_loop_iteration(
    sent: Sent, coalesced: ClientTransport
) -> None:
    coalesced.write(HEAD)
    await asyncio.sleep(0)
    assert sent.pieces == [HEAD]
    coalesced.write(b"{}")
    assert sent.pieces == [HEAD, b"{}"]


async def test_responses_to_pipelined_requests_keep_their_order(
    sent: Sent, coalesced: ClientTransport
) -> None:
    for body in (b"one", b"two"):
        coalesced.write(HEAD)
        coalesced.write(body)
    coalesced.write(HEAD)
    coalesced.write(HEAD)  # of responses without a body
    await asyncio.sleep(0)
    assert b"".join(sent.pieces) == HEAD + b"one" + HEAD + b"two" + HEAD + HEAD


async def test_closing_sends_a_pending_head(sent: Sent, coalesced: ClientTransport) -> None:
    coalesced.write(HEAD)
    assert not coalesced.is_closing()
    coalesced.close()
    assert (sent.pieces, sent.is_closed, coalesced.is_closing()) == ([HEAD], True, True)
    await asyncio.sleep(0)
    assert sent.pieces == [HEAD]


async def test_a_pending_head_is_dropped_when_the_connection_is_lost(
    sent: Sent, coalesced: ClientTransport
) -> None:
    coalesced.write(HEAD)
    sent.close()
    await asyncio.sleep(0)
    assert sent.pieces == []


async def test_other_methods_are_those_of_the_transport(coalesced: ClientTransport) -> None:
    assert coalesced.get_write_buffer_size() == 7


async def test_nothing_happens_to_a_connection_that_is_lost(sent: Sent, coalesced: ClientTransport) -> None:
    coalesced.write(HEAD)
    sent.close()
    coalesced.write(b"body")
    coalesced.pause_reading()
    coalesced.resume_reading()
    assert sent.pieces == []


async def test_closing_while_a_request_arrives_waits_for_the_client(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(client_transport, "_SILENCE_S", 0.01)
    transport = ClientTransport(sent, loop, lambda: True)
    transport.write(HEAD)
    transport.close()
    assert sent.pieces == [HEAD, b"EOF", b"resumed"]
    assert transport.is_closing()
    assert not sent.is_closed
    transport.write(b"more")
    transport.drop()
    assert sent.pieces == [HEAD, b"EOF", b"resumed"]
    closed = asyncio.Event()
    monkeypatch.setattr(sent, "close", closed.set)
    transport.drop()
    async with asyncio.timeout(30):
        await closed.wait()


async def test_a_client_that_never_stops_sending_is_closed(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_transport, "_LINGER_S", 0.0)
    transport = ClientTransport(sent, asyncio.get_running_loop(), lambda: True)
    transport.close()
    transport.drop()
    async with asyncio.timeout(30):
        while not sent.is_closed:  # noqa: ASYNC110 - a transport has no event
            await asyncio.sleep(0)


async def test_closing_again_does_not_wait(sent: Sent) -> None:
    transport = ClientTransport(sent, asyncio.get_running_loop(), lambda: True)
    transport.close()
    transport.close()
    assert sent.is_closed
    transport.lost()
