"""Example values in the descriptions of tools and properties.

Authors write them as ``e.g. 'Europe/London'``, ``such as main``, ``for example "a.txt"`` or as quoted
alternatives: ``'local', 'remote' or 'all'``.
"""

from __future__ import annotations

import re

_INTRODUCED = re.compile(
    r"(?:\be\.?\s?g\.?|\bfor example|\bsuch as|\bexamples?|\blike)[:,]?\s*(.{1,160})", re.IGNORECASE
)
_QUOTED = re.compile(
    r"(?<!\w)(['\"`\u2018\u201c])([^'\"`\u2018\u2019\u201c\u201d]{1,80})['\"`\u2019\u201d](?!\w)"
)
_BARE = re.compile(r"\s*([^\s,;()\[\]]+(?:\s(?!or\b|and\b)[A-Z][\w-]*)*)")
_MOST = 8


def examples_in(description: str) -> list[str]:
    """Return the example values that a description mentions, those that it introduces as such first.

    Example::

        examples_in("IANA name (e.g., 'Europe/London', 'UTC')")     # ["Europe/London", "UTC"]
    """
    introduced = [text for match in _INTRODUCED.finditer(description) for text in _values(match[1])]
    quoted = [match[2].strip() for match in _QUOTED.finditer(description)]
    return [text for text in dict.fromkeys([*introduced, *quoted]) if text][:_MOST]


def _values(text: str) -> list[str]:
    """Return the values at the start of a text: quoted ones, else the first words up to a comma."""
    quoted = [match[2].strip() for match in _QUOTED.finditer(text)]
    if quoted:
        return quoted
    bare = _BARE.match(text)
    return [bare[1].rstrip(".")] if bare else []
