"""Tests of the command line: which rows are tried, how often, and when it fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import try_servers
from catalogue import ROWS
from compatibility import NAME
from marked_tables import rows_of
from outcome import Outcome

EMPTY = f"before\n<!-- {NAME} -->\n<!-- end of {NAME} -->\n"
BUSY = Outcome("busy", verdict="invalid", problems=("verdict: expected pass, got invalid",), was_busy=True)
WRONG = Outcome("wrong", verdict="fail", problems=("verdict: expected pass, got fail",))
RIGHT = Outcome("right", verdict="pass")


@pytest.fixture(autouse=True)
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Run in a folder of the test's own, where results are kept."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results" / "foreign"


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the rows that were tried; the outcomes are in the attribute of the module."""
    names: list[str] = []

    def try_row(row: object, _installations: Path, _results: Path) -> Outcome:
        names.append(row.name)  # type: ignore[attr-defined] # a row
        return outcomes[min(len(names), len(outcomes)) - 1]

    outcomes: list[Outcome] = []
    monkeypatch.setattr(try_servers, "try_row", try_row)
    monkeypatch.setattr(try_servers, "OUTCOMES", outcomes, raising=False)
    return names


def ended_with(monkeypatch: pytest.MonkeyPatch, outcomes: list[Outcome], *arguments: str) -> int:
    try_servers.OUTCOMES[:] = outcomes
    monkeypatch.setattr(sys, "argv", ["try_servers.py", *arguments])
    return try_servers.main()


@pytest.mark.parametrize(
    ("outcomes", "count", "code"),
    [([RIGHT], 1, 0), ([WRONG, RIGHT], 1, 1), ([BUSY, RIGHT], 2, 0), ([BUSY] * 9, 3, 1)],
)
def test_only_what_a_busy_machine_may_explain_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tries: list[str], outcomes: list[Outcome], count: int, code: int
) -> None:
    assert ended_with(monkeypatch, outcomes, "--only", "server-memory") == code
    assert tries == ["server-memory"] * count


def test_a_choice_that_fits_no_server_fails(monkeypatch: pytest.MonkeyPatch, tries: list[str]) -> None:
    assert ended_with(monkeypatch, [RIGHT], "--only", "no such server") == 1
    assert tries == []


def test_all_servers_are_tried_and_the_table_is_written(
    monkeypatch: pytest.MonkeyPatch, tries: list[str], tmp_path: Path
) -> None:
    document = tmp_path / "table.md"
    document.write_text(EMPTY, encoding="utf-8")
    assert ended_with(monkeypatch, [RIGHT], "--write", str(document)) == 0
    assert tries == [row.name for row in ROWS]
    assert document.read_text(encoding="utf-8").count("| right |") == len(ROWS)


def test_rows_that_are_not_tried_are_in_the_table_as_the_last_time(
    monkeypatch: pytest.MonkeyPatch, tries: list[str], tmp_path: Path
) -> None:
    document = tmp_path / "table.md"
    document.write_text(EMPTY, encoding="utf-8")
    ended_with(monkeypatch, [RIGHT], "--only", "server-memory")
    ended_with(monkeypatch, [WRONG], "--only", "server-filesystem", "--write", str(document))
    rows = [row[0] for row in rows_of(document.read_text(encoding="utf-8"), NAME)]
    assert rows == ["wrong", "right"]
