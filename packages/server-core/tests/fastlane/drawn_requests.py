"""Requests and conversations drawn at random, valid and invalid."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import strategies as st
from in_memory import META, PREFIX, TYPES, Headers, Request, delete, initialize, notification, request
from tool_samples import PLAIN

OTHER_TYPES = [
    (b"content-type", b"application/json; charset=utf-8"),
    (b"accept", b"text/event-stream;q=0.5, */*"),
]
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list", "ping")

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
