"""The list of tests that may fail with the lane and pass without it, `expected-differences.toml`.

The list can only shrink: a listed test that passes is an error, and a test of this repository knows its
length.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("expected-differences.toml")


@dataclass(frozen=True, slots=True)
class ExpectedDifference:
    """A test that fails with the lane for a known reason.

    Attributes:
        test: The test's id.
        ways: Names of the ways of running the suite in which it fails.
        reason: The reason, in a sentence.
    """

    test: str
    ways: tuple[str, ...]
    reason: str


def read_expected_differences(path: Path, ways: Sequence[str]) -> tuple[ExpectedDifference, ...]:
    """Return the entries of a file.

    Raises:
        ValueError: An entry is not `test`, `ways` (some of `ways`) and `reason`, or a test is listed twice.
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = set(document) - {"difference"}
    if unknown:
        raise ValueError(f"{path.name}: expected only [[difference]], got {', '.join(sorted(unknown))}")
    entries = []
    for table in document.get("difference", []):
        is_complete = set(table) == {"test", "ways", "reason"} and table["reason"].strip()
        if not is_complete or not table["ways"] or set(table["ways"]) - set(ways):
            raise ValueError(
                f"{path.name}: expected test, reason and ways (some of {', '.join(ways)}), got "
                f"{table}: correct it"
            )
        entries.append(ExpectedDifference(table["test"], tuple(table["ways"]), table["reason"]))
    tests = [entry.test for entry in entries]
    for test in tests:
        if tests.count(test) > 1:
            raise ValueError(f"{path.name}: expected each test once, got {test} twice: join the entries")
    return tuple(entries)
