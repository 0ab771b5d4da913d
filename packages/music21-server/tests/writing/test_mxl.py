from __future__ import annotations

import zipfile
from io import BytesIO

from lxml import etree

from music21_server.reading.mxl_archive import unpack
from music21_server.score.limits import Limits
from music21_server.writing.mxl import pack


def test_archive_is_unpacked_to_the_document() -> None:
    document = b"<score-partwise/>" * 1000
    packed = pack(document)
    assert unpack(packed, Limits()) == document
    assert len(packed) < 1500
    assert pack(document) == packed


def test_media_type_is_first_and_uncompressed() -> None:
    packed = pack(b"<score-partwise/>")
    assert packed[30:].startswith(b"mimetypeapplication/vnd.recordare.musicxml")
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        assert archive.namelist() == ["mimetype", "META-INF/container.xml", "score.musicxml"]
        assert archive.getinfo("mimetype").compress_type == zipfile.ZIP_STORED
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.testzip() is None
        container = etree.fromstring(archive.read("META-INF/container.xml"))
    assert container.find("rootfiles/rootfile").get("full-path") == "score.musicxml"
