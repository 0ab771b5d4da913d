"""Stored entry of a score: its document as sent, its columns, and a few facts."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from music21_server.errors import ScoreError
from music21_server.score.document import Document

_FASTEST: Final = 1
_LENGTHS: Final = struct.Struct("<IQQ")
"""Lengths of the texts (JSON), of the packed document and of the columns."""

_DIGEST_BYTES: Final = hashlib.sha256().digest_size


class DamagedEntryError(ScoreError):
    """A file in the store is truncated or damaged."""


@dataclass(frozen=True)
class Entry:
    """A stored score; immutable, so that a call can continue with one that is deleted meanwhile.

    Attributes:
        content_id: SHA-256 of the document's kind and content; equal for identical imports.
        kind: Format of the document.
        packed_document: The document, compressed.
        document_bytes: Size of the document as sent.
        columns: Columns from `codec.encode`.
        info: Facts for listings, JSON-able: title and counts.
    """

    content_id: str
    kind: str
    packed_document: bytes = field(repr=False)
    document_bytes: int
    columns: bytes = field(repr=False)
    info: Mapping[str, Any]

    @classmethod
    def from_document(cls, document: Document, columns: bytes, info: Mapping[str, Any]) -> Entry:
        """Return the entry of a document; compressing takes about 10 ms per megabyte.

        Args:
            document: Document as sent.
            columns: Columns from `codec.encode`.
            info: Facts for listings, JSON-able.
        """
        return cls(
            content_id(document),
            document.kind,
            zlib.compress(document.content, _FASTEST),
            len(document.content),
            columns,
            info,
        )

    @property
    def size_bytes(self) -> int:
        """Approximate size in memory."""
        return len(self.packed_document) + len(self.columns) + len(json.dumps(dict(self.info)))

    def document(self) -> Document:
        """Return the document as it was sent."""
        return Document(self.kind, zlib.decompress(self.packed_document, bufsize=max(self.document_bytes, 1)))

    def to_bytes(self) -> bytes:
        """Return the entry as a file, beginning with its checksum."""
        texts = json.dumps([self.content_id, self.kind, self.document_bytes, dict(self.info)]).encode()
        lengths = _LENGTHS.pack(len(texts), len(self.packed_document), len(self.columns))
        content = b"".join([lengths, texts, self.packed_document, self.columns])
        return hashlib.sha256(content).digest() + content

    @classmethod
    def from_bytes(cls, encoded: bytes) -> Entry:
        """Return the entry from a file.

        Raises:
            DamagedEntryError: The file is truncated, damaged or not an entry.
        """
        view = memoryview(encoded)
        digest, content = view[:_DIGEST_BYTES], view[_DIGEST_BYTES:]
        if len(content) < _LENGTHS.size or hashlib.sha256(content).digest() != digest:
            raise DamagedEntryError(
                f"Expected a stored score, got {len(encoded):,} bytes that are truncated or damaged: "
                "import the score again."
            )
        texts_bytes, document_bytes, _ = _LENGTHS.unpack_from(content)
        content = content[_LENGTHS.size :]
        identity, kind, length, info = json.loads(bytes(content[:texts_bytes]))
        packed = bytes(content[texts_bytes : texts_bytes + document_bytes])
        return cls(identity, kind, packed, length, bytes(content[texts_bytes + document_bytes :]), info)


def content_id(document: Document) -> str:
    """Return the identity of a document: equal only for equal kind and bytes."""
    digest = hashlib.sha256(document.kind.encode() + b"\0")
    digest.update(document.content)
    return digest.hexdigest()
