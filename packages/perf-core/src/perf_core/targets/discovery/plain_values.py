"""Plain values for strings and numbers of a schema: short words and small numbers, as a person would type.

Names say more than types do: a ``timezone`` is not any string. The table of usual values is short on purpose;
what a server itself says (enums, examples, descriptions, its answers) comes before it.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import rstr
from pydantic import JsonValue

from perf_core.targets.discovery.tools import words_of

WORDS = (
    *("example", "test", "hello", "river", "garden", "music", "window", "paper", "silver", "market"),
    *("winter", "letter", "bridge", "island", "cotton", "planet", "copper", "forest", "harbor", "velvet"),
    *("candle", "meadow", "orange", "ticket"),
)
"""Words for strings of which nothing is known but the type."""

_TIME_ZONES = ("Europe/London", "America/New_York", "Asia/Tokyo", "UTC")
_CITIES = ("London", "Paris", "Tokyo", "Berlin")
_URLS = ("https://example.com/",)
_REVISIONS = ("HEAD", "main", "master")

_USUAL: Mapping[str, tuple[JsonValue, ...]] = {
    "timezone": _TIME_ZONES,
    "tz": _TIME_ZONES,
    "zone": _TIME_ZONES,
    "city": _CITIES,
    "location": _CITIES,
    "place": _CITIES,
    "country": ("France", "Japan", "Brazil"),
    "language": ("en", "fr", "de"),
    "lang": ("en", "fr", "de"),
    "locale": ("en", "fr", "de"),
    "currency": ("EUR", "USD", "GBP"),
    "email": ("user@example.com",),
    "url": _URLS,
    "uri": _URLS,
    "link": _URLS,
    "website": _URLS,
    "domain": ("example.com",),
    "host": ("example.com",),
    "hostname": ("example.com",),
    "ip": ("127.0.0.1",),
    "date": ("2024-01-15", "2024-06-30", "2023-12-01"),
    "time": ("12:00", "08:30", "17:45"),
    "timestamp": ("2024-01-15T12:00:00Z", "2024-06-30T08:30:00Z"),
    "datetime": ("2024-01-15T12:00:00Z", "2024-06-30T08:30:00Z"),
    "year": (2024, 2000),
    "month": (6, 1, 12),
    "day": (15, 1, 28),
    "hour": (12, 0, 23),
    "minute": (30, 0),
    "latitude": (51.5, 48.9, 35.7),
    "lat": (51.5, 48.9, 35.7),
    "longitude": (-0.1, 2.4, 139.7),
    "lon": (-0.1, 2.4, 139.7),
    "lng": (-0.1, 2.4, 139.7),
    "number": (42, 7, 128),
    "sql": ("SELECT 1", "SELECT 2"),
    "expression": ("1 + 2", "3 * 4", "10 / 4"),
    "formula": ("1 + 2", "3 * 4"),
    "equation": ("x + 1 = 3",),
    "regex": ("a", "[a-z]+"),
    "glob": ("*", "*.txt"),
    "branch": _REVISIONS,
    "revision": _REVISIONS,
    "commit": _REVISIONS,
    "ref": _REVISIONS,
    "sha": _REVISIONS,
    "symbol": ("AAPL", "MSFT"),
    "ticker": ("AAPL", "MSFT"),
    "html": ("<p>hello</p>",),
    "xml": ("<a>hello</a>",),
    "markdown": ("# Hello",),
    "encoding": ("utf-8",),
    "path": (".",),
    "directory": (".",),
}
"""Usual values by a word of the property's name."""

_USUAL_BY_DESCRIPTION: tuple[tuple[re.Pattern[str], tuple[JsonValue, ...]], ...] = (
    (re.compile(r"\bSQL\b|\bSELECT\b"), _USUAL["sql"]),
    (re.compile(r"\b(?:IANA|time ?zone)\b", re.IGNORECASE), _TIME_ZONES),
    (re.compile(r"\bISO[ -]?8601\b|\bRFC[ -]?3339\b", re.IGNORECASE), _USUAL["timestamp"]),
    (re.compile(r"\bUUID\b", re.IGNORECASE), ("123e4567-e89b-42d3-a456-426614174000",)),
    (re.compile(r"\b(?:commits?|branch(?:es)?|revisions?)\b", re.IGNORECASE), _REVISIONS),
    (re.compile(r"\bglob\b", re.IGNORECASE), _USUAL["glob"]),
    (re.compile(r"\b(?:latitude)\b", re.IGNORECASE), _USUAL["latitude"]),
    (re.compile(r"\b(?:longitude)\b", re.IGNORECASE), _USUAL["longitude"]),
)

_SPECIAL: tuple[tuple[re.Pattern[str], tuple[JsonValue, ...]], ...] = (
    (re.compile(r"\bcron\b", re.IGNORECASE), ("0 12 * * 1", "*/15 * * * *")),
    (re.compile(r"\bLuhn\b|\b(?:credit )?card number", re.IGNORECASE), ("4539578763621486", "79927398713")),
    (re.compile(r"\bIBAN\b"), ("GB82WEST12345698765432",)),
    # Unsecured, as in section 6 of RFC 7519: {"alg":"none"} and {"sub":"ada"}.
    (re.compile(r"\bJWT\b|\bJSON Web Token"), ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.",)),
)
"""Values of notations, whatever the property is called, by what its description says."""

_ENDS = frozenset({"end", "until", "stop", "finish", "before"})
"""Words of properties that are later than another one."""

_FORMATS: Mapping[str, tuple[str, ...]] = {
    "date": ("2024-01-15", "2024-06-30", "2023-12-01"),
    "date-time": ("2024-01-15T12:00:00Z", "2024-06-30T08:30:00Z"),
    "time": ("12:00:00Z", "08:30:00Z"),
    "duration": ("PT1H", "P1D"),
    "email": ("user@example.com", "guest@example.com"),
    "idn-email": ("user@example.com",),
    "hostname": ("example.com", "localhost"),
    "idn-hostname": ("example.com",),
    "ipv4": ("127.0.0.1", "192.0.2.1"),
    "ipv6": ("::1", "2001:db8::1"),
    "uri": ("https://example.com/", "https://example.com/a"),
    "uri-reference": ("https://example.com/", "/a"),
    "iri": _URLS,
    "url": _URLS,
    "uuid": ("123e4567-e89b-42d3-a456-426614174000", "00000000-0000-4000-8000-000000000001"),
    "json-pointer": ("/a", ""),
    "regex": ("a", "[a-z]+"),
}

_FEW = frozenset(
    {"limit", "count", "max", "size", "depth", "top", "page", "step", "offset", "skip", "num", "n"}
)
"""Words in names of numbers that make answers long or calls slow: these stay very small."""

_PATTERN_DRAWS = 12
_LONGEST_PATTERN = 500
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_MOST_REPEATED_GROUPS = 2
"""Groups within repeated groups: each level makes texts a hundred times as long."""

_LONGEST_STRING = 200
_RANDOM_NUMBERS = 24


def usual_values(name: str, description: str) -> tuple[JsonValue, ...]:
    """Return the usual values of a property with this name or description; empty if there are none."""
    special = next((values for pattern, values in _SPECIAL if pattern.search(description)), ())
    if special:
        return special
    words = words_of(name)
    usual = tuple(value for word, values in _USUAL.items() if word in words for value in values) or next(
        (values for pattern, values in _USUAL_BY_DESCRIPTION if pattern.search(description)), ()
    )
    # Most tools refuse a time range that ends where it starts.
    return tuple(sorted(usual, key=str, reverse=True)) if words & _ENDS else usual


def strings(schema: Mapping[str, Any], first: Sequence[str], rng: random.Random) -> Iterator[str]:
    """Yield strings that a schema allows, those in ``first`` before the others.

    Format, pattern and length are kept, as far as plain words can; the caller checks the rest.
    """
    shortest, longest = _length(schema.get("minLength"), 0), _length(schema.get("maxLength"), _LONGEST_STRING)
    pattern = schema.get("pattern")
    usual = _FORMATS.get(str(schema.get("format")), ())
    words = (*first, *usual) if usual else (*first, *WORDS)
    if isinstance(pattern, str) and len(pattern) <= _LONGEST_PATTERN:
        words = (*(word for word in words if _matches(pattern, word)), *matching(pattern, rng))
    for word in words:
        fitted = word
        if len(word) < shortest and not usual and word:
            fitted = (f"{word} " * (shortest // len(word) + 1))[:shortest].rstrip().ljust(shortest, "x")
        yield fitted[: max(longest, 0)] if not usual else fitted


def _length(value: object, default: int) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 10_000 else default


def _matches(pattern: str, word: str) -> bool:
    try:
        return re.search(pattern, word) is not None
    except (re.error, RecursionError, OverflowError):
        return False


def matching(pattern: str, rng: random.Random) -> list[str]:
    """Return texts that match a regular expression, the shortest first; none for syntax that Python lacks."""
    generator = rstr.Rstr(rng)
    texts: set[str] = set()
    if len(_REPEATED_GROUP.findall(pattern)) > _MOST_REPEATED_GROUPS:
        return []
    for _ in range(_PATTERN_DRAWS):
        try:
            text = generator.xeger(pattern)
        except (re.error, KeyError, IndexError, ValueError, RecursionError, OverflowError, TypeError):
            break
        if text.isprintable():
            texts.add(text)
    return sorted(texts, key=lambda text: (len(text), text))


def numbers(name: str, schema: Mapping[str, Any], rng: random.Random) -> Iterator[int | float]:
    """Yield numbers that a schema allows, small ones first.

    Whole numbers only where the type is ``integer``; bounds and ``multipleOf`` are kept.
    """
    lowest, highest = _bounds(schema)
    unit = _number(schema.get("multipleOf"), 1.0)
    step = unit if unit > 0 else 1.0
    few = bool(words_of(name) & _FEW)
    low = max(lowest, 1.0) if highest >= 1 else max(lowest, highest - 10)
    high = min(highest, low + (9 if few else 98) * step)
    if not (math.isfinite(low / step) and math.isfinite(high / step)):
        return  # a step so small that no number has it
    first, last = math.ceil(low / step), math.floor(high / step)
    whole = schema.get("type") == "integer"
    if first > last:
        # Nothing of the step lies between the bounds, such as 0 to 1 for shares.
        if not whole and math.isfinite(lowest) and math.isfinite(highest):
            yield from (lowest + share * (highest - lowest) for share in (0.5, 0.25, 0.75))
        return
    drawn = rng.sample(range(first, last + 1), min(_RANDOM_NUMBERS, last + 1 - first))
    for multiple in dict.fromkeys([first, *drawn]):
        number = multiple * step
        yield int(number) if number.is_integer() else number


def _bounds(schema: Mapping[str, Any]) -> tuple[float, float]:
    lowest, highest = _number(schema.get("minimum"), -math.inf), _number(schema.get("maximum"), math.inf)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    # In draft 4 they are booleans that change the meaning of minimum and maximum.
    nudge = 1.0 if schema.get("type") == "integer" or highest - lowest > 2 else (highest - lowest) / 100
    if above is True:
        lowest += nudge
    elif above is not None and above is not False:
        lowest = max(lowest, _number(above, -math.inf) + nudge)
    if below is True:
        highest -= nudge
    elif below is not None and below is not False:
        highest = min(highest, _number(below, math.inf) - nudge)
    return lowest, highest


def _number(value: object, default: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return default
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return default
    return number if math.isfinite(number) else default
