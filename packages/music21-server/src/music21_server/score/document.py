"""A score as it was sent: the format and the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KINDS: Final = ("musicxml", "mxl", "midi", "humdrum", "abc", "mei", "tinynotation")
"""Names of the formats, in the order in which they are mentioned."""


SUFFIXES: Final[Mapping[str, str]] = {
    ".musicxml": "musicxml", ".xml": "musicxml", ".mxl": "mxl", ".mid": "midi", ".midi": "midi",
    ".krn": "humdrum", ".abc": "abc", ".mei": "mei", ".tntxt": "tinynotation",
}  # fmt: skip
"""Of files, and the formats that they have as a rule."""


@dataclass(frozen=True)
class Document:
    """What was imported, as it is kept.

    Attributes:
        kind: One of `KINDS`.
        content: As it came; decoded, where it came in base64.
    """

    kind: str
    content: bytes
