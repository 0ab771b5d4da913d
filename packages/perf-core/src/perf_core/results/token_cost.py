"""Cost of a server's tools for a model, in tokens, as a record has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ToolTokens:
    """Tokens of one tool's definition, as clients hand it to a model: name, description and input schema.

    Attributes:
        tokens: All of it.
        description: What it would be less without the description.
        schema: What it would be less without the input schema.
        output_schema: Tokens of the output schema, which is no part of ``tokens``: few clients hand it on.
        size_bytes: Size of the definition as JSON in UTF-8.
    """

    tool: str
    tokens: int
    description: int
    schema: int
    output_schema: int
    size_bytes: int


@dataclass(frozen=True)
class TokenCost:
    """Tokens that a server's tools cost a model, in each request that they are part of.

    Attributes:
        tokenizer: Name of the vocabulary; for an estimate, how it was made.
        is_estimate: Whether the tokens were computed from bytes.
        tokens: Tokens of all tools.
        instructions: Tokens of the server's instructions, which clients put into the system prompt.
        tools: The heaviest first.
    """

    tokenizer: str
    is_estimate: bool
    tokens: int
    instructions: int
    tools: tuple[ToolTokens, ...] = ()
