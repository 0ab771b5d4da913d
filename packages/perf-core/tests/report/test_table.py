from __future__ import annotations

from perf_core.report.table import Table, table_of, without_minor


def test_table_without_rows_is_none() -> None:
    assert table_of("Empty", ("a",), []) is None
    assert table_of("One", ("a",), [("1",)]) == Table("One", ("a",), (("1",),))


def test_minor_columns_are_left_out_with_their_cells() -> None:
    table = Table("T", ("name", "from", "to", "n"), (("x", "1", "2", "3"),), labels=2, minor=("from", "to"))
    narrow = without_minor(table)
    assert narrow.headings == ("name", "n")
    assert narrow.rows == (("x", "3"),)
    assert narrow.labels == 1
