"""Compressed MusicXML (.mxl): a ZIP archive whose container names the document."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO
from typing import Final

from lxml import etree

from music21_server.errors import UnreadableScore
from music21_server.limits import Limits

_CONTAINER: Final = "META-INF/container.xml"
_LARGEST_CONTAINER: Final = 100_000
_PIECE: Final = 1 << 20


def unpack(source: bytes, limits: Limits) -> bytes:
    """Return the document in an archive.

    It is unpacked piece by piece, so that one that claims to be small and is not costs no more memory than
    the limit.

    Raises:
        UnreadableScore: It is no such archive, or broken.
        TooMuchScore: The document is beyond the limit.
    """
    try:
        with zipfile.ZipFile(BytesIO(source)) as archive:
            names = archive.namelist()
            name = _named(archive) if _CONTAINER in names else _likely(names)
            if name not in names:
                raise UnreadableScore(
                    f"Expected {name!r} in the archive, as its container says; it is missing."
                )
            return _read(archive, name, limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise UnreadableScore(f"Expected compressed MusicXML (a ZIP archive), got: {error}.") from error


def _named(archive: zipfile.ZipFile) -> str:
    with archive.open(_CONTAINER) as file:
        text = file.read(_LARGEST_CONTAINER)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableScore(f"Expected the archive's container to be XML, got: {error.msg}.") from error
    for element in root.iter("{*}rootfile"):
        kind = element.get("media-type", "application/vnd.recordare.musicxml+xml")
        path = element.get("full-path")
        if path and "musicxml" in kind:
            return str(path)
    raise UnreadableScore("Expected the archive's container to name a MusicXML document, it names none.")


def _likely(names: list[str]) -> str:
    """Return the document of an archive without a container, which some programs write."""
    found = [name for name in names if name.lower().endswith((".xml", ".musicxml"))]
    if not found:
        raise UnreadableScore("Expected a MusicXML document in the archive, it has none.")
    return found[0]


def _read(archive: zipfile.ZipFile, name: str, limits: Limits) -> bytes:
    pieces: list[bytes] = []
    size = 0
    with archive.open(name) as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            limits.check("max_source_bytes", size)
            pieces.append(piece)
    return b"".join(pieces)
