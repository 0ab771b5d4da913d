"""Values that errors list as allowed."""

from __future__ import annotations

import pytest

from perf_core.targets.discovery.arguments import draw
from perf_core.targets.discovery.complaints import allowed_values
from perf_core.targets.discovery.seen_values import SeenValues
from perf_core.targets.discovery.tools import Tool


@pytest.mark.parametrize(
    ("problem", "arguments", "values"),
    [
        (
            "Error: Unknown unit: forest. Supported units: m, km, cm, mm, acre,…",
            {"from": "forest", "value": 3, "to": "m"},
            {"from": ["km", "cm", "mm", "acre"]},
        ),
        (
            "Invalid kind 'hello', expected one of 'a', 'b' or 'c'",
            {"kind": "hello"},
            {"kind": ["a", "b", "c"]},
        ),
        ("test is no mode: fast | slow", {"mode": "test"}, {"mode": ["fast", "slow"]}),
        # Nothing tells which of the arguments is wrong, or nothing is listed.
        ("Supported units: m, km, cm", {"from": "forest"}, {}),
        ("Unknown unit: forest", {"from": "forest"}, {}),
        # A word within another one, or a single letter, is no mention.
        ("reforested: m, km, cm", {"from": "forest"}, {}),
        ("a problem: m, km, cm", {"from": "a"}, {}),
        ("", {}, {}),
    ],
)
def test_the_rejected_argument_gets_the_listed_values(
    problem: str, arguments: dict, values: dict[str, list[str]]
) -> None:
    assert allowed_values(problem, arguments) == values


def test_a_long_error_is_read_quickly() -> None:
    problem = "forest: " + "a" * 50_000 + ", b, c: " + "x, " * 5_000
    assert len(allowed_values(problem, {"from": "forest"})["from"]) <= 12


def test_listed_values_come_first_for_that_tool_alone() -> None:
    seen = SeenValues()
    seen.add_allowed("convert", "unit", ["km", "mile"])
    schema = {"type": "object", "properties": {"unit": {"type": "string"}}, "required": ["unit"]}
    assert draw(Tool("convert", input_schema=schema), seen, 1)[:2] == [{"unit": "km"}, {"unit": "mile"}]
    assert draw(Tool("weigh", input_schema=schema), seen, 1)[0] not in ({"unit": "km"}, {"unit": "mile"})
