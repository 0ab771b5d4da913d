"""Pages are what slices of the whole list are."""

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
def test_a_page_is_a_slice(offset: int, limit: int) -> None:
    found, page = cut(pack(MANY, ADAPTER), offset, limit)
    expected = MANY[offset : offset + limit]
    assert json.loads(found) == [asdict(row) for row in expected]
    end = offset + len(expected)
    assert page == Page(len(MANY), offset, len(expected), end if end < len(MANY) else None)


@pytest.mark.parametrize("offset", [0, 5, len(MANY), len(MANY) + ROWS_PER_BLOCK])
def test_beyond_the_end_there_is_nothing(offset: int) -> None:
    rows = pack(MANY if offset >= len(MANY) else [], ADAPTER)
    assert cut(rows, offset, 10) == (b"[]", Page(rows.total, offset, 0, None))


def test_blocks_are_small() -> None:
    rows = pack(MANY, ADAPTER)
    assert rows.total == len(MANY)
    assert rows.size_bytes < len(TypeAdapter(list[Row]).dump_json(MANY)) / 3
