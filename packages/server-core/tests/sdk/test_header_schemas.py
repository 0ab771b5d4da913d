from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastmcp import FastMCP
from pydantic import Field

from server_core.sdk.header_schemas import HeaderSchemas

pytestmark = pytest.mark.anyio

Region = Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]


async def routed(region: Region) -> str:
    """A tool whose argument clients repeat in a header."""
    return region


async def plain(region: str) -> str:
    """The same tool without a header."""
    return region


@pytest.fixture
def mcp() -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("headers", dereference_schemas=False)
    mcp.tool(routed)
    return mcp


async def test_a_declared_header_is_checked(
    mcp: FastMCP[Any], make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    async with serving(make_app(mcp)) as wires:
        good = await wires.call("routed", {"region": "eu"}, **{"mcp-param-region": "eu"})
        bad = await wires.call("routed", {"region": "eu"}, **{"mcp-param-region": "us"})
        missing = await wires.call("routed", {"region": "eu"})
    assert good.json()["result"]["isError"] is False
    assert (bad.status_code, bad.json()["error"]["code"]) == (400, -32020)
    assert (missing.status_code, missing.json()["error"]["code"]) == (400, -32020)


async def test_the_check_notices_added_removed_and_changed_tools(
    mcp: FastMCP[Any], make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    async with serving(make_app(mcp)) as wires:
        mcp.tool(routed, name="late")
        assert (await wires.call("late", {"region": "eu"})).status_code == 400
        mcp.local_provider.remove_tool("routed")
        mcp.tool(plain, name="routed")
        assert (await wires.call("routed", {"region": "eu"})).json()["result"]["isError"] is False
        mcp.local_provider.remove_tool("late")
        assert (await wires.call("late", {"region": "eu"})).json()["result"]["isError"] is True


async def test_a_mounted_tool_is_checked_too(
    mcp: FastMCP[Any], make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    child: FastMCP[Any] = FastMCP("child", dereference_schemas=False)
    child.tool(routed, name="inner")
    async with serving(make_app(mcp)) as wires:
        mcp.mount(child)
        assert (await wires.call("inner", {"region": "eu"})).status_code == 400
        good = await wires.call("inner", {"region": "eu"}, **{"mcp-param-region": "eu"})
        assert good.json()["result"]["isError"] is False


async def test_a_call_does_not_list_the_tools(
    mcp: FastMCP[Any],
    make_app: Callable[..., Any],
    serving: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed: list[str] = []
    original = mcp.list_tools

    async def list_tools(**options: Any) -> Any:
        listed.append("tools/list")
        return await original(**options)

    async with serving(make_app(mcp)) as wires:
        monkeypatch.setattr(mcp, "list_tools", list_tools)
        answer = await wires.call("routed", {"region": "eu"}, **{"mcp-param-region": "eu"})
        assert answer.json()["result"]["isError"] is False
    assert listed == []


def test_the_newest_version_of_a_tool_decides() -> None:
    mcp: FastMCP[Any] = FastMCP("versions", dereference_schemas=False)
    mcp.tool(plain, name="tool", version="1.9")
    mcp.tool(routed, name="tool", version="1.10")
    HeaderSchemas(mcp)
    lookup = mcp._mcp_server.get_tool_input_schema
    assert lookup is not None
    schema = lookup("tool")
    assert schema is not None
    assert "x-mcp-header" in schema["properties"]["region"]
    assert lookup("nobody") is None
