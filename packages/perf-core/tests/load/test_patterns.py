"""Regular expressions that mean the same in Python and JavaScript."""

from __future__ import annotations

import re

import pytest

from perf_core.load.patterns import pattern_problem, python_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "Oslo",
        r"^\d{2,3} °C$",
        r"(?:a|b)+?",
        r"(?=x)(?!y)(?<=z)(?<!w)",
        r"[^a-z\]$.]",
        r"a\+\.\\",
        r"(\w+)\s\1",
        r"\u00e9\xe9",
        r"\[]",
        "{x}",
        r"\0",
        "^a{1000}$",
        "(?:a{10}){100}b{1000}",
        "[a{2000}]",
        r"\{2000}",
        r"(?:(a)\1)?",
        r"((a)|b)\1",
        r"a(b){1,}\1",
    ],
)
def test_shared_syntax_is_accepted(pattern: str) -> None:
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(?i)oslo", "has (?i"),
        ("(?P<n>x)", "has (?P"),
        ("(?<n>x)", "has (?<"),
        ("(?#x)", "has (?#"),
        ("(?>x)", "has (?>"),
        ("a++", "has ++"),
        ("a{2}+", "has }+"),
        ("a{,3}", "has {,"),
        (r"\Ax\Z", r"has \A"),
        (r"[\p{L}]", r"has \p"),
        (r"\N", r"has \N"),
        ("[]a]", "has []"),
        ("[^]a]", "has [^]"),
        ("(", "is no regular expression"),
        ("[[a]", "is no regular expression"),
        ("x\\", "is no regular expression"),
        ("*", "is no regular expression"),
        ("a{99999999999}", "is no regular expression"),
        ("^a{2000}$", "repeats a part up to 2000 times, and k6 at most 1000"),
        ("a{0,1001}", "repeats a part up to 1001 times"),
        ("a{1001,}", "repeats a part up to 1001 times"),
        (r"(?:\d{3},){400}", "repeats a part up to 1200 times"),
        ("(?:a{100}){100}?", "repeats a part up to 10000 times"),
        ("((a{20}b)+{20}|c){20}", "is no regular expression"),
        ("((?:(a{20}b)+){20}|c){20}", "repeats a part up to 8000 times"),
        (r"(a)?b\1", r"has \1"),
        (r"(a)*b\1", r"has \1"),
        (r"(a){0,2}b\1", r"has \1"),
        (r"(?:(a))?b\1", r"has \1"),
        (r"(?:(a)|b)\1", r"has \1"),
        (r"(a)|b\1", r"has \1"),
        (r"(?!(a))b\1", r"has \1"),
        (r"(a)\101", r"has \101"),
        (r"\012", r"has \012"),
        (r"(a)[\1]", r"has \1 in a class"),
        (r"a[\S]b", r"has \S in a class"),
        (r"[^\S]", r"has \S in a class"),
        (r"\ud83d\ude00", r"has \ud83d"),
        (r"[\uDE00]", r"has \uDE00"),
    ],
)
def test_other_syntax_is_refused(pattern: str, says: str) -> None:
    assert says in str(pattern_problem(pattern))


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("x$", "x\n", False),
        ("x$", "x", True),
        (r"x\$", "x$", True),
        ("[$]", "x\n", False),
        ("a.b", "a\u2028b", False),
        ("a[.]b", "a.b", True),
        (r"a\sb", "a\u00a0b", True),
        (r"a[\s-]b", "a\ufeffb", True),
        (r"a\Sb", "a\u00a0b", False),
        (r"\d", "٣", False),
        (r"\w", "é", False),
    ],
)
def test_meaning_is_that_of_javascript(pattern: str, text: str, matches: bool) -> None:
    assert pattern_problem(pattern) is None
    assert bool(re.search(python_pattern(pattern), text, re.ASCII)) is matches
