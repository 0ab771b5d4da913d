"""Tools and their code that change while the app serves: the lane examines them again."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import Any

import pytest
from beside_fastmcp import assert_like_fastmcp
from fastmcp import FastMCP
from fastmcp.tools import FunctionTool
from lane_apps import app_with
from request_readers import app_of, by_method, calls, key

from server_core import PlainTool
from server_core.sdk.internals import local_components

pytestmark = pytest.mark.anyio

MODULE = importlib.import_module(__name__)


async def plain(text: str) -> str:
    return text.upper()


async def louder(text: str) -> str:
    return f"{text}!"


def _tool(mcp: FastMCP[Any]) -> Any:
    return local_components(mcp)["tool:tool@"]


def change(**options: Any) -> Callable[[FastMCP[Any]], None]:
    """Return a step that changes options of the tool in place."""

    def step(mcp: FastMCP[Any]) -> None:
        for name, value in options.items():
            setattr(_tool(mcp), name, value)

    step.__name__ = " ".join(options)
    return step


def hide(mcp: FastMCP[Any]) -> None:
    _tool(mcp).meta["fastmcp"] = {"_internal": {"visibility": False}}


def wrap_results(mcp: FastMCP[Any]) -> None:
    _tool(mcp).output_schema["x-fastmcp-wrap-result"] = False


def replace_code(mcp: FastMCP[Any]) -> None:
    _tool(mcp).fn.__code__ = louder.__code__


def replace_run(mcp: FastMCP[Any]) -> None:
    async def run(_arguments: dict[str, Any]) -> Any:
        raise ValueError("replaced")

    _tool(mcp).__dict__["run"] = run


async def slow(text: str) -> str:
    await asyncio.sleep(30)
    return text


@pytest.mark.parametrize(
    ("step", "stays"),
    [
        (change(fn=louder), True),
        (change(fn=by_method), False),
        (change(auth=lambda _context: False), False),
        (change(fn=slow, timeout=0.01), False),
        (change(output_schema=None), True),
        (change(return_type=Any, output_schema=None), True),
        (change(version="2"), False),
        (change(name="other"), False),
        (change(run_in_thread=False), True),
        (change(description="other", tags={"a"}), True),
        (hide, False),
        (wrap_results, True),
        (replace_code, True),
        (replace_run, False),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
async def test_a_tool_that_is_changed_in_place_is_examined_again(step: Any, *, stays: bool) -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        async def original(text: str) -> str:
            return text.upper()

        return app_of(original, meta={"mine": 1})

    requests = calls("tool", {"text": "hi"})
    await assert_like_fastmcp(
        make,
        *requests,
        step,
        *requests[1:],
        change(description="again"),
        *requests[1:],
        lane_calls=12 if stays else 4,
    )


def helper(text: str) -> str:
    return text


class Helping:
    @staticmethod
    def help(text: str) -> str:
        return text


HANDLERS: dict[str, Any] = {}


async def by_helper(text: str) -> str:
    return f"{helper(text)} {Helping.help(text)} {HANDLERS.get(text, str)(text)}"


def with_key(text: str) -> str:
    return f"{text} {key()}"


@pytest.mark.parametrize("kind", [FunctionTool, PlainTool])
@pytest.mark.parametrize("part", ["function", "method", "handler"])
async def test_code_that_is_replaced_while_the_app_serves_finds_its_request(
    monkeypatch: pytest.MonkeyPatch, part: str, kind: type[FunctionTool]
) -> None:
    def replace(_mcp: FastMCP[Any]) -> None:
        if part == "function":
            monkeypatch.setattr(MODULE, "helper", with_key)
        elif part == "method":
            monkeypatch.setattr(Helping, "help", staticmethod(with_key))
        else:
            monkeypatch.setitem(HANDLERS, "hi", with_key)

    def restore(_mcp: FastMCP[Any]) -> None:
        monkeypatch.undo()

    requests = calls("tool", {"text": "hi"})
    answers = await assert_like_fastmcp(
        lambda _notes: app_of(by_helper, kind), *requests, replace, *requests[1:], restore, *requests[1:]
    )
    assert "two" in answers[7].body, "it was replaced"
    assert "two" not in answers[2].body


async def test_a_tool_with_a_name_that_two_tools_have_is_fastmcps() -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        first = FunctionTool.from_function(louder, name="first")
        return app_with(first, FunctionTool.from_function(plain, name="tool"))

    def rename(mcp: FastMCP[Any]) -> None:
        local_components(mcp)["tool:first@"].name = "tool"

    await assert_like_fastmcp(make, *calls("tool", {"text": "hi"}), before_start=rename, lane_calls=0)
