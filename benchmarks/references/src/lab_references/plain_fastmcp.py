"""A calculator with FastMCP as a newcomer writes it: plain functions, default settings.

Where it differs from the tutorial: no banner, the lab's socket instead of a port, and h11, because that is
what installing FastMCP alone brings (uvicorn takes httptools when it lies around). FastMCP runs on asyncio's
own loop.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError

from lab_references import __version__
from lab_references.serving import burn, listen, parse_options

NAME = "reference-fastmcp"


def create_server(burn_us: int = 0) -> FastMCP:
    """Make the calculator.

    Args:
        burn_us: CPU time, in µs, that each tool call wastes.
    """
    mcp = FastMCP(NAME, version=__version__)

    def calculate(operation: Callable[[float, float], float], a: float, b: float) -> dict[str, float]:
        burn(burn_us)
        try:
            result = operation(a, b)
        except ZeroDivisionError as error:
            raise ToolError("Division by zero has no result.") from error
        if not math.isfinite(result):
            raise ToolError("The result is not a finite 64-bit float.")
        return {"result": result}

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
    """Serve until a signal comes."""
    options = parse_options(__doc__)
    with listen(options) as listener:
        host, port = listener.getsockname()
        create_server(options.burn_us).run(
            transport="http",
            host=host,
            port=port,
            sockets=[listener],
            uvicorn_config={"http": "h11"},
            show_banner=False,
        )


if __name__ == "__main__":
    main()
