"""The calculator as a FastMCP app: four tools and a sample text."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from calculator_server import __version__, arithmetic
from calculator_server.settings import CalculatorSettings
from server_core import PlainTool

SAMPLE_URI = "calculator://sample"

INSTRUCTIONS = f"""\
IEEE 754 arithmetic on two finite numbers. Use these tools whenever a result must be right to the last
digit, instead of estimating it: add, subtract, multiply, divide. Each takes `a` and `b` as JSON numbers
and returns {{"result": number}}. Chain calls for longer expressions, innermost first.

Numbers are 64-bit floats: integers are exact up to 2^53, decimals such as 0.1 are rounded. A call without
a finite result (division by zero, overflow) comes back with isError and a sentence that says what to
change. Worked examples: {SAMPLE_URI}.
"""


@dataclass(frozen=True, slots=True)
class Calculation:
    """Result of every tool."""

    result: Annotated[float, Field(description="The result, a finite 64-bit float.")]


def _operand(meaning: str) -> Any:
    return Field(
        strict=True, allow_inf_nan=False, description=f"{meaning}; a finite JSON number, not a string."
    )


async def add(
    a: Annotated[float, _operand("First summand")], b: Annotated[float, _operand("Second summand")]
) -> Calculation:
    """Add two numbers: a + b. Use it for sums and totals."""
    return _calculate(arithmetic.add, a, b)


async def subtract(
    a: Annotated[float, _operand("Number to subtract from")],
    b: Annotated[float, _operand("Number that is subtracted")],
) -> Calculation:
    """Subtract the second number from the first: a - b. Use it for differences; the order matters."""
    return _calculate(arithmetic.subtract, a, b)


async def multiply(
    a: Annotated[float, _operand("First factor")], b: Annotated[float, _operand("Second factor")]
) -> Calculation:
    """Multiply two numbers: a * b. Use it for products, and for percentages (times 0.15 for 15 %)."""
    return _calculate(arithmetic.multiply, a, b)


async def divide(
    a: Annotated[float, _operand("Dividend")], b: Annotated[float, _operand("Divisor, not zero")]
) -> Calculation:
    """Divide the first number by the second: a / b. Use it for ratios and averages; b must not be zero."""
    return _calculate(arithmetic.divide, a, b)


def create_server(_settings: CalculatorSettings | None = None) -> FastMCP[Any]:
    """Create the calculator app, to be served or used in memory; the settings do not affect it."""
    mcp: FastMCP[Any] = FastMCP(
        "calculator", instructions=INSTRUCTIONS, version=__version__, dereference_schemas=False
    )
    annotations = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    for tool in (add, subtract, multiply, divide):
        mcp.add_tool(PlainTool.from_function(tool, annotations=annotations))
    mcp.resource(
        SAMPLE_URI,
        name="sample",
        mime_type="text/plain",
        description="Worked examples of calls and their answers.",
    )(sample)
    return mcp


async def sample() -> str:
    """Return the packaged sample text."""
    return (files("calculator_server") / "data" / "sample.txt").read_text(encoding="utf-8")


def _calculate(operation: Callable[[float, float], float], a: float, b: float) -> Calculation:
    try:
        return Calculation(operation(a, b))
    except arithmetic.CalculationError as error:
        # A mistake of the client, which is reported to the client and not in the server's log.
        raise ToolError(str(error), log_level=logging.DEBUG) from error
