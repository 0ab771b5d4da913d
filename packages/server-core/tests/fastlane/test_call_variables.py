"""Tools on the lane that ask for their request, beside the same tools behind it."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from beside_fastmcp import assert_like_fastmcp, outcomes, with_header
from fastmcp import FastMCP
from fastmcp.server.dependencies import (
    get_access_token,
    get_context,
    get_http_headers,
    get_http_request,
    get_server,
)
from in_memory import (
    META,
    Request,
    delete,
    initialize,
    notification,
    request,
    session_call,
    stateless_call,
)
from lane_apps import app_with, serving
from mcp.server.auth.middleware.auth_context import get_access_token as sdk_access_token
from mcp_types import InputRequiredResult

from server_core import Caller, PlainTool, caller
from server_core.fastlane.call_variables import NoChannelError

pytestmark = pytest.mark.anyio
TOKENS = ["first-token-0123456789", "second-token-0123456789"]
CLIENT = {"name": "tester", "version": "7"}


@contextlib.asynccontextmanager
async def lifespan(_mcp: FastMCP[Any]) -> AsyncIterator[dict[str, Any]]:
    yield {"database": "open"}


def app_of(*tools: Any) -> FastMCP[Any]:
    """Return an app with plain tools and a lifespan."""
    return app_with(*map(PlainTool.from_function, tools), lifespan=lifespan)


def everything(text: str) -> dict[str, Any]:
    """Return what can be asked without waiting."""
    context, http, token = get_context(), get_http_request(), get_access_token()
    sdk_token = sdk_access_token()
    assert context.request_context is not None
    own = context.request_context
    session = context.session
    # The ids of sessions are random.
    headers = get_http_headers(include_all=True)
    in_header = headers.pop("mcp-session-id", None)
    is_stateless = own.protocol_version == "2026-07-28"
    return {
        "text": text,
        "request id": [context.request_id, context.origin_request_id, own.request_id],
        "session id": [in_header == caller().session, is_stateless or context.session_id == in_header],
        "protocol": [own.protocol_version, session.protocol_version, context.transport],
        "meta": own.meta,
        "client id": context.client_id,
        "server": [get_server().name, context.fastmcp.name, get_server() is context.fastmcp],
        "task": [context.is_background_task, context.task_id, context.close_sse_stream is None],
        "lifespan": [context.lifespan_context, own.lifespan_context == context.lifespan_context],
        "headers": [get_http_headers(), headers],
        "http": [http.method, str(http.url), http.client and http.client.host, dict(http.query_params)],
        "app": [type(http.app).__name__, http.path_params],
        "token": [token and token.client_id, sdk_token and sdk_token.client_id, caller().client],
        "capabilities": session.client_capabilities and session.client_capabilities.model_dump(mode="json"),
        "client": session.client_params and session.client_params.model_dump(mode="json"),
        "extension": context.client_supports_extension("no.such/extension"),
        "input": [context.input_responses, context.request_state],
        "stateful": context.session.can_send_request,
    }


async def asks(text: str) -> dict[str, Any]:
    return everything(text)


def asks_in_a_thread(text: str) -> dict[str, Any]:
    return everything(text)


async def reads_the_body(text: str) -> Any:
    http = get_http_request()
    body = await http.body()
    return {
        "text": text,
        "length": [len(body), http.headers.get("content-length")],
        "json": await http.json(),
    }


async def remembers(text: str) -> list[Any]:
    context = get_context()
    await context.set_state("own", object(), serializable=False)
    before = await context.get_state("text")
    await context.set_state("text", text)
    return [before, await context.get_state("text"), await context.get_state("own") is not None]


async def tells(text: str) -> str:
    """Send what reaches no client in a JSON response."""
    context = get_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # logging is deprecated
        await context.info(f"about {text}")
    await context.report_progress(1, 2, "half way")
    return text


async def asks_back(text: str) -> str:
    result = await get_context().elicit(text, str)
    return type(result).__name__


async def calls_another(text: str) -> Any:
    result = await get_server().call_tool("asks", {"text": f"{text} again"})
    return result.structured_content


def with_meta(call: Request, **meta: Any) -> Request:
    message = json.loads(call.body)
    message["params"]["_meta"] = {**message["params"].get("_meta", {}), **meta}
    return Request(call.method, call.headers, json.dumps(message).encode())


def conversation(tool: str) -> list[Any]:
    """Return calls on both wires, with different callers, ids, headers, lengths and `_meta`."""
    arguments = {"text": "hi"}
    info = {"io.modelcontextprotocol/clientInfo": CLIENT}
    steps = [
        initialize(changes={"clientInfo": CLIENT, "capabilities": {"roots": {"listChanged": True}}}),
        notification("notifications/initialized"),
        session_call(tool, arguments),
        with_header(session_call(tool, {"text": "é" * 50}, identity=3), "x-key", "a"),
        request("tools/call", {"name": tool, "arguments": arguments}, identity="three"),
        with_meta(session_call(tool, arguments, identity=4), progressToken="p", own={"a": 1}),
        stateless_call(tool, arguments),
        with_header(stateless_call(tool, {"text": "longer " * 9}), "x-key", "b"),
        with_meta(stateless_call(tool, arguments), **META, **info, client_id="me"),
        delete(),
    ]
    return [with_header(step, "authorization", f"Bearer {TOKENS[0]}") for step in steps] + [
        with_header(stateless_call(tool, arguments), "authorization", f"Bearer {TOKENS[1]}")
    ]


@pytest.mark.parametrize("tool", [asks, asks_in_a_thread, reads_the_body, calls_another])
async def test_a_tool_on_the_lane_finds_what_fastmcp_would_give_it(tool: Any) -> None:
    answers = await assert_like_fastmcp(
        lambda _notes: app_of(asks, tool),
        *conversation(tool.__name__),
        lane_calls=8,
        auth_tokens=TOKENS,
    )
    assert not any('"isError": true' in str(answer.body) for answer in answers)


async def test_state_is_kept_across_the_lane_and_fastmcp() -> None:
    async def behind(text: str) -> Any:
        yield await get_context().get_state("text")

    steps = [
        initialize(),
        session_call("remembers", {"text": "one"}),
        session_call("remembers", {"text": "two"}, identity=2),
        session_call("behind", {"text": ""}, identity=3),
        session_call("remembers", {"text": "three"}, identity=4),
        stateless_call("remembers", {"text": "four"}),
    ]
    answers = await assert_like_fastmcp(lambda _notes: app_of(remembers, behind), *steps, lane_calls=4)
    assert "one" in str(answers[2].body)
    assert "two" in str(answers[3].body)


@pytest.mark.parametrize("tool", [tells, asks_back])
async def test_messages_that_no_json_response_can_carry_end_as_in_fastmcp(tool: Any) -> None:
    await assert_like_fastmcp(
        lambda _notes: app_of(tool), *conversation(tool.__name__), lane_calls=8, auth_tokens=TOKENS
    )


@pytest.mark.parametrize("tool", [tells, asks_back])
async def test_messages_that_need_a_stream_are_refused_with_the_remedy(tool: Any) -> None:
    async with serving(app_of(tool), json_response=False) as served:
        await served.send(initialize())
        call = with_meta(session_call(tool.__name__, {"text": "x"}), progressToken=1)
        assert "declare a parameter of type Context" in str((await served.send(call)).body)
        assert served.lane_calls() == 1


async def test_a_tool_that_asks_for_input_is_refused_with_the_remedy() -> None:
    async def asks_for_input() -> Any:
        return InputRequiredResult(request_state="state")

    results = await outcomes(lambda _notes: app_of(asks_for_input), stateless_call("asks_for_input", {}))
    assert str(NoChannelError("an InputRequiredResult")) in str(results["lane"].answers[0].body)


async def test_the_variables_end_with_the_call() -> None:
    async def asks_later() -> str:
        return get_context().request_id

    await outcomes(lambda _notes: app_of(asks_later), stateless_call("asks_later", {}))
    with pytest.raises(RuntimeError, match="No active context"):
        get_context()
    with pytest.raises(RuntimeError, match="No active HTTP request"):
        get_http_request()
    with pytest.raises(RuntimeError, match="No FastMCP server"):
        get_server()
    assert caller() == Caller()
