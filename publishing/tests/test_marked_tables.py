"""Tests of tables between markers."""

from __future__ import annotations

import pytest
from marked_tables import header, row, rows_of, with_table

BEGIN, END = "<!-- prices -->", "<!-- end of prices -->"
DOCUMENT = f"before\n{BEGIN}\nold\n{END}\nafter\n"


def test_a_table_replaces_what_stood_between_its_markers() -> None:
    assert with_table(DOCUMENT, "prices", "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


def test_a_table_that_is_written_twice_stands_there_once() -> None:
    once = with_table(DOCUMENT, "prices", "new")
    assert with_table(once, "prices", "new") == once


def test_other_tables_of_the_document_stay() -> None:
    other = "<!-- names -->\nkept\n<!-- end of names -->\n"
    assert other in with_table(DOCUMENT + other, "prices", "new")


@pytest.mark.parametrize(
    "document",
    [
        "no markers",
        BEGIN,
        END,
        f"{END}\n{BEGIN}",
        f"{BEGIN}{BEGIN}{END}",
        f"{BEGIN}{END}{END}",
        f"{END}{DOCUMENT}",
    ],
)
def test_a_document_without_both_markers_in_order_is_left_alone(document: str) -> None:
    with pytest.raises(ValueError, match="expected <!-- prices --> and then <!-- end of prices -->"):
        with_table(document, "prices", "new")
    with pytest.raises(ValueError, match="once each"):
        rows_of(document, "prices")


def test_rows_are_read_as_they_were_written() -> None:
    cells = [["bread | rolls", "2.50"], ["two\nlines", ""]]
    table = "\n".join(["A sentence.", "", *header(("what", "price")), *map(row, cells)])
    document = with_table(DOCUMENT, "prices", table)
    assert rows_of(document, "prices") == [["bread | rolls", "2.50"], ["two lines", ""]]


def test_only_the_rows_of_the_first_table_are_read() -> None:
    tables = "\n".join([*header(("a",)), row(("1",)), "", *header(("b",)), row(("2",))])
    assert rows_of(with_table(DOCUMENT, "prices", tables), "prices") == [["1"]]


def test_a_table_without_rows_has_none() -> None:
    assert rows_of(DOCUMENT, "prices") == []


def test_a_header_names_and_aligns_its_columns() -> None:
    assert header(("what", "price"), "--:") == ["| what | price |", "| --: | --: |"]
