"""Small documents that would take long are refused before music21 sees them."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from music21 import converter

from music21_server.errors import ScoreError, TooMuchScoreError, UnreadableScoreError
from music21_server.reading.conversion_cost import Workload, check_workload, granted_s
from music21_server.reading.music21_formats import read_through_music21
from music21_server.score.limits import Limits
from music21_server.workers.deadlines import Deadline, shortening


def mei(body, staves=1, count="4"):
    staff_defs = "".join(f'<staffDef n="{n}" lines="5"/>' for n in range(1, staves + 1))
    return (
        '<mei xmlns="http://www.music-encoding.org/ns/mei"><music><body><mdiv><score>'
        f'<scoreDef meter.count="{count}" meter.unit="4"><staffGrp>{staff_defs}</staffGrp></scoreDef>'
        f"<section>{body}</section></score></mdiv></body></music></mei>"
    ).encode()


def measure(content):
    return f'<measure n="1"><staff n="1"><layer n="1">{content}</layer></staff></measure>'


NOTE = '<note pname="c" oct="4" dur="4"/>'

HOSTILE = {
    "a long measure in tiny notation": ("tinynotation", b"tinyNotation: 99999/1 c4"),
    "a measure of 400 whole notes": ("tinynotation", b"tinyNotation: 400/1 c4"),
    "a short measure": ("tinynotation", b"tinyNotation: 1/1024 " + b"c1 " * 100),
    "notes": ("tinynotation", b"tinyNotation: 4/4 " + b"c4 " * 30_000),
    "a long note in tiny notation": ("tinynotation", b"tinyNotation: 4/4 c" + b"9" * 4_000),
    "dots": ("tinynotation", b"tinyNotation: 4/4 c4" + b"." * 5_000),
    "nested braces": ("tinynotation", b"tinyNotation: 4/4 " + b"trip{" * 30 + b"c4" + b"}" * 30),
    "spaced nested braces": ("tinynotation", b"tinyNotation: 4/4 " + b"trip{c4 " * 30 + b"c4" + b"}" * 30),
    "a long measure in MEI": ("mei", mei(measure(NOTE), count="99999")),
    "a long rest": ("mei", mei(measure('<multiRest num="99999999"/>'))),
    "long rests": ("mei", mei(measure('<multiRest num="900"/>') * 500)),
    "staves": ("mei", mei(measure(NOTE), staves=5_000)),
    "measures of staves": ("mei", mei('<measure n="1"/>' * 500, staves=300)),
    "nested beams": ("mei", mei(measure("<beam>" * 100 + NOTE + "</beam>" * 100))),
    "a tuplet": ("mei", mei(measure(f'<tuplet num="99999999" numbase="2">{NOTE}</tuplet>'))),
    "dots in MEI": ("mei", mei(measure('<note pname="c" oct="4" dur="4" dots="99999999"/>'))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_small_documents_that_take_long_are_refused_before_music21_sees_them(name, monkeypatch):
    monkeypatch.setattr(converter, "parseData", None)  # calling it would raise a TypeError
    kind, source = HOSTILE[name]
    begin_s = time.process_time()
    with pytest.raises((TooMuchScoreError, UnreadableScoreError), match="Expected") as caught:
        read_through_music21(source, kind, Limits())
    assert time.process_time() - begin_s < 2
    assert "NoneType" not in str(caught.value)
    assert len(str(caught.value)) < 500


LARGE = {
    "a melody": ("tinynotation", b"tinyNotation: 3/4 " + b"c4 trip{c8 d e} f4 " * 300),
    "a song": ("mei", mei(measure(NOTE * 4) * 500, staves=4)),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_documents_are_left_to_music21(name, monkeypatch):
    class SeenError(Exception):
        pass

    def see(*_arguments, **_options):
        raise SeenError

    monkeypatch.setattr(converter, "parseData", see)
    kind, source = LARGE[name]
    with pytest.raises(UnreadableScoreError, match="SeenError"):
        read_through_music21(source, kind, Limits())


def test_the_time_of_a_document_grows_with_its_size():
    limits = Limits(conversion_timeout_s=60)
    assert [granted_s(size, limits) for size in (0, 25_000, 50_000, 10**9)] == [20, 40, 60, 60]


def test_the_rest_of_the_work_has_the_time_of_the_document():
    deadlines = []
    with shortening(deadlines.append):
        check_workload(Workload(notes=10), 0, Limits(conversion_timeout_s=60))
    assert deadlines == [Deadline(20, "conversion_timeout_s", deadlines[0].advice)]
    assert "MusicXML" in deadlines[0].advice


def test_the_error_says_what_was_expected_what_came_and_what_to_do():
    with pytest.raises(
        TooMuchScoreError,
        match=r"^Expected a document of 1,000 bytes that music21 can read in 10\.4 s \(setting "
        r"conversion_timeout_s\), got one that would take about 15 s: 50,000 notes, 0 measures in 1 staves, "
        r"0 marks\. Send a part of it, or",
    ):
        check_workload(Workload(notes=50_000), 1_000, Limits())


def test_more_time_admits_more_work():
    large = Workload(notes=50_000)
    check_workload(large, 1_000, Limits(conversion_timeout_s=600))
    with pytest.raises(ScoreError):
        check_workload(replace(large, measures=10**300), 1_000, Limits(conversion_timeout_s=600))
