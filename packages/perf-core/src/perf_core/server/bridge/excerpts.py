"""Excerpts of what a server wrote; pure.

The lab masks secrets in them, and finds whole ones only. So a word is left out rather than cut.
"""

from __future__ import annotations

import re

_SEPARATORS = "\\s\"'"
_ENDS_IN_A_WORD = re.compile(rf"[^{_SEPARATORS}]+\Z")
_BEGINS_IN_A_WORD = re.compile(rf"\A[^{_SEPARATORS}]+")
_SEPARATOR = re.compile(f"[{_SEPARATORS}]")


def beginning_of(text: str, longest: int) -> str:
    """Return the beginning of a text, without a word that would be cut.

    Example::

        beginning_of("token=abcdef is wrong", 10)   # "…"
        beginning_of("wrong token=abcdef", 10)      # "wrong …"
    """
    if len(text) <= longest:
        return text
    kept = text[:longest]
    if not _SEPARATOR.match(text[longest]):
        kept = _ENDS_IN_A_WORD.sub("", kept)
    return f"{kept}…"


def end_of(text: str, longest: int) -> str:
    """Return the end of a text, without a word that would be cut."""
    if len(text) <= longest:
        return text
    kept = text[-longest:]
    if not _SEPARATOR.match(text[-longest - 1]):
        kept = _BEGINS_IN_A_WORD.sub("", kept)
    return f"…{kept}"
