"""Result of the writers that cannot represent everything in a score."""

from __future__ import annotations

from typing import NamedTuple


class Output(NamedTuple):
    """A file written from the columns of a score.

    Attributes:
        content: The file.
        remarks: Sentences about content of the score that the file lacks or changes.
    """

    content: bytes
    remarks: tuple[str, ...]
