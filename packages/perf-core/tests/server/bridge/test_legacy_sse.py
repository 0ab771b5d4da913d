"""A server on the HTTP+SSE transport of revision 2024-11-05 behind a real bridge."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from perf_core.server.bridge.legacy_sse import address_of

pytestmark = pytest.mark.process

CUT: dict[str, Any] = {}
"""Ends a stream in the middle, as a server does that crashes."""


class LegacyServer(ThreadingHTTPServer):
    """An adder on the old transport.

    Attributes:
        tokens: Values of Authorization that it saw.
        endpoint: Address for messages that it names.
        misrouted: Messages without the cookie of their session.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tokens: set[str | None] = set()
        self.misrouted: list[str] = []
        self.streams: dict[str, queue.Queue[dict | None]] = {}
        self.endpoint = "/messages?id={id}"
        self.url = f"http://127.0.0.1:{self.server_port}/sse?x=1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LegacyServer

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.tokens.add(self.headers["Authorization"])
        if self.path == "/old":
            self.reply(307, "/sse?x=1")
            return
        if self.path != "/sse?x=1":
            self.reply(404)
            return
        number = str(len(self.server.streams))
        stream = self.server.streams[number] = queue.Queue()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Set-Cookie", f"node={number}")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.event("endpoint", self.server.endpoint.replace("{id}", number))
        while (message := stream.get()) is not None:
            if message is CUT:
                self.close_connection = True
                return
            self.event("message", json.dumps(message))
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def do_POST(self) -> None:
        self.server.tokens.add(self.headers["Authorization"])
        if self.headers["Cookie"] != f"node={self.path.rpartition('=')[2]}":
            self.server.misrouted.append(f"{self.path}: {self.headers['Cookie']}")
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        stream = self.server.streams[self.path.rpartition("=")[2]]
        if "id" in message:
            arguments = message.get("params", {}).get("arguments", {})
            if arguments.get("a") == 500:
                self.reply(500)
                return
            if arguments.get("a") == 0:
                stream.put(None)
            elif arguments.get("a") == -1:
                stream.put(CUT)
            else:
                result = {"total": sum(arguments.values()), "method": message["method"]}
                stream.put({"jsonrpc": "2.0", "id": message["id"], "result": result})
        self.reply(202)

    def event(self, name: str, data: str) -> None:
        text = f": comment\r\nevent: {name}\r\ndata: {data}\r\n\r\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(text), text))

    def reply(self, status: int, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def legacy() -> Iterator[LegacyServer]:
    with LegacyServer() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        for stream in server.streams.values():
            stream.put(None)
        server.shutdown()


@pytest.fixture
def bridge(legacy: LegacyServer, start_command: Callable[..., Any]) -> Any:
    running = start_command("--sse", legacy.url)
    running.http.headers["Authorization"] = "Bearer t1"
    return running


def test_sessions_of_the_old_transport_answer_like_new_ones(bridge: Any, legacy: LegacyServer) -> None:
    first, second = bridge.session(), bridge.session()
    results = [session.add(n, 10).json()["result"] for n, session in ((1, first), (2, second), (3, first))]
    assert [result["total"] for result in results] == [11, 12, 13]
    assert len(legacy.streams) == 2
    assert legacy.tokens == {"Bearer t1"}, "the client's credentials are passed on"
    assert legacy.misrouted == [], "each session keeps its cookie"
    assert first.delete() == 200
    assert first.add(1, 1).status_code == 404
    assert second.add(1, 1).status_code == 200
    assert bridge.counts.is_remote
    assert bridge.children() == []


def test_stream_that_the_server_closes_ends_the_session(bridge: Any) -> None:
    session = bridge.session()
    failed = session.add(0, 1)
    assert failed.status_code == 500
    assert "the server closed it" in failed.json()["error"]["message"]
    assert session.add(1, 1).status_code == 404
    assert bridge.session().add(1, 1).status_code == 200


def test_stream_that_is_cut_ends_the_session(bridge: Any) -> None:
    session = bridge.session()
    failed = session.add(-1, 1)
    assert failed.status_code == 500
    assert "closed the connection before its response was complete" in failed.json()["error"]["message"]
    assert session.add(1, 1).status_code == 404
    assert bridge.session().add(1, 1).status_code == 200


def test_connections_of_a_lost_session_are_closed(
    bridge: Any, legacy: LegacyServer, wait_until: Callable[..., Any]
) -> None:
    session = bridge.session()
    assert session.add(0, 1).status_code == 500
    assert session.add(1, 1).status_code == 404
    wait_until(
        lambda: (
            not any(
                each.raddr and each.raddr.port == legacy.server_port
                for each in bridge.process.net_connections(kind="tcp")
            )
        ),
        "an end of both connections",
    )


def test_renewed_credentials_reach_the_server(bridge: Any, legacy: LegacyServer) -> None:
    session = bridge.session()
    bridge.http.headers["Authorization"] = "Bearer t2"
    assert session.add(1, 1).status_code == 200
    assert legacy.tokens == {"Bearer t1", "Bearer t2"}
    assert len(legacy.streams) == 1, "it is the same session"


def test_redirect_of_the_stream_is_followed(legacy: LegacyServer, start_command: Callable[..., Any]) -> None:
    bridge = start_command("--sse", legacy.url.replace("/sse?x=1", "/old"))
    assert bridge.session().add(1, 2).json()["result"]["total"] == 3


@pytest.mark.parametrize(
    ("answer", "message"),
    [(b"", "closed the connection"), (b"220 mail.test ready\r\n", "expected HTTP/1.1, got something else")],
)
def test_server_that_does_not_answer_the_get_fails_the_handshake(
    answer: bytes, message: str, start_command: Callable[..., Any]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        threading.Thread(target=answer_once, daemon=True).start()
        response = start_command("--sse", f"http://127.0.0.1:{listener.getsockname()[1]}/sse").initialize()
    assert response.status_code == 500
    assert message in response.json()["error"]["message"]


def test_message_that_the_server_refuses_is_an_error(bridge: Any) -> None:
    session = bridge.session()
    failed = session.add(500, 1)
    assert failed.status_code == 500
    assert "got status 500" in failed.json()["error"]["message"]
    assert session.add(1, 1).status_code == 200


@pytest.mark.parametrize(
    ("endpoint", "path", "message"),
    [
        ("http://evil.test/messages", "/sse?x=1", "on the same server, got one on evil.test"),
        ("/messages?id={id}", "/other", "expected status 200 from a GET of the server's stream, got 404"),
    ],
)
def test_server_that_does_not_speak_it_fails_the_handshake(
    endpoint: str, path: str, message: str, legacy: LegacyServer, start_command: Callable[..., Any]
) -> None:
    legacy.endpoint = endpoint
    url = legacy.url.replace("/sse?x=1", path)
    response = start_command("--sse", url).initialize()
    assert response.status_code == 500
    assert message in response.json()["error"]["message"]


def test_server_that_cannot_be_reached_fails_the_handshake(start_command: Callable[..., Any]) -> None:
    with LegacyServer() as closed:
        pass
    response = start_command("--sse", closed.url).initialize()
    assert response.status_code == 500
    assert "cannot start the server" in response.json()["error"]["message"]


@pytest.mark.parametrize("url", ["ftp://x/sse", "x/sse", "http:///sse"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="begins with http"):
        address_of(url, None, insecure=False)


def test_certificates_are_checked_unless_they_need_not_be() -> None:
    strict, lax = (address_of("https://x/sse", None, insecure=insecure) for insecure in (False, True))
    assert strict.tls is not None
    assert lax.tls is not None
    assert strict.tls.check_hostname
    assert not lax.tls.check_hostname
