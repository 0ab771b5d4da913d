"""Regular expressions that Python and JavaScript read alike; pure functions.

k6 judges answers under load, and Python does so before; both must find the same. Where the two languages
differ in meaning, :func:`python_pattern` writes what JavaScript means; where they differ in syntax,
:func:`pattern_problem` refuses.

Source: ECMAScript 2023, section 22.2; the module re of Python.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_ESCAPE = r"\\(?:\d+|u[0-9A-Fa-f]{4}|.)"
_TOKEN = re.compile(_ESCAPE + r"|\(\?(?:<?[=!]|.)|\{\d+(?:,\d*)?\}\+?|[*+?][+]|\{,|\[\^?\]?|.", re.DOTALL)
"""One escape, group opening, count, possessive quantifier, class opening or other character."""
_TOKEN_IN_CLASS = re.compile(_ESCAPE + r"|.", re.DOTALL)

_SURROGATE = re.compile(r"\\u[Dd][89A-Fa-f]")
_REFERENCE = re.compile(r"\\[1-9]\d*")
_COUNT = re.compile(r"\{(\d+)(,?)(\d*)\}")
_MOST_REPEATS = 1000
"""Most repeats of one part of a pattern in k6, also by nested counts: its engine is RE2."""

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
    tokens = list(_tokens(pattern))
    for part, in_class in tokens:
        problem = _class_problem(part) if in_class else _token_problem(part)
        if problem:
            return f"has {problem}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(python_pattern(pattern), re.ASCII)
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    return _structure_problem(tokens)


def _class_problem(part: str) -> str | None:
    if part == r"\S" or re.fullmatch(r"\\(?:[1-9]\d*|0\d+)", part):
        return f"{part} in a class, which Python and JavaScript read differently"
    return _escape_problem(part)


def _token_problem(part: str) -> str | None:
    if part.startswith("(?") and part not in _SHARED_GROUPS:
        return f"{part}, which JavaScript does not know"
    if part == "{," or (len(part) > 1 and part[-1] == "+" and part[0] in "*+?{"):
        return f"{part[-2:]}, which JavaScript does not know"
    if part.startswith("[") and part.endswith("]"):
        return f"{part}, which Python and JavaScript read differently; write \\] for a bracket"
    return _escape_problem(part)


def _escape_problem(part: str) -> str | None:
    if not part.startswith("\\"):
        return None
    if part[1:2].isalnum() and part[1] not in _SHARED_ESCAPES:
        return f"{part}, which Python and JavaScript read differently"
    if re.fullmatch(r"\\0\d+", part):
        return f"{part}, which Python and JavaScript read differently"
    if _SURROGATE.match(part):
        return f"{part}, half of a character: write the character itself"
    return None


@dataclass(eq=False)
class _Group:
    """A group of a pattern, or the whole of it.

    Attributes:
        is_optional: Whether a match can do without it.
        has_branches: Whether a match can do without the groups within it.
        most: Most repeats of a part within it.
        last: Most repeats of its latest part.
        latest: The group that was its latest part; None for another part.
    """

    is_optional: bool = False
    has_branches: bool = False
    is_open: bool = True
    most: int = 1
    last: int = 1
    latest: _Group | None = None

    def repeat(self, least: int, most: int) -> None:
        """Repeat the latest part."""
        self.last *= max(1, most)
        self.most = max(self.most, self.last)
        if least == 0 and self.latest is not None:
            self.latest.is_optional = True


def _structure_problem(tokens: Sequence[tuple[str, bool]]) -> str | None:
    """Return what is wrong with the counts and references of a pattern that Python can compile."""
    around = [_Group()]
    captures: list[list[_Group]] = []
    references: list[tuple[str, list[_Group], list[_Group]]] = []
    for part in (part for part, in_class in tokens if not in_class):
        group = around[-1]
        count = _COUNT.fullmatch(part)
        if part == "(" or part in _SHARED_GROUPS:
            around.append(_Group(is_optional=part in ("(?!", "(?<!")))
            captures += [list(around)] if part == "(" else []
        elif part == ")":
            around.pop().is_open = False
            around[-1].last, around[-1].latest = group.most, group
            around[-1].repeat(1, 1)
        elif part in ("*", "?"):
            group.repeat(0, 1)
        elif count:
            group.repeat(int(count[1]), int(count[3] or count[1]))
        elif part == "|":
            group.has_branches = True
        elif part != "+":
            group.last, group.latest = 1, None
            if _REFERENCE.fullmatch(part):
                # Without such a group Python takes the number for the code of a character.
                groups = captures[int(part[1:]) - 1] if int(part[1:]) <= len(captures) else around
                references.append((part, groups, [each for each in groups if not each.is_open]))
    most = around[0].most
    if most > _MOST_REPEATS:
        return f"repeats a part up to {most} times, and k6 at most {_MOST_REPEATS}"
    for part, groups, closed in references:
        is_sure = groups[-1] in closed and not any(each.is_optional for each in closed)
        if not is_sure or any(each.has_branches for each in groups[:-1]):
            return f"has {part}, which Python and JavaScript read differently where its group has no match"
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
        match = (_TOKEN_IN_CLASS if in_class else _TOKEN).match(pattern, at)
        # A single backslash at the end is a token, too.
        part = match[0] if match else pattern[at]
        at += len(part)
        yield part, in_class
        in_class = part != "]" if in_class else part in ("[", "[^")
