"""The tokenizer with which texts are counted, or an estimate from their bytes without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

BYTES_PER_TOKEN = 4.4
"""Bytes of JSON in UTF-8 per token of o200k_base: the median of 122 tools of 12 servers, with 3.9 to 4.8
each (docs/methodology.md). Languages other than English, and long numbers, have fewer."""


_VOCABULARY = "o200k_base"
"""Vocabulary of the newer models of OpenAI, which publishes it; other makers keep theirs to themselves."""


@dataclass(frozen=True)
class Tokenizer:
    """Counts tokens.

    Attributes:
        name: Name of the vocabulary; for an estimate, how it is made.
        count: Returns the number of tokens of a text, in which no text has a special meaning.
    """

    name: str
    count: Callable[[str], int]
    is_estimate: bool = False


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a JSON text has.

    >>> estimated_tokens('{"name":"add"}')
    3
    """
    return round(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)


ESTIMATE = Tokenizer(f"{BYTES_PER_TOKEN:g} bytes per token", estimated_tokens, is_estimate=True)


@cache
def tokenizer() -> Tokenizer:
    """Return the tokenizer of the extra ``tokens`` if it is installed, else :data:`ESTIMATE`.

    Its vocabulary is part of the installed package: nothing is downloaded.
    """
    try:
        from toktok import batch_count
    except ImportError:
        return ESTIMATE

    def count(text: str) -> int:
        # Threads would cost more than they save.
        (tokens,) = batch_count([text], _VOCABULARY, threads=1)
        return int(tokens)

    return Tokenizer(_VOCABULARY, count)
