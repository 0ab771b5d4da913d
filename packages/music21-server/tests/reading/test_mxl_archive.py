from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import pytest

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.mxl_archive import unpack
from music21_server.score.limits import Limits

CONTAINER = '<container><rootfiles><rootfile full-path="score.xml"{}/></rootfiles></container>'


def _packed(files, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "kind", ["", ' media-type="application/vnd.recordare.musicxml+xml"', ' media-type="application/musicxml"']
)
def test_container_names_the_document(kind):
    source = _packed({"META-INF/container.xml": CONTAINER.format(kind), "a.xml": "no", "score.xml": "<yes/>"})
    assert unpack(source, Limits()) == b"<yes/>"


def test_first_musicxml_of_several_documents():
    container = (
        '<container xmlns="urn:x"><rootfiles><rootfile full-path="score.pdf" media-type="application/pdf"/>'
        '<rootfile full-path="score.xml" media-type="application/vnd.recordare.musicxml+xml"/>'
        "</rootfiles></container>"
    )
    source = _packed({"META-INF/container.xml": container, "score.pdf": "no", "score.xml": "<yes/>"})
    assert unpack(source, Limits()) == b"<yes/>"


def test_archive_without_a_container():
    assert unpack(_packed({"readme.txt": "no", "Score.XML": "<yes/>"}), Limits()) == b"<yes/>"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"readme.txt": "no"}, "MusicXML document in the archive, got none"),
        ({"META-INF/container.xml": CONTAINER.format("")}, "it is missing"),
        ({"META-INF/container.xml": "<container/>"}, "name a MusicXML document, got none"),
        (
            {"META-INF/container.xml": '<container><rootfile media-type="x" full-path="a"/></container>'},
            "name a MusicXML document, got none",
        ),
        ({"META-INF/container.xml": "<container>"}, "container to be XML"),
        ({"META-INF/container.xml": "<!DOCTYPE c [<!ENTITY e 'x'>]><c/>"}, "entity"),
        ({}, "MusicXML document in the archive, got none"),
    ],
)
def test_archives_without_a_document(files, message):
    with pytest.raises(UnreadableScoreError, match=message):
        unpack(_packed(files), Limits())


def test_truncated_archives_are_refused():
    source = _packed({"score.xml": "<score/>" * 100})
    for length in range(len(source)):
        with pytest.raises(UnreadableScoreError, match="may be cut off"):
            unpack(source[:length], Limits())


def test_damaged_archives_are_refused():
    source = bytearray(_packed({"score.xml": bytes(range(256)) * 40}))
    source[60:80] = b"\xff" * 20
    with pytest.raises(UnreadableScoreError, match="Expected compressed MusicXML"):
        unpack(bytes(source), Limits())


def test_encrypted_archives_are_refused():
    source = bytearray(_packed({"score.xml": "<score/>"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = source.index(signature) + offset
        source[at : at + 2] = struct.pack("<H", 1)
    with pytest.raises(UnreadableScoreError, match="encrypted"):
        unpack(bytes(source), Limits())


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(compression):
    with pytest.raises(UnreadableScoreError, match="deflated or stored"):
        unpack(_packed({"score.xml": "<score/>"}, compression), Limits())


def test_unpacking_stops_at_the_limit():
    source = _packed({"score.xml": b" " * 30_000_000})
    assert len(source) < 100_000
    with pytest.raises(TooMuchScoreError, match="max_source_bytes"):
        unpack(source, Limits(max_source_bytes=3_000_000))


def test_unpacking_takes_little_more_memory_than_the_limit():
    source = _packed({"score.xml": b" " * 30_000_000})
    tracemalloc.start()
    try:
        with pytest.raises(TooMuchScoreError):
            unpack(source, Limits(max_source_bytes=1_000_000))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_size_of_the_container_is_bounded():
    container = CONTAINER.format("").replace("<rootfiles>", "<rootfiles>" + " " * 100_000)
    with pytest.raises(UnreadableScoreError, match="container to be XML"):
        unpack(_packed({"META-INF/container.xml": container, "score.xml": "<score/>"}), Limits())


def test_errors_quote_only_the_beginning_of_a_file_name():
    name = "x" * 5_000 + ".xml"
    missing = _packed({"META-INF/container.xml": CONTAINER.format("").replace("score.xml", name)})
    damaged = _packed({name: "<score/>"}).replace(b"x.xml", b"y.xml", 1)  # in one of its two headers
    for source in (missing, damaged):
        with pytest.raises(UnreadableScoreError) as caught:
            unpack(source, Limits())
        assert len(str(caught.value)) < 400


def test_false_file_size_does_not_evade_the_limit():
    source = bytearray(_packed({"score.xml": b" " * 5_000_000}))
    at = source.index(b"PK\x01\x02") + 24
    source[at : at + 4] = struct.pack("<I", 10)
    with pytest.raises((TooMuchScoreError, UnreadableScoreError)):
        unpack(bytes(source), Limits(max_source_bytes=3_000_000))


def test_number_of_files_is_bounded():
    source = _packed({f"{number}.txt": "" for number in range(1001)})
    with pytest.raises(TooMuchScoreError, match="at most 1,000 files in the archive, got 1,001"):
        unpack(source, Limits())


def test_size_of_the_archive_is_bounded():
    with pytest.raises(TooMuchScoreError, match="max_source_bytes"):
        unpack(_packed({"score.xml": "<score/>"}), Limits(max_source_bytes=20))
