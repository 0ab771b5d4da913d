"""Tools prepared for direct calls, and the changes after which they are examined again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from fastmcp.tools import FunctionTool

from server_core.fastlane import direct_tool as module
from server_core.fastlane.direct_tool import DirectTool, NotDirect, direct_tool


def helper(text: str) -> str:
    return text


async def plain(text: str) -> str:
    return helper(text)


async def waits(text: str) -> str:
    await asyncio.sleep(0)
    return text


def in_a_thread(text: str) -> str:
    return text


async def returns_a_generator(text: str) -> Any:
    async def generate() -> Any:
        yield text

    return generate()


def direct(fn: Callable[..., Any], **options: Any) -> DirectTool:
    result = direct_tool(FunctionTool.from_function(fn, **options))
    assert isinstance(result, DirectTool)
    return result


def test_how_a_function_is_called_depends_on_its_kind() -> None:
    kinds = {fn: direct(fn) for fn in (plain, waits, in_a_thread, returns_a_generator)}
    assert [each.is_async for each in kinds.values()] == [True, True, False, True]
    assert [each.in_thread for each in kinds.values()] == [False, False, True, False]
    assert [each.never_waits for each in kinds.values()] == [True, False, False, False]
    assert not direct(in_a_thread, run_in_thread=False).in_thread


def test_only_closed_code_needs_no_context_variables() -> None:
    assert direct(plain).is_closed
    assert not direct(waits).is_closed, "asyncio may call anything back"


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    __hash__ = None  # type: ignore[assignment]


def test_a_change_of_options_or_code_makes_another_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    result = direct(plain, meta={"own": 1})
    tool = result.tool
    assert result.is_current(tool)
    assert not result.is_current(tool.model_copy())
    assert not result.is_current(None)
    with monkeypatch.context() as patch:
        patch.setattr(plain, "__code__", waits.__code__)
        assert not result.is_current(tool)
    tool.description = "other"
    assert not result.is_current(tool)
    tool.description = result.snapshot.options["description"]
    assert result.is_current(tool)
    tool.meta = Incomparable()  # type: ignore[assignment]
    assert not result.is_current(tool)


def test_a_tool_that_imports_a_module_is_examined_again_once_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def imports() -> Any:
        import a_module_loaded_later  # type: ignore[import-not-found]

        return a_module_loaded_later.__name__

    result = direct_tool(FunctionTool.from_function(imports))
    assert isinstance(result, NotDirect)
    assert result.is_current(result.snapshot.tool)
    monkeypatch.setitem(sys.modules, "a_module_loaded_later", ModuleType("a_module_loaded_later"))
    assert not result.is_current(result.snapshot.tool)


def test_a_tool_that_cannot_be_examined_is_fastmcps(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_tool: object) -> Any:
        raise KeyError("unexpected")

    monkeypatch.setattr(module, "tool_reach", fail)
    result = direct_tool(FunctionTool.from_function(plain))
    assert isinstance(result, NotDirect)
    assert result.reason == "it cannot be examined (KeyError)"


def test_strict_validation_follows_the_rules_for_json() -> None:
    async def ages(age: int, names: tuple[str, ...]) -> int:
        return age

    result = direct(ages)
    assert result.validated({"age": "5", "names": ["a"]}, strict=False)[1] == {"age": 5, "names": ("a",)}
    assert result.validated({"age": 5, "names": ["a"]}, strict=True)[1] == {"age": 5, "names": ("a",)}
    with pytest.raises(ValueError, match="valid integer"):
        result.validated({"age": "5", "names": ["a"]}, strict=True)
