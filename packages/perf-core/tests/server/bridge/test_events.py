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
