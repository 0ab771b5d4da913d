"""Components that a list shows: which need FastMCP, and when a list is the same as before."""

from __future__ import annotations

from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.resources import TextResource
from fastmcp.tools import FunctionTool, Tool
from pydantic import AnyUrl

from server_core import PlainTool
from server_core.fastlane.listed_components import LISTS, fingerprint, list_reason, listed
from server_core.sdk.internals import local_components


async def echo(text: str) -> str:
    return text


def tool(**options: Any) -> FunctionTool:
    return FunctionTool.from_function(echo, **options)


class OwnTool(FunctionTool):
    pass


def with_each_kind() -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("app")
    mcp.add_tool(tool())
    mcp.add_tool(PlainTool.from_function(echo, name="plain"))
    mcp.resource("data://a")(echo_nothing)
    mcp.add_resource(TextResource(uri=AnyUrl("data://text"), text="x"))
    mcp.resource("data://{text}")(echo)
    mcp.prompt(echo)
    return mcp


async def echo_nothing() -> str:
    return ""


@pytest.mark.parametrize(("method", "count"), [("tools/list", 2), ("resources/list", 4), ("prompts/list", 1)])
def test_a_list_depends_on_components_of_its_kinds(method: str, count: int) -> None:
    assert len(listed(method, local_components(with_each_kind()).values())) == count


@pytest.mark.parametrize("method", LISTS)
def test_fastmcps_own_classes_are_listed_as_their_fields_say(method: str) -> None:
    components = listed(method, local_components(with_each_kind()).values())
    assert components
    assert list_reason(components) == ""
    assert fingerprint(components) == fingerprint(components)


def test_components_that_need_fastmcp_have_a_reason() -> None:
    assert "OwnTool may override" in list_reason([tool(), OwnTool.from_function(echo)])
    assert "who may see echo" in list_reason([tool(auth=lambda _context: True)])
    changed = tool()
    changed.__dict__["to_mcp_tool"] = echo
    assert "beside its fields" in list_reason([changed])
    transformed = Tool.from_tool(tool(), name="other")
    assert "TransformedTool" in list_reason([transformed])


def test_patched_code_for_lists_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tool, "to_mcp_tool", echo)
    assert "has been replaced" in list_reason([tool()])


def test_each_shown_field_changes_the_fingerprint_and_code_does_not() -> None:
    one = tool(meta={"a": {"b": 1}}, tags={"x"})
    before = fingerprint([one])
    assert fingerprint([one, tool()]) != before
    assert one.meta is not None
    one.meta["a"]["b"] = True
    assert fingerprint([one]) != before
    one.meta["a"]["b"] = 1
    assert fingerprint([one]) == before
    one.fn = echo_nothing
    assert fingerprint([one]) == before
    one.tags.add("y")
    assert fingerprint([one]) != before


def test_fields_without_json_raise() -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with pytest.raises(ValueError, match="ircular"):
        fingerprint([tool(meta=loop)])
