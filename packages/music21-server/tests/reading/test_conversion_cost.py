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


def variable_length(number):
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def on(delta=0, pitch=60, velocity=64):
    return variable_length(delta) + bytes([0x90, pitch, velocity])


def off(delta, pitch=60):
    return on(delta, pitch, 0)


def midi(*tracks, ticks_per_quarter=96):
    head = b"MThd\0\0\0\6\0\1" + len(tracks).to_bytes(2, "big") + ticks_per_quarter.to_bytes(2, "big")
    ended = [track + b"\0\xff\x2f\0" for track in tracks]
    return head + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in ended)


QUARTER = on() + off(96)


def abc(music, fields="M:4/4\nL:1/4"):
    return f"X:1\nT:Tune\n{fields}\nK:C\n{music}\n".encode()


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
    "a long delta": ("midi", midi(on() + off(2**28 - 1))),
    "a long delta before a tempo": (
        "midi",
        midi(QUARTER + variable_length(2**28 - 1) + b"\xff\x51\3\7\xa1\x20"),
    ),
    "a long conductor": ("midi", midi(variable_length(2**28 - 1) + b"\xff\x51\3\7\xa1\x20", QUARTER)),
    "many tracks": ("midi", midi(*[QUARTER] * 2_000)),
    "long tracks": ("midi", midi(*[on() + off(96 * 1_600)] * 60)),
    "names": ("midi", midi(b"\0\xff\3\1a" * 30_000 + QUARTER)),
    "instrument names": ("midi", midi(b"\0\xff\4\1a" * 30_000 + QUARTER)),
    "programs": ("midi", midi(b"\0\xc0\5" * 100_000 + QUARTER)),
    "tempos at one time": ("midi", midi(b"\0\xff\x51\3\7\xa1\x20" * 30_000 + QUARTER)),
    "tempos of all tracks": ("midi", midi(b"\1\xff\x51\3\7\xa1\x20" * 1_000, *[QUARTER] * 200)),
    "time signatures": ("midi", midi(b"\0\xff\x58\4\4\2\x18\x08" * 30_000 + QUARTER)),
    "keys": ("midi", midi(b"\0\xff\x59\2\1\0" * 30_000 + QUARTER)),
    "short measures": ("midi", midi(b"\0\xff\x58\4\1\x08\x18\x08" + on() + off(96 * 400))),
    "shorter measures": ("midi", midi(b"\0\xff\x58\4\1\xff\x18\x08" + on() + off(96 * 400))),
    "one tick per quarter": ("midi", midi((on(1) + off(1)) * 20_000, ticks_per_quarter=1)),
    "long overlapping notes": (
        "midi",
        midi(
            b"".join(on(0, pitch) for pitch in range(120))
            + b"".join(off(9600, pitch) for pitch in range(120))
        ),
    ),
    "one note off for all": ("midi", midi(on(384) * 400 + off(384))),
    "nested slurs": ("abc", abc("(" * 30_000 + "c" + ")" * 30_000)),
    "open slurs": ("abc", abc("(c" * 10_000)),
    "slurs": ("abc", abc("(c)" * 10_000)),
    "grace notes": ("abc", abc("{c}" * 30_000 + "c|")),
    "hairpins": ("abc", abc("!crescendo(!" * 5_000 + "c|" + "!crescendo)!" * 5_000)),
    "a long note": ("abc", abc("c999999999999|")),
    "a long note of five digits": ("abc", abc("c99999|")),
    "a long unit": ("abc", abc("c|", "M:4/4\nL:9999/1")),
    "a longer unit": ("abc", abc("c|", "M:4/4\nL:99999999/1")),
    "a long measure in ABC": ("abc", abc("c|", "M:9999/1\nL:1/4")),
    "a long measure between notes": ("abc", abc("c|[M:9999/1]c|")),
    "long notes in short measures": ("abc", abc("c1000|" * 100, "M:1/64\nL:1/4")),
    "bars": ("abc", abc("c|" * 20_000)),
    "voices": ("abc", abc("".join(f"V:{n}\nc|\n" for n in range(5_000)))),
    "voices between notes": ("abc", abc("".join(f"[V:{n}]c|" for n in range(5_000)))),
    "tunes": ("abc", b"".join(b"X:%d\nT:Tune\nM:4/4\nL:1/4\nK:C\nc|\n\n" % n for n in range(5_000))),
    "notes without barlines": ("abc", abc("c-" * 20_000)),
    "chords": ("abc", abc("[" + "c" * 100_000 + "]|")),
    "barlines": ("humdrum", b"**kern\n" + b"=\n" * 20_000 + b"4c\n*-\n"),
    "bars without a terminator": ("humdrum", b"**kern\n" + b"=\n4c\n" * 12_000),
    "clefs": ("humdrum", b"**kern\n" + b"*clefG2\n" * 20_000 + b"4c\n*-\n"),
    "grace notes in kern": ("humdrum", b"**kern\n" + b"qc\n" * 20_000 + b"4c\n*-\n"),
    "comments": ("humdrum", b"!!!COM: a\n" * 90_000 + b"**kern\n4c\n*-\n"),
    "a long measure in kern": ("humdrum", b"**kern\n*M99999/1\n=1\n4c\n*-\n"),
    "a long note in kern": ("humdrum", b"**kern\n1%99999c\n*-\n"),
    "a longer note in kern": ("humdrum", b"**kern\n1%99999999999c\n*-\n"),
    "long notes in kern": ("humdrum", b"**kern\n*M1/64\n" + b"1%900c\n" * 100 + b"*-\n"),
    "maximas": ("humdrum", b"**kern\n*M1/1024\n" + b"000c\n" * 10_000 + b"*-\n"),
    "dots in kern": ("humdrum", b"**kern\n4" + b"." * 5_000 + b"c\n*-\n"),
    "a chord of a long note": ("humdrum", b"**kern\n4c 1%99999e\n*-\n"),
    "a key of many sharps": ("humdrum", b"**kern\n*k[" + b"f#" * 20_000 + b"]\n4c\n*-\n"),
    "parts of many scores": ("humdrum", b"**kern\n4c\n*-\n" * 5_000),
    "spines": ("humdrum", b"\t".join([b"**kern"] * 5_000) + b"\n" + b"\t".join([b"4c"] * 5_000) + b"\n"),
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
    "an orchestra in MIDI": ("midi", midi(b"\0\xff\x58\4\4\2\x18\x08" * 20, *[QUARTER * 300] * 40)),
    "a tempo map": ("midi", midi(b"\x30\xff\x51\3\7\xa1\x20" * 1_000, *[QUARTER * 500] * 5)),
    "a karaoke file": ("midi", midi(b"".join(b"\x30\xff\5\2la" for _ in range(2_000)), QUARTER * 1_000)),
    "controllers": ("midi", midi(b"\0\xb0\7\x40" + b"\1\7\x40" * 50_000 + QUARTER * 100)),
    "a long tune": ("abc", abc("|".join(["(c2d) {e}f"] * 300))),
    "a lead sheet": ("abc", abc("|".join(['"Am"cdef'] * 400))),
    "a quartet": ("abc", abc("\n".join(f"V:{n}\n" + "cdef|" * 300 for n in range(1, 5)))),
    "a movement": (
        "humdrum",
        b"**kern\t**kern\n" + b"".join(b"=%d\t=%d\n4c\t4e\n4d\t4f\n" % (n, n) for n in range(800)),
    ),
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
