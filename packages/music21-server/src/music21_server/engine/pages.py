"""Long lists of an answer as compressed blocks, from which pages are cut.

An orchestral score has a hundred thousand sonorities. They would take a hundred megabytes as Python objects,
and a fifth of a second to parse as one text. A page needs only a block or two.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

ROWS_PER_BLOCK: Final = 256
_LEVEL: Final = 1
"""Level of zlib; rows resemble each other, so the fastest level already compresses to a tenth."""


@dataclass(frozen=True)
class Rows:
    """The rows of a list.

    Attributes:
        blocks: Compressed blocks of `ROWS_PER_BLOCK` rows, the last one shorter; each row is a line of JSON.
        total: Number of rows.
    """

    blocks: tuple[bytes, ...]
    total: int

    @property
    def size_bytes(self) -> int:
        """Size of the blocks in memory."""
        return sum(len(block) for block in self.blocks)


@dataclass(frozen=True)
class Page:
    """The rows of a list that an answer holds."""

    total: int
    """Number of rows in the whole list."""
    offset: int
    """Index of the first row here, from 0."""
    returned: int
    """Number of rows here."""
    next_offset: int | None
    """Offset of the next page; null at the end."""


def pack(rows: Sequence[Any], adapter: TypeAdapter[Any]) -> Rows:
    """Return rows in blocks.

    Args:
        rows: The whole list.
        adapter: Serializer of a row.
    """
    blocks = tuple(
        zlib.compress(b"\n".join(map(adapter.dump_json, rows[start : start + ROWS_PER_BLOCK])), _LEVEL)
        for start in range(0, len(rows), ROWS_PER_BLOCK)
    )
    return Rows(blocks, len(rows))


def cut(rows: Rows, offset: int, limit: int) -> tuple[bytes, Page]:
    """Return at most `limit` rows from `offset` on as a JSON array, and their page."""
    end = min(rows.total, offset + limit)
    lines: list[bytes] = []
    for index in range(offset // ROWS_PER_BLOCK, -(-end // ROWS_PER_BLOCK)):
        lines += zlib.decompress(rows.blocks[index]).split(b"\n")
    skipped = offset - offset // ROWS_PER_BLOCK * ROWS_PER_BLOCK
    page = lines[skipped : skipped + max(0, end - offset)]
    return b"[%b]" % b",".join(page), Page(rows.total, offset, len(page), end if end < rows.total else None)
