"""The example of the adapter interface is a complete adapter."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from perf_core import adapter, scenarios
from perf_core.load.plan import Settings
from perf_core.shapes.registry import plan_scenario


def test_example_of_the_docstring_is_an_adapter() -> None:
    example = dedent(str(adapter.__doc__).partition("Example::\n")[2])
    names: dict[str, Any] = {**vars(adapter), **vars(scenarios)}
    exec(example, names)  # noqa: S102 - our own example
    adder = names["Adder"]()
    assert isinstance(adder, adapter.ServerAdapter)
    assert {"quick", "load", "stress", "benchmark"} <= set(adder.scenarios)
    for scenario in adder.scenarios.values():
        assert plan_scenario(scenario, "session", Settings()).tools == ("add",)
