"""A calculator on the low-level server of the official Python SDK, over HTTP.

As an installation of the SDK alone would run it: uvicorn with h11 on asyncio, default settings. The SDK
answers calls of the session wire as event streams.
"""

from __future__ import annotations

import argparse
import json
import math
import operator
from collections.abc import Callable
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.lowlevel import Server

NAME = "python-sdk-low-level"

OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}
_NUMBER = {"type": "number"}
TOOLS = [
    types.Tool(
        name=name,
        description=f"{name.capitalize()} two numbers.",
        input_schema={
            "type": "object",
            "properties": {"a": _NUMBER, "b": _NUMBER},
            "required": ["a", "b"],
        },
        output_schema={"type": "object", "properties": {"result": _NUMBER}, "required": ["result"]},
    )
    for name in OPERATIONS
]


async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
    """Answer ``tools/list``."""
    return types.ListToolsResult(tools=TOOLS)


async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    """Answer ``tools/call``."""
    arguments = params.arguments or {}
    try:
        result = float(OPERATIONS[params.name](arguments["a"], arguments["b"]))
    except (ArithmeticError, KeyError, TypeError) as error:
        return _answer(str(error), is_error=True)
    if not math.isfinite(result):
        return _answer("The result is not a finite 64-bit float.", is_error=True)
    return _answer(json.dumps({"result": result}), {"result": result})


def _answer(
    text: str, structured: dict[str, float] | None = None, *, is_error: bool = False
) -> types.CallToolResult:
    content: list[types.ContentBlock] = [types.TextContent(type="text", text=text)]
    return types.CallToolResult(content=content, structured_content=structured, is_error=is_error)


def main() -> None:
    """Serve until a signal arrives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True, help="port on loopback")
    options = parser.parse_args()
    server: Server[Any] = Server(NAME, version="1", on_list_tools=list_tools, on_call_tool=call_tool)
    uvicorn.run(
        server.streamable_http_app(),
        host="127.0.0.1",
        port=options.port,
        http="h11",
        loop="asyncio",
        log_level="warning",
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
