"""Closed code, parts of which are replaced while the app serves: it finds its request all the same."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from beside_fastmcp import assert_like_fastmcp
from fastmcp import FastMCP
from fastmcp.server.dependencies import (
    fastmcp_request_ctx,
    get_access_token,
    get_context,
    get_http_request,
    get_server,
)
from mcp.server.auth.middleware.auth_context import get_access_token as sdk_access_token
from request_readers import TOKEN, app_of, calls, key

from server_core import caller
from server_core.fastlane.call_variables import CallVariables
from server_core.fastlane.reachable_code import reach

SOURCE = """
PREFIX = "a"

def helper(text, read=str):
    return read(text)

class Stamp:
    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text

class Bare:
    pass

async def tool(text: str) -> str:
    return f"{PREFIX} {helper(text)} {len(text)} {Stamp(text)} {str(Bare())[:4]}"

def factory():
    prefix = "b"
    def shown(text):
        return text
    async def tool(text: str) -> str:
        return f"{prefix} {shown(text)}"
    def change(name, value):
        nonlocal prefix, shown
        if name == "prefix":
            prefix = value
        else:
            shown = value
    return tool, change
"""


class Asking:
    def __format__(self, _spec: str) -> str:
        return key()


def asking(_value: Any) -> str:
    return key()


def asking_code(text: Any, read: Any = str) -> str:
    from request_readers import key

    return f"{text} {read} {key()}"


def new_module(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = ModuleType("closed")
    monkeypatch.setitem(sys.modules, "closed", made)
    exec(SOURCE, made.__dict__)  # noqa: S102 - the test wrote it
    return made


CHANGES: dict[str, Callable[[Any], object]] = {
    "constant": lambda module: setattr(module, "PREFIX", Asking()),
    "hidden built-in": lambda module: setattr(module, "len", asking),
    "default": lambda module: setattr(module.helper, "__defaults__", (asking,)),
    "code": lambda module: setattr(module.helper, "__code__", asking_code.__code__),
    "function": lambda module: setattr(module, "helper", asking),
    "operator": lambda module: setattr(module.Stamp, "__str__", asking),
    "new operator": lambda module: setattr(module.Bare, "__str__", asking),
}


@pytest.mark.anyio
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_closed_code_finds_may_be_replaced(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], object]
) -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        mcp = app_of(new_module(monkeypatch).tool)
        mcp.module = sys.modules["closed"]  # type: ignore[attr-defined]
        return mcp

    requests = calls("tool", {"text": "hi"})
    answers = await assert_like_fastmcp(make, *requests, lambda mcp: change(mcp.module), *requests[1:])
    assert "two" not in answers[2].body
    assert "two" in answers[7].body


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "value"), [("prefix", Asking()), ("shown", asking)])
async def test_variables_of_enclosing_functions_may_be_replaced(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        tool, change = new_module(monkeypatch).factory()
        mcp = app_of(tool)
        mcp.change = change  # type: ignore[attr-defined]
        return mcp

    requests = calls("tool", {"text": "hi"})
    answers = await assert_like_fastmcp(
        make, *requests, lambda mcp: mcp.change(name, value), *requests[1:]  # type: ignore[attr-defined]
    )  # fmt: skip
    assert "two" not in answers[2].body
    assert "two" in answers[7].body


@pytest.mark.anyio
async def test_whatever_replaced_code_asks_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that FastMCP tells of a request, and nothing of the one before."""

    def ask(_value: Any) -> str:
        context = get_context()
        seen = context._request_state.get("seen")
        context._request_state["seen"] = context.request_id
        token, user = get_access_token(), sdk_access_token()
        return (
            f"{context.request_id} {context.transport} {context.fastmcp.name} {get_server().name} {seen} "
            f"{get_http_request().headers.get('x-key')} {token and token.client_id} "
            f"{user and user.client_id} {bool(context.session_id)} {caller().client} "
            f"{caller().session is None}"
        )

    def replace(_mcp: FastMCP[Any]) -> None:
        sys.modules["closed"].helper = ask  # type: ignore[attr-defined]

    def plain(_notes: list[str]) -> FastMCP[Any]:
        return app_of(new_module(monkeypatch).tool)

    requests = calls("tool", {"text": "hi"})
    answers = await assert_like_fastmcp(plain, *requests, replace, *requests[1:], auth_tokens=[TOKEN])
    assert "two token" in answers[7].body


def test_between_calls_there_is_no_request() -> None:
    variables = CallVariables(FastMCP("app"), json_response=True)
    context = contextvars.copy_context()
    context.run(variables.set_for_calls_in_progress)
    with pytest.raises(RuntimeError, match="No active HTTP request found"):
        context.run(get_http_request)
    with pytest.raises(RuntimeError, match="No active context found"):
        context.run(lambda: fastmcp_request_ctx.get().session)  # type: ignore[union-attr]
    assert context.run(get_access_token) is None
    assert context.run(sdk_access_token) is None
    assert not hasattr(context[fastmcp_request_ctx], "other")


def test_the_tool_of_these_tests_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = new_module(monkeypatch)
    assert reach([module.tool]).is_closed
    assert reach([module.factory()[0]]).is_closed
