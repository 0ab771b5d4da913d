from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from fastmcp import FastMCP
from fastmcp.tools import FunctionTool, Tool
from pydantic import BaseModel, Field

from server_core.sdk.header_schemas import HeaderSchemas

pytestmark = pytest.mark.anyio

Region = Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]


async def routed(region: Region) -> str:
    """A tool whose argument clients repeat in a header."""
    return region


class Place(BaseModel):
    region: Region


async def placed(place: Place, other: Place) -> str:
    return place.region + other.region


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


class Tags(set[str]):
    """Tags that count how often they are listed."""

    listed = 0

    def __iter__(self) -> Iterator[str]:
        self.listed += 1
        return super().__iter__()


async def test_a_call_does_not_list_the_tools(
    mcp: FastMCP[Any], make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    tool = mcp.local_provider._components["tool:routed@"]
    tool.tags = tags = Tags()
    async with serving(make_app(mcp)) as wires:
        answer = await wires.call("routed", {"region": "eu"}, **{"mcp-param-region": "eu"})
        assert answer.json()["result"]["isError"] is False
        assert tags.listed == 0
        await wires.stateless("tools/list")
        assert tags.listed > 0


def test_the_newest_version_of_a_tool_decides() -> None:
    mcp: FastMCP[Any] = FastMCP("versions", dereference_schemas=False)
    mcp.tool(plain, name="tool", version="1.9")
    mcp.tool(routed, name="tool", version="1.10")
    HeaderSchemas(mcp, lambda: True)
    lookup = mcp._mcp_server.get_tool_input_schema
    assert lookup is not None
    schema = lookup("tool")
    assert schema is not None
    assert "x-mcp-header" in schema["properties"]["region"]
    assert lookup("nobody") is None


@pytest.mark.parametrize("dereference_schemas", [True, False])
async def test_default_middleware_needs_no_listing(
    make_app: Callable[..., Any], serving: Callable[..., Any], *, dereference_schemas: bool
) -> None:
    """A declaration within a definition that clients see in place counts."""
    mcp: FastMCP[Any] = FastMCP("headers", dereference_schemas=dereference_schemas)

    mcp.tool(routed)
    mcp.tool(placed)
    app = make_app(mcp)
    schemas = mcp._mcp_server.get_tool_input_schema
    assert schemas is not None
    shown = str(schemas("placed"))
    assert ("$ref" in shown) != dereference_schemas
    async with serving(app) as wires:
        assert (await wires.call("routed", {"region": "eu"})).status_code == 400


def hide(tool: Tool) -> None:
    tool.meta = {"fastmcp": {"_internal": {"visibility": False}}}


def protect(tool: Tool) -> None:
    tool.auth = lambda _context: False


def rename(tool: Tool) -> None:
    tool.name = "renamed"


class Silent(FunctionTool):
    def to_mcp_tool(self, **overrides: Any) -> Any:
        return super().to_mcp_tool(**overrides, inputSchema={"type": "object"})


@pytest.mark.parametrize("change", [hide, protect, rename])
async def test_a_tool_that_is_not_listed_is_not_checked(
    mcp: FastMCP[Any],
    make_app: Callable[..., Any],
    serving: Callable[..., Any],
    change: Callable[[Tool], None],
) -> None:
    async with serving(make_app(mcp)) as wires:
        assert (await wires.call("routed", {"region": "eu"})).status_code == 400
        tool = mcp.local_provider._components["tool:routed@"]
        assert isinstance(tool, Tool)
        change(tool)
        answer = await wires.call("routed", {"region": "eu"})
        assert (answer.status_code, answer.json()["result"]["isError"]) == (200, True)
        if change is rename:
            assert (await wires.call("renamed", {"region": "eu"})).status_code == 400


async def test_a_tool_that_describes_itself_is_checked_by_what_it_says(
    mcp: FastMCP[Any], make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    mcp.local_provider.remove_tool("routed")
    mcp.add_tool(Silent.from_function(routed, name="silent"))
    async with serving(make_app(mcp)) as wires:
        assert (await wires.call("silent", {"region": "eu"})).json()["result"]["isError"] is False


def test_the_apps_own_lookup_stays() -> None:
    mcp: FastMCP[Any] = FastMCP("own")
    server = mcp._mcp_server
    HeaderSchemas(mcp, lambda: True)
    schemas = HeaderSchemas(mcp, lambda: False)
    assert server.get_tool_input_schema is None
    server.get_tool_input_schema = own = dict[str, Any]().get
    schemas.refresh()
    assert server.get_tool_input_schema is own
