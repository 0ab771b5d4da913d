"""MIDI files as columns: measures, note values, spelled pitches, parts."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.formats import recognise
from music21_server.reading.midi.columns import read_midi
from music21_server.score import codec
from music21_server.score.limits import Limits
from music21_server.score.table import REST, TIE_CONTINUE, TIE_START, TIE_STOP, UNPITCHED, DrumSound


def scale(keys, start=0, step=480, length=None):
    return [(start + i * step, start + i * step + (length or step), key) for i, key in enumerate(keys)]


@pytest.mark.parametrize("holder", [0, 1], ids=["first track", "second track"])
def test_metre_of_any_track_holds_for_all(midi_file, meta, struck, holder):
    tracks = [scale([72, 74, 76, 77, 79, 77]), [(0, 1440, 48), (1440, 2880, 43)]]
    tracks[holder] = [(0, meta.time(3, 2)), *tracks[holder]]
    notes = struck(midi_file(*tracks))
    assert [(measure, onset) for part, measure, onset, *_ in notes if part == 0] == [
        ("1", 0), ("1", 1), ("1", 2), ("2", 0), ("2", 1), ("2", 2),
    ]  # fmt: skip
    assert [(measure, onset, name) for part, measure, onset, _, name in notes if part == 1] == [
        ("1", 0, "C3"), ("2", 0, "G2"),
    ]  # fmt: skip


def test_metre_changes_between_measures(midi_file, meta, struck):
    track = [(0, meta.time(6, 3)), (1440, meta.time(5, 2)), *scale([60] * 8)]
    assert [note[1:3] for note in struck(midi_file(track))] == [
        ("1", 0), ("1", 1), ("1", 2), ("2", 0), ("2", 1), ("2", 2), ("2", 3), ("2", 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fifths", "keys", "names"),
    [
        (-5, [61, 65, 68, 66, 70, 73, 68, 72, 75, 78, 61], "Db4 F4 Ab4 Gb4 Bb4 Db5 Ab4 C5 Eb5 Gb5 Db4"),
        (6, [66, 70, 73, 71, 75, 78, 77, 66], "F#4 A#4 C#5 B4 D#5 F#5 E#5 F#4"),
        (-6, [66, 70, 73, 71, 75, 78, 77, 66], "Gb4 Bb4 Db5 Cb5 Eb5 Gb5 F5 Gb4"),
        (0, [60, 64, 67, 66, 67, 71, 72], "C4 E4 G4 F#4 G4 B4 C5"),
        (-3, [60, 63, 67, 68, 71, 72, 60], "C4 Eb4 G4 Ab4 B4 C5 C4"),
        (4, [64, 68, 71, 70, 71, 75, 76], "E4 G#4 B4 A#4 B4 D#5 E5"),
    ],
)
def test_pitches_are_spelled_in_their_key(midi_file, struck, fifths, keys, names):
    track = [(0, b"\xff\x59\x02" + bytes((fifths % 256, 0))), *scale(keys)]
    assert " ".join(note[-1] for note in struck(midi_file(track))) == names


def test_without_a_key_signature_the_context_decides_and_it_is_said(midi_file, struck):
    source = midi_file(scale([63, 67, 70, 68, 72, 75, 74, 63]))
    assert " ".join(note[-1] for note in struck(source)) == "Eb4 G4 Bb4 Ab4 C5 Eb5 D5 Eb4"
    assert "no key signature" in " ".join(read_midi(source, Limits()).remarks)


@pytest.mark.parametrize("division", [480, 96, 120, 192, 384, 1024, 10080])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12])
def test_notes_come_in_the_division_of_their_beat(midi_file, struck, division, count):
    if 2 * count > division:
        pytest.skip("the file cannot have them")
    edges = [round(i * division / count) for i in range(count + 1)]
    notes = [(a, b, 60 + i) for i, (a, b) in enumerate(pairwise(edges))]
    notes += [(division, 2 * division, 72)]
    read = struck(midi_file(notes, division=division))
    assert [round(note[2] * count, 6) for note in read] == [*range(count), count]
    assert [round(note[3] * count, 6) for note in read] == [*[1] * count, count]


def test_straight_and_triplet_notes_of_two_parts_keep_apart(midi_file, struck):
    straight = scale([60, 62, 64, 65], step=120)
    triplet = scale([72, 74, 76], step=160)
    read = struck(midi_file(straight, triplet))
    assert [note[2] for note in read if note[0] == 0] == [0, 0.25, 0.5, 0.75]
    assert [round(note[2] * 3, 6) for note in read if note[0] == 1] == [0, 1, 2]


@pytest.mark.parametrize("length", [479, 478, 456, 432, 408])
def test_shortened_notes_get_their_written_length(midi_file, struck, length):
    read = struck(midi_file(scale([60, 62, 64, 65, 67, 65, 64, 62], length=length)))
    assert [note[3] for note in read] == [1.0] * 8


def test_rests_and_staccato_stay(midi_file, struck):
    source = midi_file([(0, 240, 60), (480, 720, 62), (960, 1440, 64)])
    assert [note[3] for note in struck(source)] == [0.5, 0.5, 1.0]
    table = read_midi(source, Limits()).notes
    assert [int(each) for each in table.duration[table.kind == REST]] == [1, 1, 2]


def test_notes_over_barlines_are_tied(midi_file):
    score = read_midi(midi_file([(960, 6720, 60)]), Limits())
    table = score.notes
    notes = table.kind != REST
    assert table.measure[notes].tolist() == [0, 1, 2, 3]
    assert table.tie[notes].tolist() == [TIE_START, TIE_CONTINUE, TIE_CONTINUE, TIE_STOP]
    assert [float(score.quarters(each)) for each in table.duration[notes]] == [2, 4, 4, 2]


def test_a_length_that_no_note_has_is_tied(midi_file):
    score = read_midi(midi_file([(0, 600, 60), (600, 960, 62)]), Limits())
    table = score.notes
    pieces = [float(score.quarters(each)) for each in table.duration[table.step == 0][:2]]
    assert pieces == [1.0, 0.25]


def test_overlapping_notes_are_voices_and_equal_ones_a_chord(midi_file):
    source = midi_file([(0, 1920, 48), (0, 480, 72), (0, 480, 76), (480, 960, 74)])
    table = read_midi(source, Limits()).notes
    keys = (table.written_cents // 100).tolist()
    by_pitch = dict(zip(keys, table.voice.tolist(), strict=True))
    assert by_pitch[72] == by_pitch[76] == by_pitch[74] == 0
    assert by_pitch[48] == 1


def test_channels_of_one_track_are_parts_with_their_instruments(midi_file, meta):
    track = [
        (0, meta.name("Suite")), (0, meta.program(73, 0)), (0, meta.program(42, 1)),
        (0, 480, 76, 0), (0, 480, 40, 1), (0, 240, 36, 9), (240, 480, 38, 9),
    ]  # fmt: skip
    score = read_midi(midi_file(track, form=0), Limits())
    assert [(part.name, part.program) for part in score.parts] == [
        ("Flute", 73), ("Violoncello", 42), ("Drumset", None),
    ]  # fmt: skip
    assert score.title == "Suite"
    assert score.parts[2].drums == (DrumSound(31, 36), DrumSound(35, 38))
    assert (score.notes.kind[score.notes.part == 2] == UNPITCHED).any()


def test_channels_of_one_instrument_in_one_track_are_one_part(midi_file, meta):
    track = [(0, meta.name("Guitar"))]
    for channel in range(6):
        track += [(0, meta.program(24, channel)), (channel * 480, channel * 480 + 480, 40 + channel, channel)]
    score = read_midi(midi_file(track), Limits())
    assert [(part.name, part.program) for part in score.parts] == [("Guitar", 24)]


def test_names_tempos_and_signatures_are_kept(midi_file, meta):
    head = [
        (0, meta.name("Trio")),
        (0, meta.tempo(500_000)),
        (1920, meta.tempo(1_000_000)),
        (0, meta.key(-2, 1)),
    ]
    score = read_midi(midi_file(head, [(0, meta.name("Oboe")), *scale([70] * 8)]), Limits())
    assert (score.title, [part.name for part in score.parts]) == ("Trio", ["Oboe"])
    assert [(each.measure, each.onset, each.quarters_per_minute) for each in score.tempos] == [
        (0, 0, 120.0), (1, 0, 60.0),
    ]  # fmt: skip
    assert [(each.fifths, each.mode) for each in score.keys] == [(-2, "minor")]
    assert score.remarks == ()


def test_music_played_to_a_metronome_is_quantised_and_said(midi_file, struck):
    random = np.random.default_rng(4)
    onsets = [max(0, round(i * 240 + random.normal(0, 9))) for i in range(64)]
    source = midi_file([(tick, tick + 200, 60 + i % 12) for i, tick in enumerate(onsets)])
    assert [round((int(note[1]) - 1) * 4 + note[2], 6) for note in struck(source)] == [
        i / 2 for i in range(64)
    ]
    assert "played, not written" in read_midi(source, Limits()).remarks[0]


def test_a_free_performance_is_refused(midi_file):
    random = np.random.default_rng(5)
    onsets = np.sort(random.integers(0, 100_000, 200)).tolist()
    source = midi_file([(tick, tick + 300, 60 + i % 12) for i, tick in enumerate(onsets)])
    with pytest.raises(UnreadableScoreError, match="free performance"):
        read_midi(source, Limits())


def test_file_without_notes_is_refused(midi_file, meta):
    with pytest.raises(UnreadableScoreError, match="at least one note"):
        read_midi(midi_file([(0, meta.time(3, 2))]), Limits())


@pytest.mark.parametrize(
    ("limits", "message"),
    [(Limits(max_notes=5), "notes"), (Limits(max_measures=2), "measures"), (Limits(max_parts=1), "parts")],
)
def test_limits_hold(midi_file, limits, message):
    source = midi_file(scale([60] * 12), scale([72] * 12))
    with pytest.raises(TooMuchScoreError, match=message):
        read_midi(source, limits)


def test_a_very_long_note_is_refused_at_once(midi_file):
    began = time.process_time()
    with pytest.raises(TooMuchScoreError, match="measures"):
        read_midi(midi_file([(0, 2**28 - 1, 60)], division=1), Limits())
    assert time.process_time() - began < 0.5


def test_score_passes_through_the_codec(midi_file, meta):
    score = read_midi(
        recognise(midi_file([(0, meta.program(73)), *scale([60]), (0, 480, 36, 9)])).content, Limits()
    )
    decoded = codec.decode(codec.encode(score))
    assert (decoded.parts, decoded.remarks) == (score.parts, score.remarks)


def test_fifty_thousand_notes_take_less_than_five_seconds(midi_file):
    track = [(i * 120, i * 120 + 120, 40 + 7 * i % 40) for i in range(12_500)]
    source = midi_file(track, track, track, track)
    began = time.process_time()
    score = read_midi(source, Limits())
    assert time.process_time() - began < 5
    assert (score.notes.kind == 0).sum() >= 50_000
