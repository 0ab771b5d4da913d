"""Values that the error of a call lists as allowed, for the argument that it complains about."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from pydantic import JsonValue

_START = re.compile(r"[:=]|\b(?:one of|are)\b")
"""Words and signs before a list."""

_SEPARATOR = re.compile(r"\s*(?:,|\||\bor\b)\s*")
_VALUE = re.compile(r"[\w.+/-]{1,40}")
_LONGEST_LIST = 2000
"""Characters of a list that are read."""

_FEWEST = 2
_MOST = 12
_MOST_LISTS = 20
_SHORTEST = 2
"""Characters of the shortest argument that is looked for: a single letter is in every error."""


def allowed_values(problem: str, arguments: Mapping[str, JsonValue]) -> dict[str, list[str]]:
    """Return the values that an error lists, by the name of the argument that it rejects.

    Example::

        allowed_values("Unknown unit: forest. Supported units: m, km, cm", {"from": "forest", "value": 3})
        # {"from": ["m", "km", "cm"]}
    """
    rejected = [
        name
        for name, value in arguments.items()
        if isinstance(value, str) and len(value) >= _SHORTEST and _mentions(problem, value)
    ]
    if not rejected:
        return {}
    lists = (_values(problem[match.end() :][:_LONGEST_LIST]) for match in _START.finditer(problem))
    values = max(itertools.islice(lists, _MOST_LISTS), key=len, default=[])
    others = [value for value in values if value not in arguments.values()]
    return dict.fromkeys(rejected, others[:_MOST]) if len(others) >= _FEWEST else {}


def _mentions(problem: str, value: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", problem) is not None


def _values(text: str) -> list[str]:
    """Return the single words at the start of a text between commas, bars or "or"."""
    words = (each.strip(" '\"`[](){}.") for each in _SEPARATOR.split(text))
    return list(itertools.takewhile(_VALUE.fullmatch, filter(None, words)))
