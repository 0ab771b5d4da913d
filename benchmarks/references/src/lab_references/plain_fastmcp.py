"""A calculator with FastMCP as a newcomer would write it: plain functions, default settings.

It differs from the tutorial in three ways: no banner; a socket that is already bound, instead of a port; and
h11, which an installation of FastMCP alone uses (uvicorn prefers httptools if it is installed). FastMCP runs
on asyncio's event loop.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError

from lab_references import __version__
from lab_references.serving import NO_HANDICAP, Handicap, listen, parse_options

NAME = "reference-fastmcp"


def create_server(handicap: Handicap = NO_HANDICAP) -> FastMCP:
    """Create the calculator.

    Args:
        handicap: Slowness and wrong answers of known size.
    """
    mcp = FastMCP(NAME, version=__version__)

    def calculate(operation: Callable[[float, float], float], a: float, b: float) -> dict[str, float]:
        handicap.delay()
        try:
            result = operation(a, b)
        except ZeroDivisionError as error:
            raise ToolError("Division by zero has no result.") from error
        if not math.isfinite(result):
            raise ToolError("The result is not a finite 64-bit float.")
        return {"result": handicap.result(result)}

    @mcp.tool
    def add(a: float, b: float) -> dict[str, float]:
        """Add two numbers."""
        return calculate(operator.add, a, b)

    @mcp.tool
    def subtract(a: float, b: float) -> dict[str, float]:
        """Subtract the second number from the first."""
        return calculate(operator.sub, a, b)

    @mcp.tool
    def multiply(a: float, b: float) -> dict[str, float]:
        """Multiply two numbers."""
        return calculate(operator.mul, a, b)

    @mcp.tool
    def divide(a: float, b: float) -> dict[str, float]:
        """Divide the first number by the second."""
        return calculate(operator.truediv, a, b)

    return mcp


def main() -> None:
    """Serve until a signal arrives."""
    options = parse_options(__doc__)
    with listen(options) as listener:
        host, port = listener.getsockname()
        create_server(options.handicap).run(
            transport="http",
            host=host,
            port=port,
            sockets=[listener],
            uvicorn_config={"http": "h11"},
            show_banner=False,
        )


if __name__ == "__main__":
    main()
