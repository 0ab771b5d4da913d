"""The lab's own MCP client: both wires, JSON and event streams, and servers that violate MCP."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from perf_core.errors import NoAnswer, RequestRefused, TargetError
from perf_core.server.client import connection
from perf_core.server.client.connection import connect
from perf_core.server.client.handshake import shake_hands
from perf_core.server.credentials.access import Access, FixedIdentity, bearer

Answer = Callable[[dict, dict], tuple[int, str, str]]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """Return a function that serves ``answer(message, headers) → (status, content type, body)``."""
    servers = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Otherwise each answer waits 40 ms for the acknowledgement of its headers.
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                pass

            def do_DELETE(self) -> None:
                self.reply(*answer({"method": "DELETE"}, dict(self.headers)))

            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.reply(*answer(message, {name.lower(): value for name, value in self.headers.items()}))

            def reply(self, status: int, kind: str, body: str) -> None:
                content = body.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Mcp-Session-Id", "s1")
                self.end_headers()
                self.wfile.write(content)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/mcp"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def result_for(message: dict) -> dict:
    info = {"name": "fake", "version": "9"}
    results = {
        "initialize": {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info},
        "server/discover": {"_meta": {"io.modelcontextprotocol/serverInfo": info}},
        "tools/call": {"content": [], "structuredContent": message.get("params", {}).get("arguments")},
    }
    return results[message["method"]]


def as_json(message: dict) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": result_for(message)})


def paged_tools(message: dict) -> dict:
    cursor = message["params"].get("cursor", "0")
    page = {"tools": [{"name": f"tool{cursor}"}]}
    return {**page, "nextCursor": str(int(cursor) + 1)} if int(cursor) < 2 else page


@pytest.mark.parametrize("wire", ["session", "stateless"])
@pytest.mark.parametrize("stream", [False, True], ids=["json", "event stream"])
def test_handshake_lists_every_page_of_tools(wire: str, stream: bool, serve) -> None:
    seen = []

    def answer(message: dict, headers: dict) -> tuple[int, str, str]:
        seen.append((message["method"], headers))
        if "id" not in message:
            return 200 if message["method"] == "DELETE" else 202, "application/json", ""
        if message["method"] == "tools/list":
            body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": paged_tools(message)})
        else:
            body = as_json(message)
        if not stream:
            return 200, "application/json", body
        note = 'event: message\r\ndata: {"jsonrpc":"2.0","method":"notifications/message"}\r\n\r\n'
        return 200, "text/event-stream", f"{note}event: message\r\ndata: {body}\r\n\r\n"

    handshake = shake_hands(serve(answer), wire)
    assert (handshake.server_name, handshake.server_version) == ("fake", "9")
    assert handshake.tools == ("tool0", "tool1", "tool2")
    methods = [method for method, _ in seen]
    if wire == "session":
        assert methods[:2] == ["initialize", "notifications/initialized"]
        assert methods[-1] == "DELETE"
    else:
        assert methods[0] == "server/discover"
        assert all(headers["mcp-method"] == method for method, headers in seen)
        assert all(headers["mcp-protocol-version"] == "2026-07-28" for _, headers in seen)


def test_stateless_call_has_the_tool_name_in_a_header(serve) -> None:
    names = []

    def answer(message: dict, headers: dict) -> tuple[int, str, str]:
        if message["method"] == "tools/call":
            names.append(headers["mcp-name"])
        return 200, "application/json", as_json(message)

    with connect(serve(answer), "stateless") as client:
        assert client.call("add", {"a": 1})["structuredContent"] == {"a": 1}
        client.call("größe", {})
    assert names == ["add", "=?base64?Z3LDtsOfZQ==?="]


@pytest.mark.parametrize(
    ("status", "body", "complaint"),
    [
        (404, "not here", "status 404"),
        (200, "<html><title>Hi</title>", "a web page ('Hi')"),
        (200, "[]", "JSON-RPC result"),
        (200, '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"what?"}}', "what?"),
    ],
)
def test_answer_that_violates_mcp_is_a_target_error(status: int, body: str, complaint: str, serve) -> None:
    url = serve(lambda _message, _headers: (status, "application/json", body))
    with pytest.raises(TargetError) as caught:
        shake_hands(url, "session")
    assert complaint in caught.value.message
    assert "--wire" in caught.value.hint


def test_missing_server_is_a_target_error() -> None:
    with pytest.raises(TargetError, match="got no answer"):
        shake_hands("http://127.0.0.1:9/mcp", "session", timeout_s=5)


def test_token_is_sent_with_every_request(serve) -> None:
    seen = []

    def answer(message: dict, headers: dict) -> tuple[int, str, str]:
        seen.append({name.lower(): value for name, value in headers.items()}.get("authorization"))
        result = {"protocolVersion": "2025-11-25", "serverInfo": {"name": "guarded"}, "tools": []}
        return (
            200,
            "application/json",
            json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": result}),
        )

    url = serve(answer)
    token = "0123456789abcdef"
    assert shake_hands(url, "session", access=bearer([token])).server_name == "guarded"
    assert set(seen) == {f"Bearer {token}"}
    assert len(seen) >= 3
    seen.clear()
    shake_hands(url, "session")
    assert set(seen) == {None}


def test_server_without_a_list_of_tools_has_none(serve) -> None:
    def answer(message: dict, _headers: dict) -> tuple[int, str, str]:
        if message["method"] == "server/discover":
            return 200, "application/json", as_json(message)
        error = {"code": -32601, "message": "Method not found"}
        return 200, "application/json", json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error})

    with connect(serve(answer), "stateless") as client:
        assert client.tools() == ()
        with pytest.raises(TargetError):
            client.listing("resources/list", "resources")


def test_listed_tools_are_returned_whole_and_in_order(serve) -> None:
    tools = [{"name": "b", "inputSchema": {"type": "object"}}, {"name": "a", "annotations": {"x": 1}}, "junk"]

    def answer(message: dict, _headers: dict) -> tuple[int, str, str]:
        if message["method"] != "tools/list":
            return 200, "application/json", as_json(message)
        body = {"jsonrpc": "2.0", "id": message["id"], "result": {"tools": tools}}
        return 200, "application/json", json.dumps(body)

    with connect(serve(answer), "stateless") as client:
        assert list(client.tool_list()) == tools[:2]
        assert client.tools() == ("a", "b")


# --- a server in this process that breaks off, or answers what it should not ---

URL = "http://server/mcp"


@pytest.fixture
def mock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return a function that serves ``answers`` by method, and returns the list of the methods that came."""

    def start(**answers: Any) -> list[str]:
        methods: list[str] = []

        def answer(request: httpx2.Request) -> httpx2.Response:
            message = json.loads(request.content or b"{}")
            method = message.get("method", request.method)
            methods.append(method)
            given = answers.get(method.replace("/", "_"))
            if isinstance(given, Exception):
                raise given
            if isinstance(given, httpx2.Response):
                return given
            if callable(given):
                return given(request)  # type: ignore[no-any-return] # it is a response
            if given is None and "id" not in message:
                return httpx2.Response(202)
            body = given or {"result": result_for(message)}
            headers = {"Mcp-Session-Id": "s1"}
            return httpx2.Response(200, headers=headers, json={"id": message["id"], **body})

        def http_client(_access: Access, timeout_s: float) -> httpx2.Client:
            return httpx2.Client(transport=httpx2.MockTransport(answer), timeout=timeout_s)

        monkeypatch.setattr(connection, "http_client", http_client)
        return methods

    return start


def test_session_is_deleted_after_a_failure_too(mock: Callable[..., list[str]]) -> None:
    methods = mock(tools_list={"error": {"code": -32603, "message": "no"}})
    with pytest.raises(RequestRefused):
        shake_hands(URL, "session")
    assert methods == ["initialize", "notifications/initialized", "tools/list", "DELETE"]


@pytest.mark.parametrize("error", [httpx2.ReadTimeout("timed out"), httpx2.RemoteProtocolError("gone")])
def test_server_that_answers_no_deletion_can_be_used(error: Exception, mock: Callable[..., Any]) -> None:
    mock(tools_list={"result": {"tools": [{"name": "a"}]}}, DELETE=error)
    assert shake_hands(URL, "session").tools == ("a",)


def test_stream_after_a_notification_is_not_read(mock: Callable[..., Any]) -> None:
    def endless() -> Iterator[bytes]:
        yield b": connected\n\n"
        raise AssertionError("it waits for what never comes")

    stream = httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=endless())
    mock(tools_list={"result": {"tools": []}}, notifications_initialized=stream)
    assert shake_hands(URL, "session").tools == ()


def test_refusal_concerns_the_user_of_the_request(mock: Callable[..., Any]) -> None:
    refused: list[str] = []

    class Noting(FixedIdentity):
        def refused(self) -> None:
            refused.append(self.hidden[0])

    users = (Noting(hidden=("own-1",)), Noting(hidden=("other-2",)))
    mock(initialize=httpx2.Response(401))
    with pytest.raises(RequestRefused):
        shake_hands(URL, "session", access=Access(users))
    assert refused == ["own-1"]


def test_identity_that_is_no_object_is_unknown(mock: Callable[..., Any]) -> None:
    mock(
        initialize={"result": {"protocolVersion": "2025-11-25", "serverInfo": "fake"}},
        server_discover={"result": {"_meta": [], "serverInfo": "fake"}},
        tools_list={"result": {"tools": 7}},
    )
    for wire in ("session", "stateless"):
        hands = shake_hands(URL, wire)
        assert (hands.server_name, hands.tools) == ("", ())


@pytest.mark.parametrize(
    ("cursors", "pages", "complaint"),
    [
        (itertools.repeat("again"), 2, "the nextCursor 'again' a second time"),
        (itertools.cycle(["a", "b"]), 3, "the nextCursor 'a' a second time"),
        (map(str, itertools.count()), 200, "a nextCursor on each of 200 pages"),
        (itertools.repeat({"page": 2}), 2, "a second time"),
    ],
    ids=["same", "circle", "always new", "no text"],
)
def test_list_without_an_end_is_told(
    cursors: Iterator[object], pages: int, complaint: str, mock: Callable[..., Any]
) -> None:
    def tools_list(request: httpx2.Request) -> httpx2.Response:
        result = {"tools": [], "nextCursor": next(cursors)}
        return httpx2.Response(200, json={"id": json.loads(request.content)["id"], "result": result})

    methods = mock(tools_list=tools_list)
    with pytest.raises(TargetError, match="expected a last page without a nextCursor, got") as caught:
        shake_hands(URL, "session")
    assert complaint in caught.value.message
    assert methods.count("tools/list") == pages


@pytest.mark.parametrize(
    "revision", ["2025-11-25\r\nX-Evil: 1", "größer", 7, None, "1999-01-01", "2026-07-28", ""]
)
def test_revision_that_the_lab_does_not_speak_is_refused(revision: object, mock: Callable[..., Any]) -> None:
    mock(initialize={"result": {"protocolVersion": revision}})
    with pytest.raises(TargetError, match="expected a protocolVersion such as 2025-11-25, got") as caught:
        shake_hands(URL, "session")
    assert "2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25" in caught.value.hint


def test_address_after_a_redirect_is_named(mock: Callable[..., Any]) -> None:
    def initialize(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "other":
            raise httpx2.ConnectError("refused")
        return httpx2.Response(307, headers={"Location": "http://other/mcp"})

    mock(initialize=initialize)
    with pytest.raises(NoAnswer, match="expected an MCP server at http://other/mcp, got no answer"):
        shake_hands(URL, "session")


def test_address_of_no_host_is_told() -> None:
    with pytest.raises(TargetError, match=r"expected an http or https URL, got 'http://256\.1\.1\.1/mcp'"):
        shake_hands("http://256.1.1.1/mcp", "session")
