from __future__ import annotations

import time

import pytest

from music21_server.errors import UnreadableScoreError
from music21_server.reading.midi_scan import midi_workload, scan_midi

HEADER = b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0"


def _track(*events):
    data = b"".join(events)
    return b"MTrk" + len(data).to_bytes(4, "big") + data


END = b"\x00\xff\x2f\x00"


@pytest.mark.parametrize(
    ("events", "notes"),
    [
        ([b"\x00\x90\x3c\x40", b"\x60\x80\x3c\x40"], 1),
        ([b"\x00\x90\x3c\x40", b"\x60\x3c\x00", b"\x00\x3e\x40", b"\x00\x3e\x00"], 2),  # running status
        ([b"\x00\x9f\x3c\x00"], 0),  # as good as a note off
        (
            [b"\x00\xc0\x05", b"\x00\xd0\x05", b"\x00\xe0\x00\x40", b"\x00\xb0\x07\x64", b"\x00\x90\x3c\x40"],
            1,
        ),
        ([b"\x00\xff\x03\x04\x90\x3c\x40\x40", b"\x00\x90\x3c\x40"], 1),  # a text that looks like a note
        ([b"\x00\xf0\x03\x90\x3c\xf7", b"\x00\xf7\x01\x00", b"\x00\x90\x3c\x40"], 1),
        ([b"\xff\xff\xff\x7f\x90\x3c\x40"], 1),  # the longest time
        ([], 0),
    ],
)
def test_notes_are_counted(events, notes):
    assert scan_midi(HEADER + _track(*events, END)).notes == notes


def test_notes_of_all_tracks_are_counted_and_other_chunks_are_skipped():
    other = b"XFIH\x00\x00\x00\x04\x90\x3c\x40\x00"
    assert scan_midi(HEADER + other + _track(b"\x00\x90\x3c\x40") * 2).notes == 2


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "begins with MThd"),
        (b"MThd", "begins with MThd"),
        (b"RIFF" + HEADER, "begins with MThd"),
        (HEADER, "at least one track"),
        (HEADER[:12] + b"\xe7\x28" + _track(END), "SMPTE time"),
        (HEADER[:12] + b"\x00\x00" + _track(END), "got 0"),
        (HEADER + _track(b"\x00\x90\x3c\x40", END)[:-3], "cut off"),
        (HEADER + _track(b"\x00\x90\x3c"), "MIDI event at byte"),
        (HEADER + _track(b"\x00\x3c\x40"), "MIDI event at byte"),
        (HEADER + _track(b"\x00\xff\x03\x7f\x00"), "MIDI event at byte"),
        (HEADER + _track(b"\xff\xff\xff\xff\xff"), "MIDI event at byte"),
        (HEADER + _track(b"\xff\xff\xff\xff\x7f\x90\x3c\x40"), "MIDI event at byte 22"),
        (HEADER + _track(b"\x00\x90"), "MIDI event at byte"),
    ],
)
def test_files_that_are_not_midi_are_refused(source, message):
    with pytest.raises(UnreadableScoreError, match=message):
        scan_midi(source)


def test_counting_takes_less_than_ten_microseconds_a_note():
    source = HEADER + _track(b"\x00\x90\x3c\x40", b"\x00\x3c\x40" * 100_000)
    begin = time.process_time()
    assert scan_midi(source).notes == 100_001
    assert time.process_time() - begin < 1


def test_lengths_of_notes_end_at_the_next_note_off_of_their_pitch():
    track = _track(
        b"\x00\x90\x3c\x40", b"\x30\x3c\x40", b"\x30\x3e\x40", b"\x10\x3c\x00", b"\x10\x80\x3e\x00", END
    )
    (content,) = scan_midi(HEADER + track).tracks
    assert (content.notes, content.note_ticks, content.end_ticks) == (3, 0x70 + 0x40 + 0x20, 0x80)


@pytest.mark.parametrize(
    ("events", "measures"),
    [
        ([b"\x00\x90\x3c\x40", b"\x8f\x00\x3c\x00"], 1),  # 1,920 ticks at 480 per quarter
        ([b"\x00\x90\x3c\x40", b"\x8f\x01\x3c\x00"], 2),
        ([b"\x00\xff\x58\x02\x03\x02", b"\x00\x90\x3c\x40", b"\x8f\x00\x3c\x00"], 2),
        ([b"\x8f\x00\xff\x58\x02\x02\x02", b"\x00\x90\x3c\x40", b"\x8f\x00\x3c\x00"], 3),
        ([b"\x00\xff\x58\x02\x00\x02", b"\x00\x90\x3c\x40", b"\x8f\x00\x3c\x00"], 1),  # 0/4 is ignored
    ],
)
def test_measures_follow_the_time_signatures(events, measures):
    assert scan_midi(HEADER + _track(*events, END)).measures == measures


def test_marks_of_tracks_without_notes_count_for_each_staff():
    conductor = _track(b"\x00\xff\x51\x03\x07\xa1\x20", b"\x10\xff\x59\x02\x00\x00", END)
    staff = _track(b"\x00\xff\x03\x01a", b"\x00\xc0\x05", b"\x00\x90\x3c\x40", b"\x60\x3c\x00", END)
    workload = midi_workload(HEADER + conductor + staff * 3)
    assert (workload.notes, workload.staves, workload.measures) == (3, 3, 3)
    assert workload.marks == 2 * (1 + 3) + 3 * 2
    assert workload.mark_pairs == 3
