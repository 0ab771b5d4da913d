"""Small MIDI, ABC and Humdrum documents that are much work, and large ones that are fair."""

from __future__ import annotations

import time

import pytest

from music21_server.errors import ScoreError
from music21_server.reading.formats import read
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.workers.deadlines import shortening


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
}


@pytest.mark.parametrize("name", HOSTILE)
def test_small_documents_end_soon_with_a_score_or_an_error(name):
    kind, source = HOSTILE[name]
    begin_s = time.process_time()
    outcome = _outcome(kind, source)
    assert outcome == "a score" or ("xpected" in outcome and len(outcome) < 500)
    assert time.process_time() - begin_s < 5


def _outcome(kind, source):
    try:
        return "a score" if len(read(Document(kind, source), Limits()).notes) else "nothing"
    except ScoreError as error:
        return str(error)


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
}


@pytest.mark.parametrize("name", LARGE)
def test_large_documents_are_read(name):
    kind, source = LARGE[name]
    assert len(read(Document(kind, source), Limits()).notes)


@pytest.mark.parametrize("name", ["an orchestra in MIDI", "a long tune"])
def test_the_rest_of_the_work_has_the_time_of_the_document(name):
    kind, source = LARGE[name]
    deadlines = []
    with shortening(deadlines.append):
        read(Document(kind, source), Limits(conversion_timeout_s=60))
    assert [each.setting for each in deadlines] == ["conversion_timeout_s"]
