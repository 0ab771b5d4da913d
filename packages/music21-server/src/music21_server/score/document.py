"""A score as the client sent it: format and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KINDS: Final = ("musicxml", "mxl", "midi", "humdrum", "abc", "mei", "tinynotation")
"""Names of the formats, in the order used in messages."""

SUFFIXES: Final[Mapping[str, str]] = {
    ".musicxml": "musicxml", ".xml": "musicxml", ".mxl": "mxl", ".mid": "midi", ".midi": "midi",
    ".krn": "humdrum", ".abc": "abc", ".mei": "mei", ".tntxt": "tinynotation",
}  # fmt: skip
"""Formats by file suffix."""


@dataclass(frozen=True)
class Document:
    """An imported document.

    Attributes:
        kind: One of `KINDS`.
        content: Bytes as sent, decoded if they were in base64.
    """

    kind: str
    content: bytes
