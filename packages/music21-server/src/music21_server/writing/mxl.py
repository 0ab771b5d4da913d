"""Writer of compressed MusicXML (.mxl); the same document gives the same bytes."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Final

_MIMETYPE: Final = b"application/vnd.recordare.musicxml"
_DOCUMENT: Final = "score.musicxml"
_CONTAINER: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<container><rootfiles>'
    f'<rootfile full-path="{_DOCUMENT}" media-type="application/vnd.recordare.musicxml+xml"/>'
    "</rootfiles></container>\n"
).encode()
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""Earliest time in a ZIP archive."""


def pack(musicxml: bytes) -> bytes:
    """Return an archive of the uncompressed media type, the container and the document, in this order."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content, method in (
            ("mimetype", _MIMETYPE, zipfile.ZIP_STORED),
            ("META-INF/container.xml", _CONTAINER, zipfile.ZIP_DEFLATED),
            (_DOCUMENT, musicxml, zipfile.ZIP_DEFLATED),
        ):
            entry = zipfile.ZipInfo(name, date_time=_EARLIEST)
            entry.compress_type = method
            entry.create_system = 3  # Unix, on every system
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
