"""Calls whose tool raises: answer and log line are FastMCP's, whatever is raised."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from beside_fastmcp import assert_like_fastmcp
from fastmcp import FastMCP
from fastmcp.exceptions import NotFoundError, ToolError, ValidationError
from in_memory import initialize, session_call, stateless_call
from mcp.shared.exceptions import MCPError
from mcp_types import MISSING_REQUIRED_CLIENT_CAPABILITY
from pydantic import TypeAdapter
from pydantic import ValidationError as PydanticValidationError

from server_core import PlainTool

pytestmark = pytest.mark.anyio

LOGGER = logging.getLogger("fastmcp.server.server")


class Notes(logging.Handler):
    """Notes level, text and whether there is a traceback."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        has_traceback = bool(record.exc_info and record.exc_info[0])
        self._notes.append(f"{record.levelname} {record.getMessage()} {has_traceback}")


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    """Remove the handlers of the test, and log everything meanwhile."""
    handlers, level = list(LOGGER.handlers), LOGGER.level
    LOGGER.setLevel(logging.DEBUG)
    yield
    LOGGER.handlers, LOGGER.level = handlers, level
    LOGGER.setLevel(level)


def number() -> int:
    return TypeAdapter(int).validate_python("not a number")


def wrong_arguments() -> ValidationError:
    """Return an error as FastMCP raises it for arguments that a tool checks itself."""
    try:
        number()
    except PydanticValidationError as cause:
        error = ValidationError("wrong arguments")
        error.__cause__ = cause
        return error
    raise AssertionError


def failing(error: Callable[[], Exception]) -> Callable[[list[str]], FastMCP[Any]]:
    def make(notes: list[str]) -> FastMCP[Any]:
        mcp: FastMCP[Any] = FastMCP("failing")

        async def fail() -> int:
            raise error()

        mcp.add_tool(PlainTool.from_function(fail))
        LOGGER.handlers = [Notes(notes)]
        return mcp

    return make


async def raised_by_the_body() -> int:
    return number()


@pytest.mark.parametrize(
    "error",
    [
        lambda: ValidationError("secret"),
        lambda: ValidationError("secret", log_level=logging.INFO),
        wrong_arguments,
        lambda: ToolError("told"),
        lambda: ToolError("told", log_level=logging.INFO),
        lambda: NotFoundError("no such score"),
        lambda: LookupError("a defect"),
        lambda: TimeoutError("late"),
        lambda: MCPError(code=-32000, message="a code of its own"),
        lambda: MCPError(code=MISSING_REQUIRED_CLIENT_CAPABILITY, message="needs sampling"),
    ],
    ids=[
        "validation",
        "validation with a level",
        "validation of arguments",
        "tool error",
        "tool error with a level",
        "not found",
        "defect",
        "timeout",
        "MCP error",
        "missing capability",
    ],
)
async def test_answer_and_log_line_are_those_of_fastmcp(error: Callable[[], Exception]) -> None:
    steps = [stateless_call("fail", {}), initialize(), session_call("fail", {})]
    await assert_like_fastmcp(failing(error), *steps, lane_calls=2)


async def test_a_validation_error_of_the_body_is_a_defect() -> None:
    def make(notes: list[str]) -> FastMCP[Any]:
        mcp: FastMCP[Any] = FastMCP("failing")
        mcp.add_tool(PlainTool.from_function(raised_by_the_body))
        LOGGER.handlers = [Notes(notes)]
        return mcp

    steps = [stateless_call("raised_by_the_body", {}), initialize(), session_call("raised_by_the_body", {})]
    await assert_like_fastmcp(make, *steps, lane_calls=2)
