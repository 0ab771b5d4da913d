"""Deleting the sessions that a load left open."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from perf_core.server.client.sessions import Deletions, OpenSession, delete_sessions
from perf_core.server.credentials.access import OPEN, Access, FixedIdentity, bearer


class Handler(BaseHTTPRequestHandler):
    """Answers DELETE with the status that the session id names, if the token is right.

    Sessions whose id ends with `kept` live on.
    """

    def do_DELETE(self) -> None:
        right = self.headers.get("Authorization") in {None, "Bearer second"}
        versioned = self.headers["MCP-Protocol-Version"] == "2025-11-25"
        status = int(self.headers["Mcp-Session-Id"].partition("-")[0]) if right and versioned else 401
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if self.headers["Mcp-Session-Id"].endswith("kept") else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/mcp"
        server.shutdown()
        thread.join()


def test_outcomes_are_counted(url: str) -> None:
    sessions = [
        *(OpenSession(f"200-{number}", url, "2025-11-25") for number in range(20)),
        OpenSession("204-a", url, "2025-11-25", 1),
        OpenSession("204-b", url, "2025-11-25", 0),
        OpenSession("404-c", url, "2025-11-25"),
        OpenSession("405-d", url, "2025-11-25"),
        OpenSession("200-e", "http://127.0.0.1:9/mcp", "2025-11-25"),
    ]
    assert delete_sessions(sessions, bearer(["the lab's", "first", "second"])) == Deletions(
        closed=21, lost=1, failed=3
    )


def test_a_session_that_is_still_served_is_not_closed(url: str) -> None:
    sessions = [OpenSession(name, url, "2025-11-25") for name in ("200-kept", "204-gone", "404-kept")]
    assert delete_sessions(sessions, OPEN) == Deletions(closed=1, lost=1, failed=1)


def test_each_session_has_its_cookies_and_no_other(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, str | None] = {}

    def delete(handler: Handler) -> None:
        asked[handler.headers["Mcp-Session-Id"]] = handler.headers["Cookie"]
        handler.send_response(200)
        handler.send_header("Set-Cookie", "node=another")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    monkeypatch.setattr(Handler, "do_DELETE", delete)
    access = Access(identities=(FixedIdentity({"cookie": "team=1"}),))
    sessions = [
        *(OpenSession(f"{number}", url, "2025-11-25", cookies=f"node={number}") for number in range(20)),
        *(OpenSession(f"plain-{number}", url, "2025-11-25") for number in range(20)),
        OpenSession("own", url, "2025-11-25", 0, "node=own"),
    ]
    assert delete_sessions(sessions, access).closed == 41
    assert asked == {
        **{f"{number}": f"node={number}" for number in range(20)},
        **{f"plain-{number}": None for number in range(20)},
        "own": "team=1; node=own",
    }


def test_nothing_to_delete_needs_no_server() -> None:
    assert delete_sessions([], OPEN) == Deletions()
