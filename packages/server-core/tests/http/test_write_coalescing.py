"""What a connection is given to send, and in how many pieces."""

from __future__ import annotations

import asyncio

import pytest

from server_core.http.write_coalescing import CoalescedWrites

pytestmark = pytest.mark.anyio
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Sent(asyncio.Transport):
    """A transport that remembers what it was given, piece by piece."""

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

    def get_write_buffer_size(self) -> int:
        return 7


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
async def joined(sent: Sent) -> CoalescedWrites:
    return CoalescedWrites(sent, asyncio.get_running_loop())


async def test_a_head_goes_out_with_its_body(sent: Sent, joined: CoalescedWrites) -> None:
    joined.write(HEAD)
    assert sent.pieces == []
    joined.write(b"{}")
    joined.write(b"more")
    assert sent.pieces == [HEAD + b"{}", b"more"]
    await asyncio.sleep(0)
    assert sent.pieces == [HEAD + b"{}", b"more"]


async def test_a_head_that_nothing_follows_goes_out_in_the_next_turn(
    sent: Sent, joined: CoalescedWrites
) -> None:
    joined.write(HEAD)
    await asyncio.sleep(0)
    assert sent.pieces == [HEAD]
    joined.write(b"{}")
    assert sent.pieces == [HEAD, b"{}"]


async def test_responses_to_pipelined_requests_keep_their_order(sent: Sent, joined: CoalescedWrites) -> None:
    for body in (b"one", b"two"):
        joined.write(HEAD)
        joined.write(body)
    joined.write(HEAD)
    joined.write(HEAD)  # of responses without a body
    await asyncio.sleep(0)
    assert b"".join(sent.pieces) == HEAD + b"one" + HEAD + b"two" + HEAD + HEAD


async def test_closing_sends_what_was_kept(sent: Sent, joined: CoalescedWrites) -> None:
    joined.write(HEAD)
    assert not joined.is_closing()
    joined.close()
    assert (sent.pieces, sent.is_closed, joined.is_closing()) == ([HEAD], True, True)
    await asyncio.sleep(0)
    assert sent.pieces == [HEAD]


async def test_a_connection_that_was_lost_meanwhile_is_not_written_to(
    sent: Sent, joined: CoalescedWrites
) -> None:
    joined.write(HEAD)
    sent.close()
    await asyncio.sleep(0)
    assert sent.pieces == []


async def test_everything_else_is_the_transport_s(joined: CoalescedWrites) -> None:
    assert joined.get_write_buffer_size() == 7
