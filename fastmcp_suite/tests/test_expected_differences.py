"""Tests of the list of expected differences."""

from __future__ import annotations

from pathlib import Path

import pytest
from expected_differences import FILE, ExpectedDifference, read_expected_differences
from suite_runs import Way

WAYS = [way.value for way in Way]

MOST = 8
"""Entries of the list. It can only shrink: mend the lane instead of raising this number."""


def listed(tmp_path: Path, text: str) -> tuple[ExpectedDifference, ...]:
    path = tmp_path / "expected.toml"
    path.write_text(text, encoding="utf-8")
    return read_expected_differences(path, WAYS)


def entry(test: str = "tests/a.py::b", ways: str = '["as-written"]', reason: str = "a reason") -> str:
    return f'[[difference]]\ntest = "{test}"\nways = {ways}\nreason = "{reason}"\n'


def test_the_list_does_not_grow() -> None:
    entries = read_expected_differences(FILE, WAYS)
    assert len(entries) == MOST, "if it has become shorter, lower MOST"


def test_entries_have_tests_ways_and_reasons(tmp_path: Path) -> None:
    assert listed(tmp_path, entry()) == (ExpectedDifference("tests/a.py::b", ("as-written",), "a reason"),)
    assert listed(tmp_path, "# nothing differs\n") == ()


@pytest.mark.parametrize(
    "text",
    [
        entry(reason=" "),
        entry(ways="[]"),
        entry(ways='["by-telephone"]'),
        entry() + entry(),
        entry() + 'note = "x"\n',
        '[[difference]]\ntest = "tests/a.py::b"\n',
        "[[differences]]\n",
    ],
    ids=["no reason", "no way", "unknown way", "twice", "unknown key", "incomplete", "unknown table"],
)
def test_a_malformed_list_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"expected\.toml: expected"):
        listed(tmp_path, text)
