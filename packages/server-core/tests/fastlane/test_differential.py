"""An app with the lane responds exactly like one without: status, relevant headers, body as JSON.

Random requests, valid and invalid, are sent to two apps that differ only in this setting. Requests that have
failed before are kept in `corpus.jsonl`; a failure prints the line to add. `DIFFERENTIAL_EXAMPLES` sets how
many random requests are sent: some hundreds in the suite, ten thousand in `nox -s differential`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_memory import (
    META,
    PREFIX,
    TYPES,
    Answer,
    Headers,
    MemorySettings,
    Request,
    Served,
    delete,
    initialize,
    notification,
    request,
    session_call,
    stateless_call,
)
from tool_samples import PLAIN, make_app

from server_core import create_app

pytestmark = pytest.mark.broad

CORPUS = Path(__file__).with_name("corpus.jsonl")
EXAMPLES = int(os.environ.get("DIFFERENTIAL_EXAMPLES", "150"))


class Pair:
    """The two apps, and the event loop that runs both."""

    def __init__(self, *, streams: bool = False, immediate: bool = True, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._streams = streams
        self.fast, self.slow = (
            Served(
                create_app(
                    make_app(**options), MemorySettings(fast_lane=fast_lane, json_response=not streams)
                ),
                tries_immediate_calls=fast_lane and immediate,
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


CONFIGURATIONS: list[dict[str, bool]] = [
    {},
    {"mask_error_details": True, "strict_input_validation": True},
    {"streams": True},
    {"immediate": False},
]
CONFIGURATION_IDS = ["default", "strict", "streams", "through ASGI"]


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids=CONFIGURATION_IDS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    yield from _pair_with_session(**request.param)


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids=CONFIGURATION_IDS)
def echo_pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Apps with the tool `echo` only."""
    yield from _pair_with_session(only=("echo",), dereference_schemas=False, **request.param)


def _pair_with_session(**options: Any) -> Iterator[Pair]:
    """Yield a pair with an open session, for calls on the session wire."""
    pair = Pair(**options)
    with_lane, without_lane = pair.send(initialize())
    assert with_lane == without_lane
    yield pair
    pair.close()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "echo": st.fixed_dictionaries({"text": st.text()}),
    "add": st.fixed_dictionaries({"a": st.floats() | st.integers()}, optional={"b": st.floats()}),
    "join": st.fixed_dictionaries(
        {"words": st.lists(st.text(max_size=5), max_size=3)}, optional={"separator": st.text(max_size=4)}
    ),
    "many": st.fixed_dictionaries({"count": st.integers(-1, 6)}),
    "choose": st.fixed_dictionaries(
        {"colour": st.sampled_from(["red", "blue", "green"])}, optional={"mode": st.sampled_from("abc")}
    ),
    "move": st.fixed_dictionaries(
        {
            name: st.fixed_dictionaries(
                {"x": st.floats()}, optional={"y": st.floats(), "the label": st.text(max_size=3)}
            )
            for name in ("point", "by")
        }
    ),
    "total": st.fixed_dictionaries({"numbers": st.lists(st.floats(), max_size=4)}),
    "when": st.fixed_dictionaries({"date": st.dates().map(str) | st.text(max_size=10)}),
    "nothing": st.just({}),
    "huge": st.fixed_dictionaries({"digits": st.integers(0, 401)}),
    "surrogate": st.just({}),
    "picture": st.just({}),
    "infinite": st.fixed_dictionaries({"sign": st.integers(-1, 1)}),
    "partial": st.fixed_dictionaries({"value": st.floats()}),
    "generated": st.fixed_dictionaries({"count": st.integers(0, 3)}),
    "tupled": st.fixed_dictionaries({"value": st.integers()}),
    "maybe": st.fixed_dictionaries({}, optional={"value": st.none() | st.integers()}),
    "encoded": st.fixed_dictionaries({"text": st.text()}),
    "checked": st.fixed_dictionaries({"a": st.floats() | st.integers() | st.text(max_size=3)}),
    "refuse": st.fixed_dictionaries({"why": st.text()}),
    "crash": st.fixed_dictionaries({"why": st.text()}),
    "unknown": st.fixed_dictionaries({"name": st.text(max_size=5)}),
    "fussy": st.fixed_dictionaries({"age": json_values}),
}
TOOLS = sorted(
    PLAIN
    | {
        "with_context",
        "gets_context",
        "timed",
        "generated",
        "picture",
        "checked",
        "encoded",
        "no_such_tool",
    }
)


def usual_arguments(tool: str) -> st.SearchStrategy[dict[str, Any]]:
    text = tool in {
        "sync",
        "inline",
        "waiting",
        "content",
        "result",
        "raw",
        "with_context",
        "gets_context",
        "timed",
    }
    if tool == "listed":
        return st.fixed_dictionaries({"values": st.lists(json_values, max_size=3)})
    if tool in ARGUMENTS:
        return ARGUMENTS[tool]
    return st.fixed_dictionaries({"text": st.text()} if text else {"value": json_values})


@st.composite
def calls(draw: st.DrawFn) -> Request:
    tool = draw(st.sampled_from(TOOLS))
    usual = draw(usual_arguments(tool))
    arguments = draw(
        st.sampled_from([usual, usual, usual, {**usual, "more": 1}, dict(list(usual.items())[1:])])
        | st.dictionaries(st.sampled_from(["a", "b", "text", "value", "x"]), json_values, max_size=3)
    )
    stateless = draw(st.booleans())
    identity = draw(st.integers() | st.text(max_size=5) | st.sampled_from([1.5, True, None, [1]]))
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    if draw(st.integers(0, 9)) == 0:
        params = {"name": tool, **draw(st.sampled_from([{}, {"arguments": None}]))}
    if stateless:
        params["_meta"] = draw(metas)
        if isinstance(params["_meta"], dict) and draw(st.booleans()):
            params["_meta"] = {**params["_meta"], **draw(client_metas)}
    elif draw(st.integers(0, 3)) == 0:
        params["_meta"] = draw(client_metas | json_values)
    if draw(st.integers(0, 3)) == 0:
        params = dict(reversed(params.items()))
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": identity, "method": "tools/call", "params": params}
    if draw(st.integers(0, 9)) == 0:
        message = draw(damaged(message))
    body = json.dumps(message, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 19)) == 0:
        body = draw(
            st.sampled_from([b"[" + body + b"]", body[:-1], b"", b"null", b"\xff" + body, body + b" "])
        )
    headers = draw(headers_of(tool, stateless))
    return Request("POST", headers, body)


client_metas = st.dictionaries(
    st.sampled_from(
        [
            *(
                "progressToken",
                "progress_token",
                "traceparent",
                "tracestate",
                "baggage",
                "logLevel",
                "fastmcp",
            ),
            *("claudecode/toolUseId", "vscode.conversationId", "x-codex-turn-metadata", "client_id"),
            *(f"{PREFIX}logLevel", f"{PREFIX}clientInfo", f"{PREFIX}clientCapabilities", f"{PREFIX}other"),
        ]
    ),
    json_values
    | st.integers()
    | st.uuids().map(str)
    | st.sampled_from(["info", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]),
    max_size=4,
)
"""Keys that clients put into `_meta`, with values that they should and should not have."""

metas = st.sampled_from(
    [META] * 8
    + [
        {**META, f"{PREFIX}clientInfo": {"name": "t", "version": "1"}},
        {**META, f"{PREFIX}clientInfo": {"name": 7}},
        {**META, f"{PREFIX}clientCapabilities": {"elicitation": {}}},
        {**META, f"{PREFIX}clientCapabilities": []},
        {**META, f"{PREFIX}protocolVersion": "2099-01-01"},
        {f"{PREFIX}protocolVersion": "2026-07-28"},
        {**META, "progressToken": 3},
        {**META, "logLevel": "debug"},
        {**META, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {**META, "com.example/own": 1},
        {**META, f"{PREFIX}logLevel": "debug"},
        {**META, f"{PREFIX}clientInfo": {"name": "large", "version": "1" * 5000}},
        [],
    ]
)


@st.composite
def damaged(draw: st.DrawFn, message: dict[str, Any]) -> dict[str, Any]:
    field = draw(st.sampled_from(["jsonrpc", "id", "method", "params", "name", "arguments", "more"]))
    value = draw(json_values)
    if field in {"name", "arguments"}:
        return {**message, "params": {**message["params"], field: value}}
    if draw(st.booleans()):
        return {key: item for key, item in message.items() if key != field}
    return {**message, field: value}


@st.composite
def headers_of(draw: st.DrawFn, tool: str, stateless: bool) -> Headers:
    if stateless:
        own = [
            (b"mcp-protocol-version", b"2026-07-28"),
            (b"mcp-method", b"tools/call"),
            (b"mcp-name", tool.encode()),
        ]
    else:
        version = draw(
            st.sampled_from(
                [b"2025-11-25", b"2025-11-25", b"2025-06-18", b"2025-03-26", b"2024-11-05", b"nonsense", None]
            )
        )
        own = [(b"mcp-session-id", draw(st.sampled_from([b"session 0"] * 5 + [b"session 99"])))]
        if version is not None:
            own.append((b"mcp-protocol-version", version))
    headers = [*draw(st.sampled_from([TYPES, TYPES, OTHER_TYPES])), *own]
    if draw(st.integers(0, 7)) == 0:
        place = draw(st.integers(0, len(headers) - 1))
        name, value = headers[place]
        change = draw(st.sampled_from(["drop", "twice", "other", "upper", "blanks", "encoded", "param"]))
        if change == "drop":
            del headers[place]
        elif change == "twice":
            headers.append((name, value))
        elif change == "other":
            headers[place] = (
                name,
                draw(
                    st.sampled_from(
                        [
                            *(b"", b"text/plain", b"x", b"*/*", b"application/json", b"=?base64?ZWNobw==?="),
                            *(b"text/event-stream, application/*;q=0.1", b"application/json; charset=x"),
                        ]
                    )
                ),
            )
        elif change == "upper":
            headers[place] = (name, value.upper())
        elif change == "blanks":
            headers[place] = (name, draw(st.sampled_from([b" ", b"\t "])) + value + b" ")
        elif change == "encoded":
            headers[place] = (name, b"=?base64?" + base64.b64encode(value) + b"?=")
        else:
            headers.append((b"mcp-param-a", b"1"))
    return headers


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


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(call=calls())
def test_random_calls_get_equal_responses(pair: Pair, call: Request) -> None:
    fast, slow = pair.send(call)
    assert fast == slow, report([initialize(), call], fast, slow)


OTHER_TYPES = [
    (b"content-type", b"application/json; charset=utf-8"),
    (b"accept", b"text/event-stream;q=0.5, */*"),
]

BASES = [stateless_call("echo", {"text": "x"}), session_call("echo", {"text": "x"})]
STRANGE: list[Any] = [None, True, 0, -1, 1.5, 2**70, "", "x", "2.0", [], [1], {}, {"a": 1}]
DROPPED = object()


def with_header(base: Request, *headers: tuple[bytes, bytes]) -> Request:
    return Request(base.method, [*base.headers, *headers], base.body)


def one_fault_each() -> Iterator[Request]:
    """Yield valid calls of both wires, and the same calls with one thing changed."""
    for base in BASES:
        yield base
        for place, (name, value) in enumerate(base.headers):
            others = [*base.headers[:place], *base.headers[place + 1 :]]
            yield Request(base.method, others, base.body)
            for other in (
                b"", b"x", b"*/*", b"text/plain", b"application/json", b"text/event-stream", value.upper(),
                value.lower(), b" " + value, value + b"\t", b"=?base64?" + base64.b64encode(value) + b"?=",
                value + b"; q=0.5", value + b"," + value, b"2025-06-18", b"2025-03-26", b"2026-07-28",
            ):  # fmt: skip
                yield Request(base.method, [*others, (name, other)], base.body)
                yield with_header(base, (name, other))
        for extra in (
            b"mcp-param-text",
            b"mcp-name",
            b"mcp-method",
            b"mcp-session-id",
            b"last-event-id",
            b"x-other",
        ):
            yield with_header(base, (extra, b"echo"))
        for method in ("PUT", "PATCH", "HEAD", "OPTIONS"):  # a GET opens a stream, which has its own tests
            yield Request(method, base.headers, base.body)
        yield from (Request(base.method, base.headers, body) for body in faulty_bodies(base.body))
        # Names that encode or resemble `echo`.
        for name in (b"=?base64?ZWNobw==?=", "\u00e9cho".encode(), b" echo"):
            renamed = base.body.replace(b'"echo"', json.dumps(name.decode()).encode())
            headers = [(key, name if key == b"mcp-name" else value) for key, value in base.headers]
            yield Request(base.method, headers, renamed)


def faulty_bodies(body: bytes) -> Iterator[bytes]:
    message = json.loads(body)
    for path in (
        ("jsonrpc",), ("id",), ("method",), ("params",), ("more",), ("result",), ("error",),
        ("params", "name"),
        ("params", "arguments"),
        ("params", "_meta"), ("params", "more"), ("params", "arguments", "text"),
        ("params", "arguments", "more"), ("params", "_meta", f"{PREFIX}protocolVersion"),
        ("params", "_meta", f"{PREFIX}clientCapabilities"),
        ("params", "_meta", f"{PREFIX}clientInfo"), ("params", "_meta", f"{PREFIX}logLevel"),
        ("params", "_meta", "progressToken"), ("params", "_meta", "traceparent"), ("params", "requestState"),
        ("params", "_meta", "progress_token"), ("params", "_meta", "fastmcp"), ("params", "_meta", "own/key"),
        ("params", "_meta", f"{PREFIX}related-task"), ("params", "cursor"),
        ("params", "inputResponses"), ("params", "task"),
    ):  # fmt: skip
        for value in (DROPPED, *STRANGE):
            changed = json.loads(body)
            inner = changed
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            if value is DROPPED:
                inner.pop(path[-1], None)
            else:
                inner[path[-1]] = value
            yield json.dumps(changed).encode()
    yield from (b"", b" ", b"null", b"[]", b"{}", b"x", body[:-1], body + b"x", body + b" ", b"\n" + body)
    yield from (b"\xff" + body, b"\xef\xbb\xbf" + body, b"[" + body + b"]", b"[" * 5000, body + body)
    yield body.replace(b'"x"', b'"\\ud800"')
    yield body.replace(b'"x"', b'"\xff"')
    yield body.replace(b'"x"', b"NaN")
    yield body.replace(b'"id": 1', b'"id": 1, "id": 2')
    yield json.dumps({**message, "method": "tools/list"}).encode()
    yield json.dumps({**message, "method": "TOOLS/CALL"}).encode()


def test_calls_with_one_fault_get_equal_responses(echo_pair: Pair) -> None:
    count = 0
    for call in one_fault_each():
        fast, slow = echo_pair.send(call)
        assert fast == slow, report([initialize(), call], fast, slow)
        count += 1
        echo_pair.ensure_session()
    assert count > 900
    assert echo_pair.fast.lane_calls() > 30, "faults that do not matter leave a call on the lane"


SESSION_TOOLS = (
    *("echo", "join", "sync", "waiting", "with_context", "has_session", "unknown", "maybe", "block"),
    *("called", "remark", "surrogate", "infinite"),
)
"""Tools of the conversations below and of the corpus."""
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list", "ping")


@st.composite
def steps(draw: st.DrawFn) -> Request:
    """A request of a client with sessions."""
    session = draw(st.integers(0, 2))
    version = draw(st.sampled_from([VERSIONS[0], *VERSIONS]))
    kind = draw(st.sampled_from(["open", "ready", "call", "call", "call", "list", "list", "end", "odd"]))
    if kind == "open":
        changes = [None, {"more": 1}, {"capabilities": 7}, {"_meta": {"traceparent": "x"}}, {"_meta": 7}]
        return initialize(version, draw(st.sampled_from(changes)))
    if kind == "ready":
        return notification("notifications/initialized", draw(st.sampled_from([None, {}])), session, version)
    if kind == "call":
        tool = draw(st.sampled_from(["echo", "with_context", "join", "has_session"]))
        arguments = (
            {"words": ["a", "b"]} if tool == "join" else {"text": "x"} if tool != "has_session" else {}
        )
        params = {"name": tool, "arguments": arguments}
        return request("tools/call", params, session, draw(st.integers(1, 99)), version)
    if kind == "list":
        params = draw(
            st.sampled_from(
                [
                    *(None, None, {}, {"cursor": "x"}, {"cursor": None}, {"more": 1}),
                    *({"_meta": {}}, {"_meta": {"progressToken": 1}}, {"_meta": {"progressToken": 1.5}}),
                ]
            )
        )
        return request(draw(st.sampled_from(LISTS)), params, session, draw(st.text(max_size=3)), version)
    return delete(session) if kind == "end" else draw(odd_requests(session, version))


@st.composite
def odd_requests(draw: st.DrawFn, session: int, version: str) -> Request:
    odd = draw(
        st.sampled_from(
            ["logging/setLevel", "resources/read", "no/such", "initialize", "notifications/cancelled"]
        )
    )
    params = draw(st.sampled_from([None, {"level": "info"}, {"uri": "x://y"}, {"requestId": 1}]))
    if odd.startswith("notifications/"):
        return notification(odd, params, session, version)
    return request(odd, params, session, 5, version)


@settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(conversation=st.lists(steps(), min_size=3, max_size=12), version=st.sampled_from(VERSIONS))
def test_random_conversations_get_equal_responses(
    session_pair: Pair, conversation: list[Request], version: str
) -> None:
    session_pair.close_sessions()
    assert_equal_responses(session_pair, [initialize(version), *conversation])


def assert_equal_responses(session_pair: Pair, conversation: Sequence[Request]) -> None:
    for number, step in enumerate(conversation, 1):
        fast, slow = session_pair.send(step)
        assert fast == slow, report(conversation[:number], fast, slow)
    assert session_pair.fast.app.sessions_open() == session_pair.slow.app.sessions_open()


@pytest.mark.parametrize("line", CORPUS.read_text(encoding="utf-8").splitlines(), ids=lambda line: line[-60:])
def test_requests_that_once_failed_get_equal_responses(session_pair: Pair, line: str) -> None:
    session_pair.close_sessions()
    assert_equal_responses(session_pair, [from_json(document) for document in json.loads(line)])


def one_step_each() -> Iterator[list[Request]]:
    """Yield conversations of two steps: an opening, valid or not, and a request that may follow."""
    opening = initialize()
    for key in ("protocolVersion", "capabilities", "clientInfo", "more"):
        for value in STRANGE:
            yield [initialize(changes={key: value}), request("ping")]
    for version in (*VERSIONS, "2026-07-28", "2099-01-01", ""):
        yield [initialize(version), request("ping", version=version)]
        yield [opening, request("ping", version=version)]
    for method in (*LISTS, "initialize", "server/discover", "logging/setLevel", "no/such"):
        for params in (*STRANGE, {"cursor": "x"}, {"_meta": {}}, {"_meta": {"progressToken": 1}}):
            yield [opening, request(method, params)]
            yield [opening, notification(method, params)]
        for identity in STRANGE:
            yield [opening, request(method, identity=identity)]
    for method in ("notifications/initialized", "notifications/cancelled", "notifications/no-such"):
        for params in STRANGE:
            yield [opening, notification(method, params), request("ping")]
            yield [opening, request(method, params), request("ping")]
    yield [
        opening,
        Request("DELETE", [*delete().headers, (b"mcp-session-id", b"session 0")], b""),
        request("ping"),
    ]
    yield [opening, Request("DELETE", delete().headers, b"{}"), request("ping"), delete()]
    yield [opening, initialize(), delete(1), request("ping", session=1), request("ping")]


def test_conversations_of_one_step_get_equal_responses(session_pair: Pair) -> None:
    count = 0
    for conversation in one_step_each():
        session_pair.close_sessions()
        assert_equal_responses(session_pair, conversation)
        count += 1
    assert count > 500


@pytest.fixture(scope="module")
def session_pair() -> Iterator[Pair]:
    """Apps with the tools of the conversations and of the corpus."""
    pair = Pair(only=SESSION_TOOLS, dereference_schemas=False)
    yield pair
    pair.close()


def test_only_tools_that_never_wait_are_answered_immediately(session_pair: Pair) -> None:
    session_pair.close_sessions()
    session_pair.send(initialize())
    for tool, arguments in (("echo", {"text": "x"}), ("sync", {"text": "x"}), ("waiting", {"text": "x"})):
        for one in (session_call(tool, arguments), stateless_call(tool, arguments)):
            before = session_pair.fast.immediate
            session_pair.send(one)
            assert session_pair.fast.immediate - before == (tool == "echo"), tool


def test_only_plain_tools_are_on_the_lane(pair: Pair) -> None:
    lane = pair.fast.app._lane
    assert lane is not None
    reasons = lane.reasons()
    assert {tool for tool, reason in reasons.items() if not reason} == PLAIN | {
        "checked",
        "encoded",
        "picture",
    }
    assert pair.slow.app._lane is None
