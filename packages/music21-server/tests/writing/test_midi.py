from __future__ import annotations

import struct
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pytest

from music21_server.errors import TooMuchScoreError
from music21_server.reading.midi.columns import read_midi
from music21_server.reading.midi.events import read_events
from music21_server.reading.midi.instruments import DRUM_CHANNEL
from music21_server.score.limits import Limits
from music21_server.score.table import (
    REST,
    TIE_START,
    TIE_STOP,
    UNPITCHED,
    KeyChange,
    Part,
    TempoChange,
    TimeChange,
    Transposition,
)
from music21_server.writing.midi import write_midi


@dataclass
class Track:
    """Events of a track, with times in ticks."""

    notes: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Onset, duration, key, channel."""
    metas: list[tuple[int, int, bytes]] = field(default_factory=list)
    programs: list[tuple[int, int]] = field(default_factory=list)


def parsed(content: bytes) -> tuple[int, list[Track]]:
    """Return ticks per quarter note, and the tracks."""
    magic, size, form, count, division = struct.unpack(">4sIHHH", content[:14])
    assert (magic, size, form) == (b"MThd", 6, 1)
    tracks, at = [], 14
    for _ in range(count):
        magic, size = struct.unpack(">4sI", content[at : at + 8])
        assert magic == b"MTrk"
        tracks.append(_track(content[at + 8 : at + 8 + size]))
        at += 8 + size
    assert at == len(content)
    return division, tracks


def _track(body: bytes) -> Track:
    track, at, now = Track(), 0, 0
    sounding: dict[tuple[int, int], list[int]] = defaultdict(list)
    while at < len(body):
        delta, at = _number(body, at)
        now += delta
        status = body[at]
        if status == 0xFF:
            kind = body[at + 1]
            length, at = _number(body, at + 2)
            track.metas.append((now, kind, body[at : at + length]))
            at += length
        elif status >> 4 == 0xC:
            track.programs.append((status & 15, body[at + 1]))
            at += 2
        else:
            channel, key = status & 15, body[at + 1]
            assert body[at + 1] < 128
            if status >> 4 == 0x9:
                assert 0 < body[at + 2] < 128
                sounding[channel, key].append(now)
            else:
                assert status >> 4 == 0x8
                onset = sounding[channel, key].pop(0)
                track.notes.append((onset, now - onset, key, channel))
            at += 3
    assert track.metas[-1][1:] == (0x2F, b"")
    assert not any(sounding.values())
    return track


def _number(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    while True:
        value = value << 7 | body[at] & 127
        at += 1
        if body[at - 1] < 128:
            return value, at


def test_bytes_of_a_small_file(score) -> None:
    some = score(
        [{"pitch": "C4", "duration": 4}, {"pitch": "G4", "onset": 4, "duration": 12}],
        names=["Oboe"],
        title="A",
        tempos=(TempoChange(0, 0, 0, 60.0),),
        times=(TimeChange(0, 0, 0, "4/4", 16),),
        keys=(KeyChange(0, 0, 0, -3, "minor"),),
    )
    conductor = (
        b"\x00\xff\x03\x01A" b"\x00\xff\x58\x04\x04\x02\x18\x08" b"\x00\xff\x51\x03\x0f\x42\x40"
        b"\x00\xff\x59\x02\xfd\x01" b"\x00\xff\x2f\x00"
    )  # fmt: skip
    oboe = (
        b"\x00\xff\x03\x04Oboe" b"\x00\xc0\x44"
        b"\x00\x90\x3c\x50" b"\x83\x60\x80\x3c\x00"
        b"\x00\x90\x43\x50" b"\x8b\x20\x80\x43\x00"
        b"\x00\xff\x2f\x00"
    )  # fmt: skip
    expected = b"MThd\x00\x00\x00\x06\x00\x01\x00\x02\x01\xe0"
    for track in (conductor, oboe):
        expected += b"MTrk" + struct.pack(">I", len(track)) + track
    assert write_midi(some).content == expected
    assert write_midi(some).remarks == ()


def test_times_are_exact_in_triplets_and_quintuplets(score) -> None:
    rows = [{"onset": 20 * index, "duration": 20} for index in range(3)]
    rows += [{"onset": 60 + 12 * index, "duration": 12} for index in range(5)]
    division, tracks = parsed(write_midi(score(rows, ticks_per_quarter=60)).content)
    assert division % 15 == 0
    third, fifth = division // 3, division // 5
    assert [note[:2] for note in tracks[1].notes] == [
        *((third * index, third) for index in range(3)),
        *((division + fifth * index, fifth) for index in range(5)),
    ]


def test_tied_notes_are_joined_and_cues_and_rests_are_silent(score) -> None:
    rows = [
        {"onset": 0, "duration": 16, "tie": TIE_START},
        {"measure": 1, "onset": 0, "duration": 4, "tie": TIE_STOP},
        {"measure": 1, "onset": 4, "duration": 4, "kind": REST},
        {"measure": 1, "onset": 8, "duration": 4, "cue": True},
        {"measure": 1, "onset": 12, "duration": 4, "pitch": "D4"},
    ]
    division, tracks = parsed(write_midi(score(rows)).content)
    assert tracks[1].notes == [(0, 5 * division, 60, 0), (7 * division, division, 62, 0)]


def test_repeated_note_ends_before_it_begins_again(score) -> None:
    division, tracks = parsed(
        write_midi(score([{"onset": onset, "duration": 4} for onset in (0, 4, 8)])).content
    )
    assert [note[:2] for note in tracks[1].notes] == [(index * division, division) for index in range(3)]


def test_notes_have_sounding_pitch(score) -> None:
    horn = Part("P1", "Horn in F", 0, (Transposition(0, -4, -7),))
    rows = [{"pitch": "C4"}, {"pitch": "F#4", "onset": 4}]
    _, tracks = parsed(write_midi(score(rows, parts=[horn], keys=(KeyChange(0, 0, 0, 1, ""),))).content)
    assert [note[2] for note in tracks[1].notes] == [53, 59]
    assert tracks[1].programs == [(0, 60)]
    # One sharp written is no accidental in concert pitch.
    assert (0, 0x59, b"\x00\x00") in tracks[0].metas


def test_remarks_name_quarter_tones_and_notes_out_of_range(score) -> None:
    rows = [
        {"alter_cents": 50},
        {"onset": 4, "alter_cents": -51},
        {"onset": 8, "octave": 10},
        {"onset": 12, "pitch": "C4"},
    ]
    midi = write_midi(score(rows))
    assert [note[2] for note in parsed(midi.content)[1][1].notes] == [61, 59, 60]
    assert midi.remarks == (
        "Notes between semitones, played on the nearest one: 2.",
        "Notes left out, outside MIDI's range (C-1 to G9): 1.",
    )


def test_grace_notes_precede_their_note(score) -> None:
    rows = [
        {"grace": True, "duration": 0, "pitch": "D5"},
        {"onset": 0, "duration": 8},
        {"onset": 8, "grace": True, "duration": 0, "pitch": "E5"},
        {"onset": 8, "grace": True, "duration": 0, "pitch": "F5"},
        {"onset": 8, "duration": 8, "pitch": "G4"},
    ]
    division, tracks = parsed(write_midi(score(rows)).content)
    short = division // 8
    assert sorted(tracks[1].notes) == [
        (0, short, 74, 0),  # there is no time before the beginning
        (0, 2 * division, 60, 0),
        (2 * division - 2 * short, short, 76, 0),
        (2 * division - short, short, 77, 0),
        (2 * division, 2 * division, 67, 0),
    ]


def test_unpitched_notes_use_the_drum_channel(score) -> None:
    rows = [{"part": part, "kind": UNPITCHED, "step": 6} for part in range(3)] + [{"part": 3}]
    names = ["Bass Drum", "Becken", "Something", "Timpani"]
    _, tracks = parsed(write_midi(score(rows, names=names)).content)
    assert [track.notes[0][2:] for track in tracks[1:]] == [(36, 9), (49, 9), (38, 9), (60, 3)]


def test_many_parts_share_channels_by_sound(score) -> None:
    names = ["Violin"] * 12 + ["Viola"] * 8 + ["Cello"]
    midi = write_midi(score([{"part": part} for part in range(21)], names=names))
    channels = [track.notes[0][3] for track in parsed(midi.content)[1][1:]]
    assert channels == [0] * 12 + [1] * 8 + [2]
    assert 9 not in channels
    assert midi.remarks == ()


def test_remarks_name_shared_channels(score) -> None:
    names = [
        "Violin",
        "Viola",
        "Cello",
        "Contrabass",
        "Flute",
        "Oboe",
        "Clarinet",
        "Bassoon",
        "Horn",
        "Trumpet",
        "Trombone",
        "Tuba",
        "Harp",
        "Timpani",
        "Organ",
        "Soprano",
        "Guitar",
    ]
    midi = write_midi(score([{"part": part} for part in range(17)], names=names))
    assert midi.remarks[0].startswith("17 sounds share the 15 channels")
    assert 9 not in {track.notes[0][3] for track in parsed(midi.content)[1][1:]}


def test_signatures_and_tempos_have_their_times(score) -> None:
    some = score(
        [{"measure": measure} for measure in range(4)],
        names=["A", "B"],
        measures=[16, 12, 20, 16],
        times=(
            TimeChange(0, 0, 0, "4/4", 16), TimeChange(1, 0, 0, "4/4", 16), TimeChange(0, 1, 0, "6/8", 12),
            TimeChange(0, 2, 0, "2/4+3/4", 20), TimeChange(0, 3, 0, "senza misura", 0),
        ),
        tempos=(TempoChange(0, 0, 0, 120.0), TempoChange(1, 0, 0, 120.0), TempoChange(0, 2, 8, 1e-9)),
    )  # fmt: skip
    division, tracks = parsed(write_midi(some).content)
    times = [(at, data) for at, kind, data in tracks[0].metas if kind == 0x58]
    assert times == [
        (0, bytes((4, 2, 24, 8))),
        (4 * division, bytes((6, 3, 36, 8))),
        (7 * division, bytes((5, 2, 24, 8))),
    ]
    tempos = [(at, int.from_bytes(data, "big")) for at, kind, data in tracks[0].metas if kind == 0x51]
    assert tempos == [(0, 500_000), (9 * division, 2**24 - 1)]


def test_key_of_most_parts_is_written(score) -> None:
    clarinet = Part("P3", "Clarinet", 0, (Transposition(0, -1, -2),))
    parts = [Part("P1", "Flute"), Part("P2", "Timpani"), clarinet]
    keys = (
        KeyChange(0, 0, 0, -2, "major"), KeyChange(1, 0, 0, 0, ""), KeyChange(2, 0, 0, 0, "major"),
        KeyChange(0, 1, 0, 7, ""), KeyChange(2, 1, 0, 9, ""),
    )  # fmt: skip
    some = score([{"measure": measure} for measure in range(2)], parts=parts, keys=keys)
    division, tracks = parsed(write_midi(some).content)
    keys_written = [(at, data) for at, kind, data in tracks[0].metas if kind == 0x59]
    assert keys_written == [(0, b"\xfe\x00"), (4 * division, b"\x07\x00")]


@pytest.mark.parametrize(
    ("transposition", "written", "concert"),
    [((0, 0), 7, 7), ((-5, -9), -4, -7), ((-1, -2), 7, 5), ((1, 2), 6, -4), ((-7, -12), 3, 3)],
)
def test_concert_keys_are_spelled_by_the_transposition(score, transposition, written, concert) -> None:
    part = Part("P1", "Sax", 0, (Transposition(0, *transposition),))
    some = score([{}], parts=[part], keys=(KeyChange(0, 0, 0, written, ""),))
    _, tracks = parsed(write_midi(some).content)
    assert [data for _, kind, data in tracks[0].metas if kind == 0x59] == [struct.pack(">bB", concert, 0)]


def test_times_that_are_too_fine_are_rounded_with_a_remark(score) -> None:
    unit = 32768 * 3
    rows = [{"duration": unit + 1}, {"onset": unit + 1, "duration": unit - 1}]
    midi = write_midi(score(rows, ticks_per_quarter=unit))
    division, tracks = parsed(midi.content)
    assert division == 10080
    assert [note[:2] for note in tracks[1].notes] == [(0, 10080), (10080, 10080)]
    assert "rounded to 1/10080" in midi.remarks[0]


def test_score_that_is_too_long_is_refused(score) -> None:
    with pytest.raises(TooMuchScoreError, match="at most 559,240 quarter notes"):
        write_midi(score([{}], measures=[4 * 600_000]))


def test_score_without_notes(score) -> None:
    _, tracks = parsed(write_midi(score([{"kind": REST, "duration": 16}])).content)
    assert tracks[1].notes == []


def test_music21_reads_the_same_notes(score) -> None:
    """Checks the parser of these tests as well."""
    from music21.midi import MidiFile

    rows = [
        {"part": part, "measure": measure, "onset": onset, "duration": 3, "pitch": f"{name}{3 + part}"}
        for part in range(2)
        for measure in range(3)
        for onset, name in ((0, "C"), (3, "F#"), (7, "Bb"), (7, "D"))
    ]
    file = MidiFile()
    file.readstr(write_midi(score(rows, names=["Violin", "Cello"])).content)
    for part, track in enumerate(file.tracks[1:]):
        now, on, notes = 0, {}, Counter()
        for event in track.events:
            if event.isDeltaTime():
                now += event.time
            elif event.isNoteOn():
                on[event.pitch] = now
            elif event.isNoteOff():
                notes[on[event.pitch], now - on[event.pitch], event.pitch] += 1
        unit = file.ticksPerQuarterNote // 4
        expected = Counter(
            (unit * (16 * measure + onset), unit * 3, 12 * (4 + part) + semitone)
            for measure in range(3)
            for onset, semitone in ((0, 0), (3, 6), (7, 10), (7, 2))
        )
        assert notes == expected


def test_programs_and_drums_of_a_midi_file_come_back() -> None:
    track = b"".join(
        [
            b"\x00\xc0\x49\x00\x90\x4c\x50\x83\x60\x80\x4c\x00",  # flute
            b"\x00\x99\x24\x50\x81\x70\x89\x24\x00\x00\x99\x2a\x50\x81\x70\x89\x2a\x00",  # bass drum, hi-hat
            b"\x00\xff\x2f\x00",
        ]
    )
    head = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk" + len(track).to_bytes(4, "big")
    score = read_midi(head + track, Limits())
    file = read_events(write_midi(score).content, Limits())
    pitched = file.notes.channel != DRUM_CHANNEL
    assert file.notes.key[pitched].tolist() == [76]
    assert file.notes.key[~pitched].tolist() == [36, 42]
    assert 73 in file.programs.values()
