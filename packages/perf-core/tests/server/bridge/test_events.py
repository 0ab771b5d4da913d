"""Server-sent events are put together from parts of a stream."""

import pytest

from perf_core.server.bridge.events import EventParser

STREAM = (
    b": a comment\r\n\r\nevent: endpoint\r\ndata: /messages?id=1\r\n\r\n"
    b'data:{"a":\ndata: 1}\n\nid: 7\nevent:message\ndata: x\n\ndata: never ended\n'
)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_do_not_depend_on_the_parts(size: int) -> None:
    events: list[tuple[str, bytes]] = []
    parser = EventParser(lambda name, data: events.append((name, data)))
    for at in range(0, len(STREAM), size):
        parser.feed(STREAM[at : at + size])
    assert events == [("endpoint", b"/messages?id=1"), ("message", b'{"a":\n1}'), ("message", b"x")]


@pytest.mark.parametrize("stream", [b"data: 12345678901\n\n", b"data: 12345\n" * 3 + b"\n"])
def test_event_that_is_too_long_is_refused(stream: bytes) -> None:
    events: list[bytes] = []
    parser = EventParser(lambda _name, data: events.append(data), limit=12)
    with pytest.raises(ValueError, match="expected events of at most"):
        parser.feed(stream)
    assert events == []


def test_long_event_is_put_together() -> None:
    events: list[bytes] = []
    parser = EventParser(lambda _name, data: events.append(data))
    parser.feed(b"data: ")
    for _ in range(1000):
        parser.feed(b"x" * 1000)
    parser.feed(b"\n\n")
    assert events == [b"x" * 1_000_000]
