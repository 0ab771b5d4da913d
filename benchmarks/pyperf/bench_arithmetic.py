"""Benchmarks of the calculator's functions: the cost of a call without any protocol."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness import Timing, expect, make_runner

from calculator_server import arithmetic

Operation = Callable[[float, float], float]

A, B = 1234.5, 0.25
RESULTS: dict[str, tuple[Operation, float]] = {
    "add": (arithmetic.add, 1234.75),
    "subtract": (arithmetic.subtract, 1234.25),
    "multiply": (arithmetic.multiply, 308.625),
    "divide": (arithmetic.divide, 4938.0),
}


def time_operation(loops: int, operation: Operation, expected: float) -> Timing:
    """Call an operation ``loops`` times."""
    expect("the operation's result", expected, operation(A, B))
    numbers = range(loops)
    cpu_began, began = time.process_time(), time.perf_counter()
    for _ in numbers:
        operation(A, B)
    ended, cpu_ended = time.perf_counter(), time.process_time()
    return Timing(ended - began, cpu_ended - cpu_began)


def time_add(loops: int) -> Timing:
    """Add two numbers ``loops`` times."""
    return time_operation(loops, *RESULTS["add"])


def _wall_s(loops: int, operation: Operation, expected: float) -> float:
    return time_operation(loops, operation, expected).wall_s


def _refusals_wall_s(loops: int) -> float:
    refused = 0
    began = time.perf_counter()
    for _ in range(loops):
        try:
            arithmetic.divide(A, 0.0)
        except arithmetic.DivisionByZeroError:
            refused += 1
    wall_s = time.perf_counter() - began
    expect("refusals to divide by zero", loops, refused)
    return wall_s


def main() -> None:
    """Run the benchmarks with pyperf's command line."""
    runner = make_runner()
    for name, (operation, expected) in RESULTS.items():
        runner.bench_time_func(f"arithmetic: {name}", _wall_s, operation, expected)
    runner.bench_time_func("arithmetic: refuse to divide by zero", _refusals_wall_s)


if __name__ == "__main__":
    main()
