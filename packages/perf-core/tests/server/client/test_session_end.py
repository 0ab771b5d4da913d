"""Requests with a session that was deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from perf_core.server.client.session_end import deleted_session_problem
from perf_core.server.credentials.access import bearer

TOKEN = "t"
RESULT = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "fake", "version": "1"}}


class Server(ThreadingHTTPServer):
    """A server that forgets deleted sessions, unless it is told to answer otherwise."""

    has_sessions = True
    deletion = 200
    afterwards = 404

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ended: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/mcp"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_gone = self.headers["Mcp-Session-Id"] in self.server.ended
        body = json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": RESULT})
        self.answer(self.server.afterwards if is_gone else 200, body)

    def do_DELETE(self) -> None:
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        if self.server.deletion == 200:
            self.server.ended.add(self.headers["Mcp-Session-Id"])
        self.answer(self.server.deletion)

    def answer(self, status: int, body: str = "") -> None:
        self.send_response(status)
        if self.server.has_sessions:
            self.send_header("Mcp-Session-Id", "s1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_deleted_session_that_answers_404_is_right(server: Server) -> None:
    assert deleted_session_problem(server.url, access=bearer([TOKEN])) == ""
    assert server.ended == {"s1"}


@pytest.mark.parametrize("status", [200, 400, 500])
def test_deleted_session_that_answers_otherwise_is_a_problem(server: Server, status: int) -> None:
    server.afterwards = status
    problem = deleted_session_problem(server.url, access=bearer([TOKEN]))
    assert (
        problem == f"expected status 404 for a request with a deleted session at {server.url}, got {status}"
    )


def test_key_of_the_address_is_not_shown(server: Server) -> None:
    server.afterwards = 200
    problem = deleted_session_problem(f"{server.url}?api_key=k-12345", access=bearer([TOKEN]))
    assert f"at {server.url}?api_key=***, got 200" in problem


def test_server_that_lets_no_client_delete_sessions_is_right(server: Server) -> None:
    server.deletion, server.afterwards = 405, 200
    assert deleted_session_problem(server.url, access=bearer([TOKEN])) == ""


def test_server_without_sessions_is_right(server: Server) -> None:
    server.has_sessions = False
    assert deleted_session_problem(server.url, access=bearer([TOKEN])) == ""
    assert server.ended == set()
