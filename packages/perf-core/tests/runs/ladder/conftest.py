"""Apps for the tests of ladders."""

from __future__ import annotations

from pathlib import Path

import pytest

SHOP = '''
from typing import Any

from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from pydantic import BaseModel

print("loading the shop")

mcp = FastMCP("shop")


class Item(BaseModel):
    price: float


@mcp.tool(annotations={"readOnlyHint": True})
async def total(items: list[Item]) -> float:
    """Return the sum of prices."""
    return sum(item.price for item in items)


@mcp.tool
def plain(a: int, b: int = 2) -> int:
    """Add, in a thread."""
    return a + b


@mcp.tool
async def asks_context(ctx: Context, text: str) -> str:
    """Return a text."""
    return text


@mcp.tool
async def fails() -> str:
    """Fail."""
    raise ToolError("it is closed today")


def create_server() -> Any:
    return mcp


async def create_later() -> Any:
    return mcp


def create_with(settings: str) -> Any:
    return mcp


number = 7
'''

SDK_SHOP = '''
from mcp.server import MCPServer

mcp = MCPServer("shop")


@mcp.tool()
async def plain(a: int, b: int = 2) -> int:
    """Add."""
    return a + b
'''


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A file with an app of FastMCP."""
    path = tmp_path / "shop_of_ladder.py"
    path.write_text(SHOP, encoding="utf-8")
    return path


@pytest.fixture
def sdk_shop(tmp_path: Path) -> Path:
    """A file with an app of the official SDK."""
    path = tmp_path / "sdk_shop_of_ladder.py"
    path.write_text(SDK_SHOP, encoding="utf-8")
    return path
