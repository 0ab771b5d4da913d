"""Two apps that differ only in the lane, sent the same requests; differences become lines of the corpus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from in_memory import Answer, Request, delete, initialize
from lane_apps import served_app
from tool_samples import make_app

CORPUS = Path(__file__).with_name("corpus.jsonl")


class Pair:
    """The two apps, and the event loop that runs both."""

    def __init__(self, *, streams: bool = False, immediate: bool = True, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._streams = streams
        self.fast, self.slow = (
            served_app(
                make_app(**options),
                immediate=fast_lane and immediate,
                fast_lane=fast_lane,
                json_response=not streams,
            )
            for fast_lane in (True, False)
        )
        for served in (self.fast, self.slow):
            self._runner.run(served.start())

    def close(self) -> None:
        for served in (self.fast, self.slow):
            self._runner.run(served.stop())
        self._runner.close()

    def close_sessions(self) -> None:
        """Close all sessions, so that their numbers start again at 0."""
        for served in (self.fast, self.slow):
            for number in range(len(served.sessions)):
                self._runner.run(served.send(delete(number)))
            served.sessions.clear()

    def ensure_session(self) -> None:
        """Open the first session again if a request has closed it."""
        if not self.fast.app.sessions_open():
            self.close_sessions()
            self.send(initialize())

    def send(self, request: Request) -> tuple[Answer, Answer]:
        fast, slow = (self._runner.run(served.send(request)) for served in (self.fast, self.slow))
        return (_without_type(fast), _without_type(slow)) if self._streams else (fast, slow)


def _without_type(answer: Answer) -> Answer:
    """Return an answer without its content type, which may be JSON or an event stream of one message."""
    headers = {name: value for name, value in answer.headers.items() if name != "content-type"}
    return replace(answer, headers=headers)


def report(requests: Sequence[Request], fast: Answer, slow: Answer) -> str:
    line = json.dumps([as_json(request) for request in requests])
    return f"\nwith the lane:    {fast}\nwithout the lane: {slow}\nnext line of {CORPUS.name}:\n{line}"


def as_json(request: Request) -> list[Any]:
    """Return a request as the corpus stores it, with bytes as Latin-1 characters."""
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers]
    return [request.method, headers, request.body.decode("latin-1")]


def from_json(document: list[Any]) -> Request:
    method, headers, body = document
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Request(method, pairs, body.encode("latin-1"))


def assert_equal_responses(session_pair: Pair, conversation: Sequence[Request]) -> None:
    for number, step in enumerate(conversation, 1):
        fast, slow = session_pair.send(step)
        assert fast == slow, report(conversation[:number], fast, slow)
    assert session_pair.fast.app.sessions_open() == session_pair.slow.app.sessions_open()
