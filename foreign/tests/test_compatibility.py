"""Tests of the table, and of the table in the documentation."""

from __future__ import annotations

from pathlib import Path

from catalogue import ROWS
from compatibility import HEADER, NAME, markdown, share, text
from marked_tables import rows_of
from outcome import Outcome

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "compatibility.md"

RIGHT = Outcome(
    "a server",
    version="1.0",
    transport="stdio",
    revision="2025-11-25",
    read_only=10,
    called=9,
    not_permitted=2,
    strictness={"exact": 8, "members": 1, "schema": 0, "no error": 0},
    verdict="pass",
    median_ms=1.234,
    bridge_us=123.4,
    took_s=31.4,
    remark="Go | Rust",
)
WRONG = Outcome("another", verdict="none", problems=("expected a record, got none",))


def test_a_row_shows_what_was_called_and_how_strictly_it_was_checked() -> None:
    table = markdown([RIGHT, WRONG], "2 cores")
    assert "2 servers, 1 of them measured rightly. 9 of 10 tools that only read have" in table
    (first, second) = rows_of(f"<!-- {NAME} -->{table}<!-- end of {NAME} -->", NAME)
    assert len(first) == len(second) == len(HEADER)
    assert first[4:6] == ["9 of 10 called, 2 may write", "8 exact, 1 members"]
    assert first[7:] == ["1.23 ms", "123 µs", "31 s", "Go | Rust"]
    assert second[6] == "none, wrong"


def test_terminal_lines_name_each_problem() -> None:
    assert text(RIGHT).startswith("ok ")
    assert text(WRONG).splitlines()[1].strip() == "expected a record, got none"


def test_shares_are_rounded_down() -> None:
    assert (share(899, 1000), share(9, 10), share(0, 0)) == (89, 90, 100)


def test_the_documented_table_has_the_rows_of_the_catalogue() -> None:
    rows = rows_of(DOCUMENT.read_text(encoding="utf-8"), NAME)
    assert [row[0] for row in rows] == [row.name for row in ROWS]
    assert [row[1] for row in rows] == [row.packages.version for row in ROWS]
    assert [row[2] for row in rows] == [row.transport for row in ROWS]
    assert [row[3] for row in rows] == [row.revision for row in ROWS]
    assert [row[6] for row in rows] == [row.verdict for row in ROWS]
    assert [row[8] != "-" for row in rows] == [row.is_stdio for row in ROWS]


def test_nine_in_ten_of_the_documented_tools_that_only_read_are_called() -> None:
    rows = rows_of(DOCUMENT.read_text(encoding="utf-8"), NAME)
    counts = [row[4].split() for row in rows]
    called, read_only = (sum(int(words[place]) for words in counts) for place in (0, 2))
    assert share(called, read_only) >= 90
