"""Regular expressions that Python and JavaScript read alike; pure functions.

k6 judges answers under load, and Python does so before; both must find the same. Where the two languages
differ in meaning, :func:`python_pattern` writes what JavaScript means; where they differ in syntax,
:func:`pattern_problem` refuses.

Source: ECMAScript 2023, section 22.2; the module re of Python.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

_TOKEN = re.compile(r"\\.|\(\?(?:<?[=!]|.)|[*+?}][+]|\{,|\[\^?\]?|.", re.DOTALL)
"""One escape, group opening, possessive quantifier, class opening or other character."""

_SHARED_GROUPS = frozenset({"(?:", "(?=", "(?!", "(?<=", "(?<!"})
_SHARED_ESCAPES = frozenset("dDwWsSbBnrtfvxu0123456789")

_SPACE = r"\s\xa0\ufeff\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space of JavaScript, of which Python's ``\\s`` has the ASCII part."""

_MEANINGS = {"$": r"\Z", ".": r"[^\n\r\u2028\u2029]", r"\s": f"[{_SPACE}]", r"\S": f"[^{_SPACE}]"}
"""Tokens outside classes, as Python writes what JavaScript means."""


def pattern_problem(pattern: str) -> str | None:
    """Return what is wrong with a pattern for either language, or None.

    Example::

        pattern_problem("(?i)oslo")   # "has (?i, which JavaScript does not know"
    """
    for part, in_class in _tokens(pattern):
        if part.startswith("(?") and not in_class and part not in _SHARED_GROUPS:
            return f"has {part}, which JavaScript does not know"
        if part.startswith("\\") and part[1:].isalnum() and part[1:] not in _SHARED_ESCAPES:
            return f"has {part}, which Python and JavaScript read differently"
        if not in_class and (part == "{," or (len(part) == 2 and part[1] == "+" and part[0] in "*+?}")):
            return f"has {part}, which JavaScript does not know"
        if part.startswith("[") and part.endswith("]"):
            return f"has {part}, which Python and JavaScript read differently; write \\] for a bracket"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(python_pattern(pattern), re.ASCII)
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    return None


def python_pattern(pattern: str) -> str:
    """Return the pattern with which Python, with ``re.ASCII``, finds what JavaScript finds."""
    return "".join(
        _SPACE if in_class and part == r"\s" else part if in_class else _MEANINGS.get(part, part)
        for part, in_class in _tokens(pattern)
    )


def _tokens(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield the tokens of a pattern, each with whether it stands within a character class."""
    in_class = False
    at = 0
    while at < len(pattern):
        match = re.compile(r"\\.|.", re.DOTALL).match(pattern, at) if in_class else _TOKEN.match(pattern, at)
        # A single backslash at the end is a token, too.
        part = match[0] if match else pattern[at]
        at += len(part)
        yield part, in_class
        in_class = part != "]" if in_class else part in ("[", "[^")
