"""Benchmarks of pydantic's validation of a tool's arguments, and of the message about a wrong argument.

The server validates and calls in one step: pydantic passes the validated arguments to the tool's function.
Here that is a coroutine function, so validation ends with a coroutine, which is closed without being awaited.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from fastmcp.utilities.types import get_cached_typeadapter
from harness import expect, make_runner, run_on_server_loop
from pydantic import TypeAdapter, ValidationError

from calculator_server import server
from server_core import PlainTool
from server_core.tools import describe_wrong_arguments

GOOD: Mapping[str, Any] = {"a": 1234.5, "b": 0.25}
NOT_A_NUMBER: Mapping[str, Any] = {"a": 1234.5, "b": "0.25"}
MISSING: Mapping[str, Any] = {"a": 1234.5}
WRONG: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a text for a number": (NOT_A_NUMBER, "float_type"),
    "a missing argument": (MISSING, "missing_argument"),
}


def _good_wall_s(loops: int) -> float:
    validate = get_cached_typeadapter(server.add).validate_python
    expect("the sum of good arguments", 1234.75, run_on_server_loop(validate(GOOD)).result)
    began = time.perf_counter()
    for _ in range(loops):
        validate(GOOD).close()
    return time.perf_counter() - began


def _wrong_wall_s(loops: int, arguments: Mapping[str, Any], error_type: str) -> float:
    adapter = get_cached_typeadapter(server.add)
    expect("the kind of error", error_type, _error(adapter, arguments).errors()[0]["type"])
    began = time.perf_counter()
    for _ in range(loops):
        _error(adapter, arguments)
    return time.perf_counter() - began


def _sentence_wall_s(loops: int) -> float:
    schema = PlainTool.from_function(server.add).parameters
    error = _error(get_cached_typeadapter(server.add), NOT_A_NUMBER)
    expect(
        "the sentence on a wrong argument",
        "'b' must be a JSON number, but \"0.25\" was sent: send a JSON number in its place.",
        describe_wrong_arguments("add", schema, error),
    )
    began = time.perf_counter()
    for _ in range(loops):
        describe_wrong_arguments("add", schema, error)
    return time.perf_counter() - began


def _error(adapter: TypeAdapter[Any], arguments: Mapping[str, Any]) -> ValidationError:
    try:
        adapter.validate_python(arguments).close()
    except ValidationError as error:
        return error
    raise SystemExit(f"expected {arguments} to be refused, got a coroutine: fix the subject or the benchmark")


def main() -> None:
    """Run the benchmarks with pyperf's command line."""
    runner = make_runner()
    runner.bench_time_func("argument validation: good", _good_wall_s)
    for name, (arguments, error_type) in WRONG.items():
        runner.bench_time_func(f"argument validation: {name}", _wrong_wall_s, arguments, error_type)
    runner.bench_time_func("argument validation: sentence on a wrong argument", _sentence_wall_s)


if __name__ == "__main__":
    main()
