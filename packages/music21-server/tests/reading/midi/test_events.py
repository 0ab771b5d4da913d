"""Events from the bytes of a file."""

from __future__ import annotations

import pytest

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.midi.events import read_events
from music21_server.score.limits import Limits

HEADER = b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0"
END = b"\x00\xff\x2f\x00"


def track(*events: bytes) -> bytes:
    data = b"".join(events)
    return b"MTrk" + len(data).to_bytes(4, "big") + data


ON, OFF = b"\x00\x90\x3c\x40", b"\x60\x3c\x00"


@pytest.mark.parametrize(
    ("events", "notes"),
    [
        ([ON, b"\x60\x80\x3c\x40"], [(60, 0, 0x60)]),
        ([ON, OFF, b"\x00\x3e\x40", b"\x10\x3e\x00"], [(60, 0, 0x60), (62, 0x60, 0x70)]),
        ([b"\x00\x9f\x3c\x00"], []),  # as good as a note off
        ([b"\x00\xc0\x05", b"\x00\xd0\x05", b"\x00\xe0\x00\x40", b"\x00\xb0\x07\x64", ON], [(60, 0, 0)]),
        ([b"\x00\xff\x03\x04\x90\x3c\x40\x40", ON], [(60, 0, 0)]),  # a text that looks like a note
        ([b"\x00\xf0\x03\x90\x3c\xf7", b"\x00\xf7\x01\x00", ON], [(60, 0, 0)]),
        # The same key twice: the first note off ends the first note.
        ([ON, b"\x30\x3c\x40", b"\x30\x3c\x00", b"\x10\x3c\x00"], [(60, 0, 0x60), (60, 0x30, 0x70)]),
        ([], []),
    ],
)
def test_notes_are_read(events, notes):
    read = read_events(HEADER + track(*events, END), Limits()).notes
    assert list(zip(read.key.tolist(), read.start.tolist(), read.end.tolist(), strict=True)) == notes


def test_other_chunks_and_what_follows_the_end_of_a_track_are_skipped():
    other = b"XFIH\x00\x00\x00\x04\x90\x3c\x40\x00"
    one = track(b"\x00\x90\x3c\x40", END, b"\x00\x90\x3e\x40")
    assert read_events(HEADER + other + one * 2, Limits()).notes.track.tolist() == [0, 1]


def test_marks_are_read():
    file = read_events(
        HEADER
        + track(b"\x00\xff\x03\x02\xc3\xa9", b"\x00\xff\x04\x01\xe9", b"\x00\xff\x51\x03\x07\xa1\x20")
        + track(
            b"\x10\xff\x58\x04\x06\x03\x24\x08", b"\x00\xff\x59\x02\xfd\x01", b"\x00\xc3\x2a", b"\x05\xc3\x2b"
        ),
        Limits(),
    )
    assert (file.track_names, file.instrument_names) == ({0: "é"}, {0: "é"})
    assert [(each.tick, each.quarters_per_minute) for each in file.tempos] == [(0, 120.0)]
    assert [(each.tick, each.numerator, each.denominator) for each in file.time_signatures] == [(16, 6, 8)]
    assert [(each.tick, each.fifths, each.mode) for each in file.key_signatures] == [(16, -3, "minor")]
    assert (file.programs, file.end) == ({(1, 3): 42}, 21)


@pytest.mark.parametrize(
    "event",
    [
        b"\xff\x58\x04\x00\x02\x18\x08",
        b"\xff\x58\x01\x04",
        b"\xff\x59\x02\x0c\x00",
        b"\xff\x51\x03\x00\x00\x00",
    ],
)
def test_marks_without_sense_are_ignored(event):
    file = read_events(HEADER + track(b"\x00" + event, END), Limits())
    assert (file.time_signatures, file.key_signatures, file.tempos) == ((), (), ())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "begins with MThd"),
        (b"MThd", "begins with MThd"),
        (b"RIFF" + HEADER, "begins with MThd"),
        (HEADER, "at least one track"),
        (HEADER[:12] + b"\xe7\x28" + track(END), "SMPTE time"),
        (HEADER[:12] + b"\x00\x00" + track(END), "got 0"),
        (HEADER[:8] + b"\x00\x02" + HEADER[10:] + track(END), "format 2"),
        (HEADER + track(b"\x00\x90\x3c\x40", END)[:-3], "cut off"),
        (HEADER + track(b"\x00\x90\x3c"), "MIDI event at byte"),
        (HEADER + track(b"\x00\x3c\x40"), "MIDI event at byte"),
        (HEADER + track(b"\x00\xff\x03\x7f\x00"), "MIDI event at byte"),
        (HEADER + track(b"\xff\xff\xff\xff\xff"), "MIDI event at byte"),
        (HEADER + track(b"\xff\xff\xff\xff\x7f\x90\x3c\x40"), "MIDI event at byte 22"),
        (HEADER + track(b"\x00\x90"), "MIDI event at byte"),
        (HEADER + track(b"\x00\x90") + track(b"\x3c\x40"), "MIDI event at byte"),
    ],
)
def test_files_that_are_not_midi_are_refused(source, message):
    with pytest.raises(UnreadableScoreError, match=message):
        read_events(source, Limits())


@pytest.mark.parametrize("event", [ON + b"\x00\x80\x3c\x00", b"\x00\xff\x51\x03\x07\xa1\x20", ON])
def test_the_number_of_notes_and_marks_is_bounded(event):
    with pytest.raises(TooMuchScoreError, match="notes"):
        read_events(HEADER + track(event * 200, END), Limits(max_notes=100))
