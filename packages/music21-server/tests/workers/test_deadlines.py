from __future__ import annotations

from music21_server.workers.deadlines import Deadline, shorten, shortening


def test_deadlines_reach_the_listener_of_the_block() -> None:
    received: list[Deadline] = []
    shorten(Deadline(1))  # nobody listens
    with shortening(received.append):
        shorten(Deadline(2, "x", "y"))
    shorten(Deadline(3))
    assert received == [Deadline(2, "x", "y")]
