"""Cost of tools for a model, and its change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perf_core.analysis.token_cost import ToolChange, token_change, token_cost
from perf_core.analysis.tokenizer import ESTIMATE, Tokenizer
from perf_core.results.token_cost import TokenCost, ToolTokens

CHARACTERS = Tokenizer("characters", len)

ADD = {
    "name": "add",
    "title": "Addition",
    "description": "Add a and b.",
    "inputSchema": {"type": "object", "properties": {"a": {"type": "number"}}},
    "outputSchema": {"type": "object"},
    "annotations": {"readOnlyHint": True},
    "_meta": {"x": "y"},
}
PING = {"name": "ping", "inputSchema": {"type": "object"}}


def cost(*tools: Any, instructions: str = "", tokenizer: Tokenizer = CHARACTERS) -> TokenCost:
    found = token_cost(tools, instructions, tokenizer)
    assert found is not None
    return found


def test_members_that_clients_hand_to_a_model_are_counted() -> None:
    (tool,) = cost(ADD).tools
    handed_on = {name: ADD[name] for name in ("name", "description", "inputSchema")}
    assert tool.tokens == tool.size_bytes == len(json.dumps(handed_on, separators=(",", ":")))
    assert tool.description == len(',"description":"Add a and b."')
    assert tool.schema == len(',"inputSchema":' + json.dumps(ADD["inputSchema"], separators=(",", ":")))
    assert tool.output_schema == len('{"type":"object"}')


def test_cost_of_a_list_is_that_of_its_tools_the_heaviest_first() -> None:
    whole = cost(PING, ADD, instructions="Be brief.")
    assert [tool.tool for tool in whole.tools] == ["add", "ping"]
    assert whole.tokens == sum(tool.tokens for tool in whole.tools)
    assert (whole.tokenizer, whole.is_estimate, whole.instructions) == ("characters", False, 9)
    assert whole.tools[1] == ToolTokens("ping", 47, 0, 32, 0, 47)


def test_estimate_says_that_it_is_one() -> None:
    assert cost(ADD, tokenizer=ESTIMATE).is_estimate


def test_list_without_tools_has_no_cost() -> None:
    assert token_cost([], "text", CHARACTERS) is None


@pytest.mark.parametrize(
    "tool",
    [
        {},
        {"name": None, "description": None, "inputSchema": None},
        {"name": 5, "description": ["a"], "inputSchema": "x", "outputSchema": 3},
        {"name": "\ud800", "description": "lone \udfff surrogate"},
        {"name": "grüße", "description": "数字"},
    ],
)
def test_odd_tools_are_counted_as_they_are(tool: dict[str, Any]) -> None:
    (counted,) = cost(tool).tools
    assert counted.tokens > 0
    assert counted.size_bytes >= counted.tokens


def test_text_is_written_as_utf_8_not_as_escapes() -> None:
    (counted,) = cost({"name": "数字"}).tools
    assert (counted.tokens, counted.size_bytes) == (13, 17)


def test_schema_that_is_nested_too_deeply_is_not_counted() -> None:
    schema: dict[str, Any] = {}
    for _ in range(100_000):
        schema = {"items": schema}
    assert token_cost([{"name": "deep", "inputSchema": schema}], "", CHARACTERS) is None


# --- changes ---


def listed(**tokens: int) -> TokenCost:
    tools = tuple(ToolTokens(name, each, 0, 0, 0, each) for name, each in tokens.items())
    return TokenCost("characters", False, sum(tokens.values()), 7, tools)


def test_changes_of_tools_are_named_the_largest_first() -> None:
    change = token_change(listed(a=100, b=50, c=30, d=9), listed(a=90, c=35, d=9, e=200))
    assert change is not None
    assert (change.before, change.after) == (189, 334)
    assert [(each.tool, each.kind, each.growth) for each in change.tools] == [
        ("e", "added", 200),
        ("b", "removed", -50),
        ("a", "lighter", -10),
        ("c", "heavier", 5),
    ]
    assert change.tools[1] == ToolChange("b", 50, None)


def test_same_lists_have_no_changes() -> None:
    change = token_change(listed(a=1, b=2), listed(b=2, a=1))
    assert change is not None
    assert (change.tools, change.before, change.after) == ((), 3, 3)


def test_tool_without_tokens_can_be_added() -> None:
    change = token_change(listed(), listed(a=0))
    assert change is not None
    assert [each.kind for each in change.tools] == ["added"]


def test_tools_of_one_name_are_one() -> None:
    twice = TokenCost("characters", False, 5, 0, tuple(ToolTokens("a", n, 0, 0, 0, n) for n in (2, 3)))
    change = token_change(twice, listed(a=6))
    assert change is not None
    assert change.tools == (ToolChange("a", 5, 6),)


def test_costs_of_different_tokenizers_are_not_compared() -> None:
    assert token_change(cost(ADD), cost(ADD, tokenizer=ESTIMATE)) is None
