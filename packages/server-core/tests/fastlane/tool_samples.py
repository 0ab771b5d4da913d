"""An app with tools for every kind of argument, result and error."""

from __future__ import annotations

import asyncio
import datetime
import enum
import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastmcp import Context, FastMCP
from fastmcp.exceptions import NotFoundError, ToolError
from fastmcp.server.dependencies import get_context
from fastmcp.tools import FunctionTool, ToolResult
from fastmcp.utilities.types import Image
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, Field
from pydantic_core import to_json

from server_core import EncodedJson, PlainTool
from server_core.sdk.internals import local_components


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    x: float
    y: float = 0.0
    label: str | None = Field(None, alias="the label")


@dataclass
class Sum:
    total: float
    parts: list[float]


class _Fussy(BaseModel):
    age: int


class _Remark(TextContent):
    by: str = "somebody"


# fmt: off
PLAIN = frozenset({
    "echo", "add", "join", "maybe", "many", "choose", "move", "total", "when", "either", "anything",
    "nothing", "sync", "inline", "waiting", "listed", "tupled", "content", "result", "raw", "refuse",
    "crash", "fussy", "unknown", "infinite", "huge", "surrogate", "untyped", "partial", "wrongly_typed",
    "lax", "block", "remark", "called",
})
# fmt: on
"""Names of the plain tools; all others need FastMCP."""


def make_app(only: Collection[str] = (), **options: Any) -> FastMCP[Any]:
    """Return the app; with `only`, without its other tools, which makes lists and header checks faster."""
    mcp: FastMCP[Any] = FastMCP("samples", version="1.2.3", instructions="All kinds.", **options)

    @mcp.tool
    async def echo(text: str) -> str:
        """Return the text."""
        return text

    @mcp.tool
    async def add(a: float, b: float = 1) -> float:
        return a + b

    @mcp.tool
    async def join(words: list[str], separator: Annotated[str, Field(max_length=3)] = ",") -> dict[str, Any]:
        return {"joined": separator.join(words), "count": len(words)}

    @mcp.tool
    async def maybe(value: int | None = None) -> int | None:
        return value

    @mcp.tool
    async def many(count: Annotated[int, Field(ge=0, le=5)]) -> list[int]:
        return list(range(count))

    @mcp.tool
    async def choose(colour: Colour, mode: Literal["a", "b"] = "a") -> Colour:
        return colour if mode == "a" else Colour.RED

    @mcp.tool
    async def move(point: Point, by: Point) -> Point:
        return Point(x=point.x + by.x, y=point.y + by.y)

    @mcp.tool
    async def total(numbers: list[float]) -> Sum:
        return Sum(sum(numbers), numbers)

    @mcp.tool
    async def when(date: datetime.date) -> datetime.date:
        return date

    @mcp.tool
    async def either(value: int | str | list[int]) -> str:
        return f"{type(value).__name__} {value}"

    @mcp.tool
    async def anything(value: Any) -> Any:
        return value

    @mcp.tool
    async def nothing() -> None:
        return None

    @mcp.tool
    def sync(text: str) -> str:
        return text.upper()

    @mcp.tool(run_in_thread=False)
    def inline(text: str) -> str:
        return text.lower()

    @mcp.tool
    async def waiting(text: str) -> str:
        await asyncio.sleep(0)
        return text

    @mcp.tool
    async def listed(values: list[Any]) -> list[Any]:
        return values

    @mcp.tool
    async def tupled(value: int) -> tuple[int, str]:
        return value, str(value)

    @mcp.tool
    async def content(text: str) -> list[Any]:
        return [TextContent(type="text", text=text), {"beside": text}]

    @mcp.tool
    async def block(value: Any) -> TextContent:
        return TextContent(type="text", text=repr(value))

    @mcp.tool
    async def remark(value: Any) -> Any:
        return _Remark(type="text", text=repr(value))

    @mcp.tool
    async def called(value: Any) -> CallToolResult:
        return CallToolResult(content=[TextContent(type="text", text=repr(value))], is_error=value is None)

    @mcp.tool
    async def result(text: str) -> ToolResult:
        return ToolResult(content=text, structured_content={"text": text}, meta={"mine": 1})

    @mcp.tool
    async def raw(text: str) -> bytes:
        return text.encode("utf-8", "surrogatepass")

    @mcp.tool
    async def refuse(why: str) -> str:
        raise ToolError(why)

    @mcp.tool
    async def crash(why: str) -> str:
        raise ValueError(why)

    @mcp.tool
    async def fussy(age: Any) -> int:
        return _Fussy(age=age).age

    @mcp.tool
    async def unknown(name: str) -> str:
        raise NotFoundError(name)

    @mcp.tool
    async def infinite(sign: int) -> float:
        return float("inf") * sign if sign else float("nan")

    @mcp.tool
    async def huge(digits: Annotated[int, Field(ge=1, le=400)]) -> int:
        return 10**digits

    @mcp.tool
    async def surrogate() -> dict[str, str]:
        return {"half": "\ud83d"}

    @mcp.tool
    async def untyped(value):  # type: ignore[no-untyped-def]
        return {"value": value}

    @mcp.tool
    async def wrongly_typed(value: Any) -> int:
        return value  # type: ignore[no-any-return]

    async def _scaled(factor: float, value: float) -> float:
        return factor * value

    mcp.add_tool(FunctionTool.from_function(functools.partial(_scaled, 2.0), name="partial"))

    @mcp.tool(output_schema=None)
    async def lax(value: Any) -> Any:
        return value

    @mcp.tool
    async def with_context(text: str, ctx: Context) -> str:
        return f"{text} for {ctx.request_id}"

    @mcp.tool
    async def has_session(ctx: Context) -> bool:
        return bool(ctx.session_id)

    @mcp.tool
    async def gets_context(text: str) -> str:
        return f"{text} for {get_context().request_id}"

    @mcp.tool(timeout=5)
    async def timed(text: str) -> str:
        return text

    @mcp.tool
    async def generated(count: int) -> Any:
        for number in range(count):
            yield number

    @mcp.tool
    async def picture() -> Image:
        return Image(data=b"no picture", format="png")

    mcp.add_tool(PlainTool.from_function(_checked, name="checked"))
    mcp.add_tool(PlainTool.from_function(_encoded, name="encoded"))
    names = [tool.name for tool in local_components(mcp).values()]
    for name in names:
        if only and name not in only:
            mcp.local_provider.remove_tool(name)
    return mcp


async def _encoded(text: str) -> Any:
    return EncodedJson(to_json({"text": text, "half": 0.5, "rows": [{"é": None}]}))


async def _checked(a: Annotated[float, Field(strict=True, allow_inf_nan=False)]) -> float:
    return a
