"""Cost of a server's tools for a model, in tokens, and its change; pure functions.

A client sends the definitions of all tools with every request to the model, whether it calls one or not. What
is counted is the JSON of the three members that the interfaces of models have: name, description and input
schema. Title, icons, annotations and ``_meta`` are for the client itself. Few clients hand on the output
schema; it is counted apart.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from perf_core.analysis.tokenizer import Tokenizer
from perf_core.results.token_cost import TokenCost, ToolTokens

HANDED_ON: Final = ("name", "description", "inputSchema")
"""Members of a tool that clients hand to a model, under names that the model's interface has for them."""


def token_cost(
    tools: Sequence[Mapping[str, Any]], instructions: str, tokenizer: Tokenizer
) -> TokenCost | None:
    """Return the cost of the tools that a server lists.

    Args:
        tools: Entries of ``tools/list``.
        instructions: What the server tells clients of itself; may be empty.

    Returns:
        None without tools, and if one is nested so deeply that it cannot be written as JSON.

    Example::

        token_cost([{"name": "add", "inputSchema": {"type": "object"}}], "", ESTIMATE).tokens   # 10
    """
    if not tools:
        return None
    try:
        counted = [_tool_tokens(tool, tokenizer) for tool in tools]
    except RecursionError:
        return None
    return TokenCost(
        tokenizer=tokenizer.name,
        is_estimate=tokenizer.is_estimate,
        tokens=sum(each.tokens for each in counted),
        instructions=tokenizer.count(_encodable(instructions)),
        tools=tuple(sorted(counted, key=lambda each: (-each.tokens, each.tool))),
    )


def _tool_tokens(tool: Mapping[str, Any], tokenizer: Tokenizer) -> ToolTokens:
    handed_on = {name: tool[name] for name in HANDED_ON if tool.get(name) is not None}
    text = _json(handed_on)
    tokens = tokenizer.count(text)

    def share(member: str) -> int:
        rest = {name: value for name, value in handed_on.items() if name != member}
        return tokens - tokenizer.count(_json(rest)) if member in handed_on else 0

    output_schema = tool.get("outputSchema")
    return ToolTokens(
        tool=str(tool.get("name", "")),
        tokens=tokens,
        description=share("description"),
        schema=share("inputSchema"),
        output_schema=0 if output_schema is None else tokenizer.count(_json(output_schema)),
        size_bytes=len(text.encode()),
    )


def _json(value: object) -> str:
    # As clients write it: without blanks, and without escapes for what UTF-8 has.
    return _encodable(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _encodable(text: str) -> str:
    """Return a text without lone surrogates, which a server's JSON may have and UTF-8 has not."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class ToolChange:
    """Tokens of one tool before and after; None where the server does not list it."""

    tool: str
    before: int | None
    after: int | None

    @property
    def growth(self) -> int:
        """Tokens that were added; negative if it got lighter."""
        return (self.after or 0) - (self.before or 0)

    @property
    def kind(self) -> str:
        """``added``, ``removed``, ``heavier`` or ``lighter``."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "heavier" if self.growth > 0 else "lighter"


@dataclass(frozen=True)
class TokenChange:
    """Change of the cost of a server's tools.

    Attributes:
        tools: Tools that changed, the largest change first.
    """

    tokenizer: str
    is_estimate: bool
    before: int
    after: int
    instructions_before: int
    instructions_after: int
    tools: tuple[ToolChange, ...]


def token_change(before: TokenCost, after: TokenCost) -> TokenChange | None:
    """Return what changed from one list of tools to another; None if they were counted differently."""
    if before.tokenizer != after.tokenizer:
        return None
    was, now = _by_tool(before), _by_tool(after)
    changes = [ToolChange(tool, was.get(tool), now.get(tool)) for tool in dict.fromkeys((*was, *now))]
    changed = [each for each in changes if each.growth or each.before is None or each.after is None]
    return TokenChange(
        tokenizer=after.tokenizer,
        is_estimate=after.is_estimate,
        before=before.tokens,
        after=after.tokens,
        instructions_before=before.instructions,
        instructions_after=after.instructions,
        tools=tuple(sorted(changed, key=lambda each: (-abs(each.growth), each.tool))),
    )


def _by_tool(cost: TokenCost) -> dict[str, int]:
    # A server may list two tools of one name.
    tokens: Counter[str] = Counter()
    for each in cost.tools:
        tokens[each.tool] += each.tokens
    return dict(tokens)
