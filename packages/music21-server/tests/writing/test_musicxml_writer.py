from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from music21_server.reading.formats import read
from music21_server.reading.musicxml import read_musicxml
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import (
    NOTE,
    REST,
    TIE_CONTINUE,
    TIE_OTHER,
    TIE_START,
    TIE_STOP,
    UNPITCHED,
    ChordSymbol,
    KeyChange,
    Part,
    Score,
    TempoChange,
    TimeChange,
    Transposition,
)
from music21_server.writing.musicxml_writer import write_musicxml


def rows_of(score: Score) -> list[tuple[object, ...]]:
    """Return the rows with times in quarter notes, and voices numbered as they appear."""
    table, unit = score.notes, score.notes.ticks_per_quarter
    voices: dict[int, dict[int, int]] = {}
    rows = []
    for row in range(len(table)):
        part, kind = int(table.part[row]), int(table.kind[row])
        own = voices.setdefault(part, {})
        pitch = (int(table.step[row]), int(table.alter_cents[row]), int(table.octave[row]))
        rows.append(
            (
                part,
                int(table.measure[row]),
                Fraction(int(table.onset[row]), unit),
                Fraction(int(table.duration[row]), unit),
                kind,
                pitch if kind != REST else (),
                int(table.tie[row]),
                bool(table.grace[row]),
                bool(table.cue[row]),
                own.setdefault(int(table.voice[row]), len(own)),
            )
        )
    return rows


def written(score: Score) -> Score:
    return read_musicxml(write_musicxml(score), Limits())


def notes_of(score: Score) -> list[etree._Element]:
    return etree.fromstring(write_musicxml(score)).findall("part/measure/note")


DOCUMENTS = {
    "tinynotation": "tinyNotation: 3/4 c4. d8 e-16 f#16 r8 trip{g8 a8 b8} b8~ b8 c'4 c'2.",
    "abc": (
        'X:1\nT:A tune\nC:Somebody\nM:6/8\nL:1/8\nK:Em\n"Em"E2B{c}BAG|"D7/F#"[DF]2-[DF] "Bb"(3ABc d2|z6|]\n'
    ),
    "humdrum": (
        "**kern\t**kern\n*clefF4\t*clefG2\n*k[f#]\t*k[f#]\n*M4/4\t*M4/4\n=1\t=1\n"
        "4GG\t8g\n.\t8b-\n4D\t4dd "
        "4ff#\n2r\t[2cc\n=2\t=2\n1r\t2cc]\n.\t12cc\n.\t12b\n.\t12a\n.\t4gq\n.\t4g\n==\t==\n*-\t*-\n"
    ),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_scores_of_other_formats_are_read_back_unchanged(kind) -> None:
    score = read(Document(kind, DOCUMENTS[kind].encode()), Limits())
    back = written(score)
    assert len(score.notes) > 8
    assert rows_of(back) == rows_of(score)
    assert (back.title, back.composer) == (score.title, score.composer)
    assert back.measure_numbers == score.measure_numbers
    assert [part.name for part in back.parts] == [part.name for part in score.parts]
    factor = Fraction(back.notes.ticks_per_quarter, score.notes.ticks_per_quarter)
    assert back.measure_ticks.tolist() == [ticks * factor for ticks in score.measure_ticks.tolist()]
    assert [(key.part, key.measure, key.fifths) for key in back.keys] == [
        (key.part, key.measure, key.fifths) for key in score.keys
    ]
    assert [(time.measure, time.text) for time in back.times] == [
        (time.measure, time.text) for time in score.times
    ]


def test_chord_symbols_of_abc_are_read_back() -> None:
    score = read(Document("abc", DOCUMENTS["abc"].encode()), Limits())
    assert [symbol.text for symbol in written(score).chord_symbols] == ["Em", "D7/F#", "Bb"]


def test_all_columns_and_marks_are_read_back(score) -> None:
    some = score(
        [
            {"pitch": "D5", "grace": True, "duration": 0},
            {"pitch": "C5", "duration": 10, "tie": TIE_START},
            {"pitch": "Eb5", "duration": 10, "tie": TIE_START},
            {"onset": 10, "duration": 6, "kind": REST},
            {"onset": 4, "duration": 4, "pitch": "A3", "voice": 1, "cue": True},
            {"onset": 12, "duration": 4, "kind": UNPITCHED, "step": 6, "octave": 4, "voice": 1},
            {"measure": 1, "duration": 8, "pitch": "C5", "tie": TIE_CONTINUE},
            {"measure": 1, "duration": 8, "alter_cents": 50, "tie": TIE_STOP},
            {"measure": 1, "onset": 8, "duration": 8, "alter_cents": -25, "octave": -1},
            {"measure": 1, "onset": 2, "duration": 1, "alter_cents": 200, "octave": 10, "voice": 1},
            {"part": 1, "measure": 0, "duration": 16, "kind": REST},
        ],
        parts=[
            Part("x", 'A & "B" <C>', 0, (Transposition(0, -2, -3), Transposition(1, -8, -14))),
            Part("y", "D"),
        ],
        title="Für\x0b „Elise“",
        composer="L. v. B.",
        numbers=["1a", "X1"],
        keys=(KeyChange(0, 0, 0, 3, "minor"), KeyChange(0, 1, 8, -2, ""), KeyChange(1, 0, 0, 0, "major")),
        times=(
            TimeChange(0, 0, 0, "4/4", 16), TimeChange(0, 1, 0, "2+3/8+3/8", 16),
            TimeChange(1, 0, 0, "senza misura", 0),
        ),
        tempos=(TempoChange(0, 0, 0, 96.5), TempoChange(0, 0, 6, 1 / 3)),
        chord_symbols=(
            ChordSymbol(0, 0, 0, "C#m7/G#"), ChordSymbol(0, 0, 8, "N.C."),
            ChordSymbol(1, 1, 12, "Bbmaj7(addb9)"),
        ),
    )  # fmt: skip
    back = written(some)
    empty_measure = (1, 1, 0, 4, REST, (), 0, False, False, 0)
    assert rows_of(back) == [*rows_of(some), empty_measure]
    assert (back.title, back.composer) == ("Für „Elise“", "L. v. B.")
    assert back.measure_numbers == ("1a", "X1")
    assert [part.name for part in back.parts] == ['A & "B" <C>', "D"]
    assert back.parts[0].transpositions == some.parts[0].transpositions
    scale = back.notes.ticks_per_quarter // 4
    assert back.notes.ticks_per_quarter == 4
    assert back.keys == some.keys
    assert [(each.part, each.measure, each.onset * scale, each.text) for each in back.times] == [
        (0, 0, 0, "4/4"), (0, 1, 0, "2+3/8+3/8"), (1, 0, 0, "senza misura"),
    ]  # fmt: skip
    assert back.tempos == some.tempos
    assert back.chord_symbols == some.chord_symbols


def test_other_ties_are_written_as_let_ring(score) -> None:
    [note] = notes_of(score([{"tie": TIE_OTHER}]))
    assert note.find("tie") is None
    assert note.find("notations/tied").get("type") == "let-ring"


@pytest.mark.parametrize(
    ("duration", "kind", "dots", "ratio"),
    [
        (960, "whole", 0, None),
        (840, "half", 2, None),
        (360, "quarter", 1, None),
        (15, "64th", 0, None),
        (80, "eighth", 0, ("3", "2")),
        (160, "quarter", 0, ("3", "2")),
        (48, "16th", 0, ("5", "4")),
        (300, None, 0, None),
    ],
)
def test_durations_become_note_types(score, duration, kind, dots, ratio) -> None:
    [note] = notes_of(score([{"duration": duration}], ticks_per_quarter=240, measures=[duration]))
    assert note.findtext("type") == kind
    assert len(note.findall("dot")) == dots
    ratio_written = (
        note.findtext("time-modification/actual-notes"),
        note.findtext("time-modification/normal-notes"),
    )
    assert ratio_written == (ratio or (None, None))


def test_brackets_enclose_complete_tuplets(score) -> None:
    onsets = [0, 8, 16, 24, 28, 32, 36, 52]
    durations = [8, 8, 8, 4, 4, 4, 16, 8]
    rows = [{"onset": onset, "duration": duration} for onset, duration in zip(onsets, durations, strict=True)]
    notes = notes_of(score(rows, ticks_per_quarter=24))
    kinds = ["".join(each.get("type")[:3] for each in note.findall("notations/tuplet")) for note in notes]
    assert kinds == ["sta", "", "sto", "sta", "", "sto", "sta", "sto"]


def test_incomplete_tuplet_ends_at_its_last_note(score) -> None:
    rows = [
        {"onset": 0, "duration": 8},
        {"onset": 8, "duration": 24},
        {"onset": 32, "duration": 8, "voice": 1},
    ]
    notes = notes_of(score(rows, ticks_per_quarter=24))
    kinds = [[each.get("type") for each in note.findall("notations/tuplet")] for note in notes]
    assert kinds == [["start", "stop"], [], ["start", "stop"]]


def test_accidentals_differ_from_the_key_and_the_measure(score) -> None:
    rows = [
        {"pitch": "F#4", "onset": 0, "duration": 2},  # in the key
        {"pitch": "F4", "onset": 2, "duration": 2},
        {"pitch": "F5", "onset": 4, "duration": 2},  # another octave
        {"pitch": "F4", "onset": 6, "duration": 2},  # natural already
        {"pitch": "F#4", "onset": 8, "duration": 2},
        {"pitch": "Bb4", "onset": 10, "duration": 6, "tie": TIE_START},
        {"measure": 1, "pitch": "Bb4", "duration": 4, "tie": TIE_STOP},
        {"measure": 1, "pitch": "Bb4", "onset": 4, "duration": 4},
        {"measure": 1, "pitch": "B4", "onset": 8, "duration": 8},
    ]
    notes = notes_of(score(rows, keys=(KeyChange(0, 0, 0, 1, ""),)))
    assert [note.findtext("accidental") for note in notes] == [
        None, "natural", "natural", None, "sharp", "flat", None, "flat", "natural",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("time", "durations", "beams"),
    [
        ("4/4", [2, 2, 2, 2, 4, 4], "begin end|begin end||"),
        ("4/4", [2, 1, 1, 3, 1, 8], "begin,continue,end|begin,end||"),
        ("6/8", [2, 2, 2, 2, 4], "begin continue end||"),
        ("2/2", [2, 2, 2, 2, 8], "begin continue continue end|"),
        ("4/4", [4, 2, 4, 2, 4], "||||"),
    ],
)
def test_beams_join_the_notes_of_one_beat(score, time, durations, beams) -> None:
    rows, now = [], 0
    for duration in durations:
        rows.append({"onset": now, "duration": duration})
        now += duration
    ticks = int(Fraction(time) * 16)
    notes = notes_of(score(rows, measures=[now], times=(TimeChange(0, 0, 0, time, ticks),)))
    first_beams = [note.findtext("beam[@number='1']") or "" for note in notes]
    assert [each for each in first_beams if each] == [each for each in re.split(r"[ ,|]", beams) if each]


def test_beams_of_sixteenths(score) -> None:
    rows = [{"onset": 0, "duration": 3}, {"onset": 3, "duration": 1}, {"onset": 4, "duration": 1}]
    rows += [{"onset": 5, "duration": 2}, {"onset": 7, "duration": 1}]
    notes = notes_of(score(rows))
    assert [[beam.text for beam in note.findall("beam")] for note in notes] == [
        ["begin"], ["end", "backward hook"],
        ["begin", "forward hook"], ["continue"], ["end", "backward hook"],
    ]  # fmt: skip


def test_clefs_are_chosen_by_range(score) -> None:
    rows = [
        {"pitch": "C5"},
        {"part": 1, "pitch": "C3"},
        {"part": 2, "kind": UNPITCHED},
        {"part": 3, "kind": REST},
    ]
    root = etree.fromstring(write_musicxml(score(rows, names=["", "", "", ""])))
    assert root.xpath("part/measure/attributes/clef/sign/text()") == ["G", "F", "percussion", "G"]


def test_only_complete_scores_end_with_a_final_barline(score) -> None:
    some = score([{}, {"measure": 1}])
    (barline,) = etree.fromstring(write_musicxml(some)).iterfind("part/measure/barline")
    assert etree.tostring(barline, with_tail=False) == (
        b'<barline location="right"><bar-style>light-heavy</bar-style></barline>'
    )
    assert etree.fromstring(write_musicxml(some, is_complete=False)).find("part/measure/barline") is None


def test_same_score_gives_the_same_bytes(score) -> None:
    rows = [{"onset": onset, "pitch": pitch} for onset, pitch in ((0, "C4"), (4, "E4"), (8, "G#4"))]
    assert write_musicxml(score(rows)) == write_musicxml(score(rows))


def test_music21_reads_the_document() -> None:
    from music21 import converter

    score = read(Document("humdrum", DOCUMENTS["humdrum"].encode()), Limits())
    parsed = converter.parseData(write_musicxml(score).decode(), format="musicxml")
    notes = [
        (float(note.getOffsetInHierarchy(parsed)), float(note.quarterLength), pitch.midi)
        for note in parsed.recurse().notes
        for pitch in note.pitches
    ]
    starts, unit = score.measure_starts, score.notes.ticks_per_quarter
    table = score.notes
    expected = [
        (
            float(Fraction(int(starts[table.measure[row]] + table.onset[row]), unit)),
            float(Fraction(int(table.duration[row]), unit)),
            int(table.written_cents[row]) // 100,
        )
        for row in range(len(table))
        if table.kind[row] == NOTE
    ]
    assert len(expected) > 8
    assert [row[2] for row in sorted(notes)] == [row[2] for row in sorted(expected)]
    assert np.allclose(sorted(notes), sorted(expected))


@st.composite
def some_rows(draw: st.DrawFn) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for part in range(draw(st.integers(1, 2))):
        for measure in range(draw(st.integers(1, 2))):
            for _ in range(draw(st.integers(1, 5))):
                kind = draw(st.sampled_from([NOTE, NOTE, NOTE, REST, UNPITCHED]))
                is_grace = kind == NOTE and draw(st.integers(0, 5)) == 0
                rows.append(
                    {
                        "part": part,
                        "measure": measure,
                        "onset": draw(st.integers(0, 20)),
                        # No 16: a single whole rest would be read as a whole-measure rest.
                        "duration": 0 if is_grace else draw(st.sampled_from([1, 2, 3, 4, 5, 7, 9, 12, 14])),
                        "kind": kind,
                        "step": draw(st.integers(0, 6)),
                        "alter_cents": draw(st.sampled_from([0, 0, 100, -100, 50, -225]))
                        if kind == NOTE
                        else 0,
                        "octave": draw(st.integers(-1, 9)),
                        "tie": draw(st.sampled_from([0, 0, TIE_START, TIE_STOP, TIE_CONTINUE]))
                        if kind == NOTE
                        else 0,
                        "grace": is_grace,
                        "voice": draw(st.integers(0, 2)),
                    }
                )
    return rows


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(rows=some_rows(), unit=st.sampled_from([3, 4, 6]))
def test_random_rows_are_read_back_in_order(score, rows, unit) -> None:
    parts = 1 + max(row["part"] for row in rows)
    some = score(rows, names=[""] * parts, ticks_per_quarter=unit, measures=[64] * 2)
    back = [
        row for row in rows_of(written(some)) if (row[0], row[1]) in {(r["part"], r["measure"]) for r in rows}
    ]
    assert back == rows_of(some)
