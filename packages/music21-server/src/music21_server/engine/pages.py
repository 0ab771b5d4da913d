"""Long lists of an answer, kept as compressed blocks of which a page is cut.

An orchestral score has a hundred thousand sonorities: as Python objects they would take a hundred megabytes,
as one text a fifth of a second to read. A page touches a block or two.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

ROWS_PER_BLOCK: Final = 256
_LEVEL: Final = 1
"""Of zlib: rows resemble each other, so that the fastest one makes a tenth of them already."""


@dataclass(frozen=True)
class Rows:
    """The rows of a list.

    Attributes:
        blocks: `ROWS_PER_BLOCK` rows each (the last one of what remains), a line of JSON each, compressed.
        total: Number of rows.
    """

    blocks: tuple[bytes, ...]
    total: int

    @property
    def size_bytes(self) -> int:
        """Memory that the blocks take."""
        return sum(len(block) for block in self.blocks)


@dataclass(frozen=True)
class Page:
    """Which rows of a list an answer holds.

    Attributes:
        total: Rows of the whole list.
        offset: Index of the first one here, from 0.
        returned: Rows here.
        next_offset: Where to go on; null at the end.
    """

    total: int
    offset: int
    returned: int
    next_offset: int | None


def pack(rows: Sequence[Any], adapter: TypeAdapter[Any]) -> Rows:
    """Return rows in blocks.

    Args:
        rows: The whole list.
        adapter: Of a row.
    """
    blocks = tuple(
        zlib.compress(b"\n".join(map(adapter.dump_json, rows[start : start + ROWS_PER_BLOCK])), _LEVEL)
        for start in range(0, len(rows), ROWS_PER_BLOCK)
    )
    return Rows(blocks, len(rows))


def cut(rows: Rows, offset: int, limit: int) -> tuple[bytes, Page]:
    """Return rows from `offset` on, at most `limit`, as a JSON array, and which they are."""
    end = min(rows.total, offset + limit)
    found: list[bytes] = []
    for index in range(offset // ROWS_PER_BLOCK, -(-end // ROWS_PER_BLOCK)):
        found += zlib.decompress(rows.blocks[index]).split(b"\n")
    skipped = offset - offset // ROWS_PER_BLOCK * ROWS_PER_BLOCK
    page = found[skipped : skipped + max(0, end - offset)]
    return b"[%b]" % b",".join(page), Page(rows.total, offset, len(page), end if end < rows.total else None)
