"""Requests of a server during calls that nobody answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from perf_core.server.client import diagnosis
from perf_core.server.client.diagnosis import server_requests
from perf_core.server.client.replies import Answers
from perf_core.server.credentials.access import Access


class Handler(BaseHTTPRequestHandler):
    """Answers the stateless wire; the tool says what happens in a call."""

    ended = Event()
    calls = 0

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tool = message["params"].get("name")
        result: dict[str, Any] = {"content": []} if tool else {"serverInfo": {"name": "x", "version": "1"}}
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        Handler.calls += tool is not None
        if tool == "asks" or (tool == "asks-seldom" and Handler.calls % 5 == 0):
            self.send({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}})
            self.send({"jsonrpc": "2.0", "id": "s-1", "method": "elicitation/create", "params": {}})
        elif tool != "hangs":
            self.send(answer)
            return
        self.ended.wait(10)

    def send(self, message: Any) -> None:
        self.wfile.write(f"event: message\r\ndata: {json.dumps(message)}\r\n\r\n".encode())
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(diagnosis, "_WAIT_S", 0.5)
    Handler.ended.clear()
    Handler.calls = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/mcp"
        Handler.ended.set()
        server.shutdown()
        thread.join()


def test_request_during_a_call_is_named(url: str) -> None:
    assert server_requests(url, "stateless", {"asks": {"a": 1}}) == {"asks": "elicitation/create"}


def test_call_that_is_answered_is_repeated(url: str) -> None:
    assert server_requests(url, "stateless", {"asks-seldom": {}}) == {"asks-seldom": "elicitation/create"}
    assert Handler.calls == 5


def test_server_that_only_hangs_has_no_request(url: str) -> None:
    assert server_requests(url, "stateless", {"hangs": {}, "asks": {}}) == {}


def test_unreachable_server_has_no_request() -> None:
    assert server_requests("http://127.0.0.1:9/mcp", "stateless", {"add": {}}) == {}


def test_diagnosis_declares_as_little_as_the_load(streamer: Callable[..., Any]) -> None:
    server = streamer()
    access = Access(answers=Answers(elicitation={"city": "Paris"}))
    assert server_requests(server.url, "session", {"asks": {}}, access=access) == {
        "asks": "elicitation/create"
    }
    assert server.server.capabilities == {}
