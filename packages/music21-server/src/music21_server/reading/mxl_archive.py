"""Compressed MusicXML (.mxl): a ZIP archive whose container names the document."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO
from typing import IO, Final

from lxml import etree

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.xml import as_utf8, parsed
from music21_server.score.limits import Limits

_CONTAINER: Final = "META-INF/container.xml"
_LARGEST_CONTAINER: Final = 100_000
_PIECE: Final = 1 << 20
_DIRECTORY_ENTRY: Final = b"PK\x01\x02"
_MOST_FILES: Final = 1000
"""Files in an archive; a score has a few, and some pictures."""

_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,  # for an unknown compression method
    OSError,
    ValueError,
    KeyError,
)
"""Exceptions of `zipfile` for broken archives."""


def unpack(source: bytes, limits: Limits) -> bytes:
    """Return the document in an archive.

    It is unpacked in pieces, so that a document larger than the archive declares takes no more memory than
    the limit allows.

    Raises:
        UnreadableScoreError: The source is not such an archive, or broken.
        TooMuchScoreError: The document exceeds the limit.
    """
    limits.check("max_source_bytes", len(source))
    # Counted before `zipfile` reads the directory, which takes much more memory than the archive.
    files = source.count(_DIRECTORY_ENTRY)
    if files > _MOST_FILES:
        raise TooMuchScoreError(
            f"Expected at most {_MOST_FILES:,} files in the archive, got {files:,}: send the MusicXML "
            "document alone."
        )
    try:
        with zipfile.ZipFile(BytesIO(source)) as archive:
            names = archive.namelist()
            name = _from_container(archive) if _CONTAINER in names else _first_document(names)
            if name not in names:
                raise UnreadableScoreError(
                    f"Expected {name[:100]!r} in the archive, which its container names; it is missing."
                )
            return _read(archive, name, limits)
    except _BROKEN as error:
        raise UnreadableScoreError(
            f"Expected compressed MusicXML (.mxl, a ZIP archive), got: {str(error)[:200]}. It may be cut off."
        ) from error


def _from_container(archive: zipfile.ZipFile) -> str:
    """Return the name of the document; the first one if the container names several."""
    container = _open(archive, _CONTAINER).read(_LARGEST_CONTAINER)
    try:
        root = parsed(as_utf8(container))
    except etree.XMLSyntaxError as error:
        raise UnreadableScoreError(
            f"Expected the archive's container to be XML, got: {error.msg}."
        ) from error
    for element in root.iter("{*}rootfile"):
        kind = element.get("media-type", "musicxml")
        path = element.get("full-path")
        if path and "musicxml" in kind:
            return str(path)
    raise UnreadableScoreError(
        "Expected the archive's container to name a MusicXML document, got none: export the score as "
        "MusicXML."
    )


def _first_document(names: list[str]) -> str:
    """Return the name of the document in an archive without a container, as some programs write it."""
    documents = [name for name in names if name.lower().endswith((".xml", ".musicxml"))]
    if not documents:
        raise UnreadableScoreError("Expected a MusicXML document in the archive, got none.")
    return documents[0]


def _open(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Open a stored or deflated file; other methods may allocate gigabytes before the first byte."""
    info = archive.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableScoreError(
            f"Expected {name[:100]!r} to be deflated or stored in the archive, got another compression: pack "
            "it again."
        )
    return archive.open(info)


def _read(archive: zipfile.ZipFile, name: str, limits: Limits) -> bytes:
    pieces: list[bytes] = []
    size = 0
    with _open(archive, name) as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            limits.check("max_source_bytes", size)
            pieces.append(piece)
    return b"".join(pieces)
