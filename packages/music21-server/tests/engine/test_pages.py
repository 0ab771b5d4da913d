"""Pages equal slices of the whole list."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import pytest
from pydantic import TypeAdapter

from music21_server.engine.pages import ROWS_PER_BLOCK, Page, cut, pack


@dataclass(frozen=True)
class Row:
    number: int
    name: str


ADAPTER = TypeAdapter(Row)
MANY = [Row(number, f"row {number}") for number in range(3 * ROWS_PER_BLOCK + 7)]


@pytest.mark.parametrize(
    "offset", [0, 1, ROWS_PER_BLOCK - 1, ROWS_PER_BLOCK, 2 * ROWS_PER_BLOCK + 3, len(MANY) - 1]
)
@pytest.mark.parametrize("limit", [1, 2, ROWS_PER_BLOCK, ROWS_PER_BLOCK + 1, 10_000])
def test_a_page_equals_a_slice(offset: int, limit: int) -> None:
    result, page = cut(pack(MANY, ADAPTER), offset, limit)
    expected = MANY[offset : offset + limit]
    assert json.loads(result) == [asdict(row) for row in expected]
    end = offset + len(expected)
    assert page == Page(len(MANY), offset, len(expected), end if end < len(MANY) else None)


@pytest.mark.parametrize("offset", [0, 5, len(MANY), len(MANY) + ROWS_PER_BLOCK])
def test_a_page_beyond_the_end_is_empty(offset: int) -> None:
    rows = pack(MANY if offset >= len(MANY) else [], ADAPTER)
    assert cut(rows, offset, 10) == (b"[]", Page(rows.total, offset, 0, None))


def test_blocks_take_less_than_a_third_of_the_json() -> None:
    rows = pack(MANY, ADAPTER)
    assert rows.total == len(MANY)
    assert rows.size_bytes < len(TypeAdapter(list[Row]).dump_json(MANY)) / 3
