"""Plain words and small numbers within what a schema allows."""

from __future__ import annotations

import random
import re
import time
from itertools import islice

import pytest

from perf_core.targets.discovery.plain_values import matching, numbers, strings, usual_values
from perf_core.targets.discovery.schemas import Checker


def rng() -> random.Random:
    return random.Random(1)  # noqa: S311 - a draw


def drawn_strings(schema: dict) -> list[str]:
    return list(islice(strings({"type": "string", **schema}, [], rng()), 20))


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"minLength": 10},
        {"maxLength": 3},
        {"minLength": 4, "maxLength": 4},
        {"pattern": "^[A-Z]{3}-[0-9]{2}$"},
        {"pattern": "^\\d+$", "maxLength": 5},
        *({"format": name} for name in ("date", "email", "ipv4", "ipv6", "uuid", "regex")),
    ],
)
def test_strings_keep_to_the_schema(schema: dict) -> None:
    texts = drawn_strings(schema)
    checker = Checker({"type": "string", **schema})
    right = [text for text in texts if not checker.complaint(text)]
    assert right, texts
    assert right == texts or "pattern" in schema


def test_words_are_plain_and_the_first_ones_are_the_given_ones() -> None:
    texts = list(strings({}, ["Oslo"], rng()))
    assert texts[0] == "Oslo"
    assert all(re.fullmatch(r"[A-Za-z]+", text) for text in texts)
    assert len(set(texts)) > 20


def test_texts_of_a_pattern_are_the_shortest_first() -> None:
    texts = matching("^a+b?$", rng())
    assert texts
    assert [len(text) for text in texts] == sorted(len(text) for text in texts)
    assert all(re.fullmatch("a+b?", text) for text in texts)


@pytest.mark.parametrize("pattern", ["(((a*)*)*)*", "^\\p{L}+$", "(", "(?P<x>a)(?P=y)", "a{5000}"])
def test_hostile_patterns_end_at_once(pattern: str) -> None:
    began = time.monotonic()
    matching(pattern, rng())
    drawn_strings({"pattern": pattern})
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"type": "integer", "minimum": 0, "maximum": 0},
        {"type": "integer", "minimum": 1000},
        {"type": "integer", "maximum": -5},
        {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
        {"type": "integer", "multipleOf": 7},
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "number", "multipleOf": 0.5, "minimum": 0.5, "maximum": 2},
    ],
)
def test_numbers_keep_to_the_schema(schema: dict) -> None:
    values = list(numbers("x", schema, rng()))
    assert values
    for value in values:
        assert Checker(schema).complaint(value) == "", value


def test_draft_4_bounds_are_understood() -> None:
    schema = {"type": "integer", "minimum": 3, "exclusiveMinimum": True, "maximum": 5}
    assert set(numbers("x", schema, rng())) <= {4, 5}


def test_unbounded_numbers_are_small_and_limits_very_small() -> None:
    assert all(1 <= value <= 100 for value in numbers("price", {"type": "integer"}, rng()))
    assert all(1 <= value <= 10 for value in numbers("maxResults", {"type": "integer"}, rng()))
    assert len(set(numbers("price", {"type": "integer"}, rng()))) > 8


def test_impossible_bounds_yield_nothing() -> None:
    assert list(numbers("x", {"type": "integer", "minimum": 5, "maximum": 4}, rng())) == []


@pytest.mark.parametrize(
    ("name", "description", "value"),
    [
        ("source_timezone", "", "Europe/London"),
        ("cityName", "", "London"),
        ("query", "The SQL to run", "SELECT 1"),
        ("target", "Branch or commit to compare with", "HEAD"),
        ("stuff", "anything", None),
    ],
)
def test_usual_values_follow_the_name_or_the_description(
    name: str, description: str, value: str | None
) -> None:
    values = usual_values(name, description)
    assert (values[0] if values else None) == value


def test_a_range_of_time_ends_after_its_start() -> None:
    description = "RFC 3339 datetime"
    assert usual_values("start", description)[0] < usual_values("end", description)[0]
    assert usual_values("start_date", "")[0] < usual_values("end_date", "")[0]


def test_a_number_is_one_even_as_a_text() -> None:
    assert usual_values("number", "Number string to validate")[0] == 42


def test_notations_are_known_by_their_description() -> None:
    assert usual_values("expression", "Cron expression, five fields")[0] == "0 12 * * 1"
    assert usual_values("number", "Number to check with the Luhn algorithm")[0] == "4539578763621486"
    assert str(usual_values("token", "JWT to decode")[0]).count(".") == 2
    assert usual_values("expression", "Arithmetic to evaluate")[0] == "1 + 2"
