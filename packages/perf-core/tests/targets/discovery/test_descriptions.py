"""Example values in descriptions, as authors write them."""

from __future__ import annotations

import pytest

from perf_core.targets.discovery.descriptions import examples_in


@pytest.mark.parametrize(
    ("description", "values"),
    [
        (
            "Source IANA timezone name (e.g., 'America/New_York', 'Europe/London'). Use 'UTC' as local",
            ["America/New_York", "Europe/London", "UTC"],
        ),
        ("Whether to list local ('local'), remote ('remote') or all branches('all').", ["local", "remote"]),
        ("A city such as Oslo, or another", ["Oslo"]),
        ("A city such as New York or Rome", ["New York"]),
        ('For example: "a.txt"', ["a.txt"]),
        ("Format like `json` or `yaml`", ["json", "yaml"]),
        ("The user's name and the server's port", []),
        ("", []),
    ],
)
def test_examples_are_read(description: str, values: list[str]) -> None:
    assert examples_in(description)[: len(values)] == values if values else examples_in(description) == []


def test_long_descriptions_have_few_examples() -> None:
    assert len(examples_in(" ".join(f"'{number}'" for number in range(1000)))) == 8
