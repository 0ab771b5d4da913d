from __future__ import annotations

import pytest
from abc_round_trip import difference

from music21_server.score.table import (
    REST,
    TIE_START,
    TIE_STOP,
    UNPITCHED,
    ChordSymbol,
    Fermata,
    KeyChange,
    Part,
    Score,
    TempoChange,
    TimeChange,
    Transposition,
)
from music21_server.writing.abc import write_abc

FOUR_FOUR = (TimeChange(0, 0, 0, "4/4", 16),)


def lines_of(score: Score) -> list[str]:
    return write_abc(score).content.decode().splitlines()


def test_complete_tune(score) -> None:
    some = score(
        [
            {"pitch": "D5", "grace": True, "duration": 0},
            {"pitch": "C5", "duration": 4},
            {"pitch": "F#4", "onset": 4, "duration": 2},
            {"pitch": "F4", "onset": 6, "duration": 2},
            {"pitch": "E4", "onset": 8, "duration": 8, "tie": TIE_START},
            {"pitch": "G4", "onset": 8, "duration": 8},
            {"measure": 1, "pitch": "E4", "duration": 12, "tie": TIE_STOP},
            {"measure": 1, "kind": REST, "onset": 12, "duration": 4},
            {"measure": 2, "kind": REST, "duration": 16},
        ],
        title='100 % "pure"', composer="Some % body", names=["Flute"],
        keys=(KeyChange(0, 0, 0, 1, "major"), KeyChange(0, 2, 0, -3, "minor")), times=FOUR_FOUR,
        tempos=(TempoChange(0, 0, 0, 72.5),), fermatas=(Fermata(0, 1, 0),),
        chord_symbols=(ChordSymbol(0, 0, 8, "C/E"), ChordSymbol(0, 2, 8, "Cm7")),
    )  # fmt: skip
    assert lines_of(some) == [
        "%abc-2.1",
        "X:1",
        'T:100 \\% "pure"',
        "C:Some \\% body",
        "L:1/8",
        "M:4/4",
        "Q:1/4=72.5",
        "K:G",
        'V:1 name="Flute" clef=treble',
        '{d}c2 F=F "C/E"[E-G]4 | !fermata!E6 z2 |',
        "L:1/8",
        "K:C minor",
        'z4 "Cm7"z4 |]',
    ]
    assert write_abc(some).remarks == ()
    assert difference(some) == ""


def test_voices_of_a_staff_are_separate_and_grouped_in_the_score_field(score) -> None:
    some = score(
        [
            {"pitch": "C5", "duration": 16},
            {"pitch": "E4", "duration": 4, "voice": 1, "onset": 4},
            {"part": 1, "pitch": "C3", "duration": 16},
            {"part": 2, "pitch": "C3", "duration": 8},
            {"part": 2, "pitch": "E3", "onset": 4, "duration": 4},
        ],
        parts=[Part("P1-Staff1", "Piano", 1), Part("P1-Staff2", "Piano", 2), Part("P2", "")],
        times=tuple(TimeChange(part, 0, 0, "4/4", 16) for part in range(3)),
    )
    text = write_abc(some).content.decode()
    assert "%%score {(1 2) 3} (4 5)\n" in text
    assert 'V:1 name="Piano" clef=treble\n| c8 |' in text
    assert "V:2 clef=treble\nM:4/4\nK:C\n| z2 E2 z4 |" in text
    assert 'V:4 name="Part 3" clef=bass\nM:4/4\nK:C\n| C,4 z4 |' in text
    assert "V:5 clef=bass\nM:4/4\nK:C\n| z2 E,2 z4 |" in text
    assert difference(some) == ""


def test_tuplets_are_counted_and_exclude_grace_notes(score) -> None:
    rows = [{"onset": 4 * index, "duration": 4, "pitch": "C5"} for index in range(6)]
    rows.insert(2, {"onset": 8, "duration": 0, "grace": True, "pitch": "D5"})
    some = score(rows, ticks_per_quarter=12, measures=[24], times=(TimeChange(0, 0, 0, "2/4", 24),))
    assert "| (3:2:2cc{d}(3:2:1c (3:2:3ccc |" in write_abc(some).content.decode()
    assert difference(some) == ""


@pytest.mark.parametrize(
    ("notes", "word"),
    [(5, "(5:4:5ffff"), (9, "(9:8:9f/2f/2f/2f/2f/2f/2f/2f/2f/2"), (10, "(5:4:5"), (11, "f4/11")],
)
def test_tuplets_of_more_than_nine_notes(score, notes, word) -> None:
    some = score(
        [{"onset": 8 * index, "duration": 8, "pitch": "F5"} for index in range(notes)],
        ticks_per_quarter=4 * notes, measures=[8 * notes], times=(TimeChange(0, 0, 0, "2/4", 8 * notes),),
    )  # fmt: skip
    assert word in write_abc(some).content.decode().replace(" ", "")
    assert difference(some) == ""


def test_measure_longer_than_its_time_signature_gets_a_longer_one(score) -> None:
    rows = [
        {"measure": measure, "duration": ticks, "pitch": "C5"}
        for measure, ticks in ((0, 16), (1, 20), (2, 16))
    ]
    some = score(rows, measures=[16, 20, 16], times=FOUR_FOUR)
    assert lines_of(some)[-7:] == ["c8 |", "L:1/8", "M:5/4", "c10 |", "L:1/8", "M:4/4", "c8 |]"]
    other = [TimeChange(0, 0, 0, "5/4", 20), TimeChange(1, 0, 0, "4/4", 16)]
    assert "longer one: 1." in str(write_abc(score([{}], measures=[16, 20], names="AB", times=other)).remarks)
    assert write_abc(some).remarks == (
        "Measures longer than their time signature, written with a longer one: 1.",
    )
    assert difference(some) == ""


def test_key_within_a_measure_is_in_brackets_and_accidentals_follow(score) -> None:
    rows = [{"onset": 4 * index, "pitch": pitch} for index, pitch in enumerate(("F4", "F#4", "G4", "F#4"))]
    rows.append({"measure": 1, "pitch": "F#4", "duration": 16})
    some = score(rows, times=FOUR_FOUR, keys=(KeyChange(0, 0, 0, 0, ""), KeyChange(0, 0, 4, 1, "major")))
    assert "| F2 [K:G] ^F2 =G2 F2 |\nL:1/8\nK:G\nF8 |" in write_abc(some).content.decode()
    assert difference(some) == ""


def test_last_mark_at_a_barline_wins(score) -> None:
    """Marks within the previous measure move there, because music21 skips fields in brackets."""
    keys = (KeyChange(0, 0, 0, -1, ""), KeyChange(0, 0, 0, 1, ""), KeyChange(0, 0, 8, 2, ""),
            KeyChange(0, 0, 12, 3, ""), KeyChange(0, 1, 0, 4, ""))  # fmt: skip
    rows = [{"onset": onset, "pitch": "F#5"} for onset in (0, 4, 8, 12)]
    rows += [{"measure": measure, "pitch": "D#5", "duration": 16} for measure in (1, 2)]
    clarinet = Part("P1", "", 0, (Transposition(2, -1, -2),))
    some = score(rows, parts=[clarinet], keys=keys, times=FOUR_FOUR)
    assert lines_of(some)[4:] == [
        "M:4/4", "K:G", "f2 f2 [K:D] ^f2 [K:A] ^f2 |",
        "L:1/8", "K:E", "d8 |", "L:1/8", "K:E transpose=-2", "d8 |]",
    ]  # fmt: skip
    assert difference(some) == ""


def test_last_key_at_an_onset_wins(score) -> None:
    keys = (KeyChange(0, 0, 0, 1, ""), KeyChange(0, 1, 0, 1, ""), KeyChange(0, 1, 0, 0, ""),
            KeyChange(0, 1, 8, 0, ""), KeyChange(0, 1, 8, 2, ""))  # fmt: skip
    rows = [{"measure": 1, "onset": onset, "pitch": "F5"} for onset in (0, 8)]
    rows += [{"measure": measure, "pitch": "C#5", "duration": 16} for measure in (2, 3)]
    some = score(rows, parts=[Part("P1", "", 0, (Transposition(3, -1, -2),))], keys=keys, times=FOUR_FOUR)
    assert lines_of(some)[6:] == [
        "z8 |", "L:1/8", "K:C", "f2 z2 [K:C][K:D] =f2 z2 |", "L:1/8", "K:D", "c8 |",
        "L:1/8", "K:D transpose=-2", "c8 |]",
    ]  # fmt: skip
    assert difference(some) == ""


def test_tempo_is_written_once_at_its_onset(score) -> None:
    rows = [
        {"part": part, "measure": measure, "onset": onset, "duration": 8, "pitch": "C5"}
        for part in (0, 1) for measure, onset in ((0, 0), (0, 8), (1, 0), (2, 0))
    ]  # fmt: skip
    tempos = (TempoChange(0, 0, 8, 72.0), TempoChange(1, 1, 0, 60.0), TempoChange(0, 1, 4, 90.0))
    keys = (KeyChange(0, 0, 8, 1, ""), KeyChange(1, 0, 8, 1, ""))
    times = (*FOUR_FOUR, TimeChange(1, 0, 0, "4/4", 16))
    some = score(rows, names=["", ""], tempos=tempos, times=times, keys=keys)
    text = write_abc(some).content.decode()
    assert "Q:" not in text.partition("K:")[0]
    # A tempo within a note is written after it.
    assert "\nc4 [K:G][Q:1/4=72] =c4 |\nL:1/8\nK:G\nQ:1/4=60\nc4 [Q:1/4=90] z4 | c4 z4 |]\n" in text
    assert text.count("Q:") == 3
    last = score([{"duration": 16}], times=FOUR_FOUR, tempos=(TempoChange(0, 0, 4, 90.0),))
    assert "| C8 [Q:1/4=90] |" in write_abc(last).content.decode()
    assert difference(some) == difference(last) == ""


def test_each_part_has_its_time_signature_and_transposition(score) -> None:
    parts = [Part("P1", ""), Part("P2", "", 0, (Transposition(0, -1, -2),))]
    rows = [{"part": part, "measure": measure, "duration": 12} for part in (0, 1) for measure in (0, 1, 2)]
    times = (TimeChange(0, 0, 0, "3/4", 12), TimeChange(1, 0, 0, "6/8", 12), TimeChange(1, 2, 0, "12/16", 12))
    text = write_abc(score(rows, parts=parts, measures=[12] * 3, times=times)).content.decode()
    first, second = text.split("V:1")[1].split("V:2")
    assert "M:" not in first
    assert "transpose" not in first
    assert second.startswith(' name="Part 2" clef=treble transpose=-2\nM:6/8\nK:C\n')
    assert "L:1/8\nM:12/16\nC6 |]" in second


def test_zero_transposition_is_written_only_after_another_one(score) -> None:
    plain = Part("P1", "Oboe", 0, (Transposition(0, 0, 0), Transposition(1, -4, -7), Transposition(2, 0, 0)))
    text = write_abc(
        score([{"measure": measure, "duration": 16} for measure in range(3)], parts=[plain])
    ).content.decode()
    assert 'V:1 name="Oboe" clef=treble\n' in text
    assert "K:C transpose=-7\nC8 |\nL:1/8\nK:C transpose=0\nC8 |]" in text


def test_ties_are_written(score) -> None:
    rows = [{"pitch": "C5", "duration": 12, "tie": TIE_START}, {"pitch": "C5", "onset": 12, "tie": TIE_STOP}]
    assert "| c6- c2 |" in write_abc(score(rows, times=FOUR_FOUR)).content.decode()


def test_unpitched_notes_are_written_and_fermatas_stay_in_their_part(score) -> None:
    rows = [{"part": 0, "duration": 16}, {"part": 1, "kind": UNPITCHED, "pitch": "F4", "duration": 16}]
    symbols = (ChordSymbol(1, 0, 8, "C"),)
    some = score(rows, names="AB", fermatas=(Fermata(1, 0, 0),), chord_symbols=symbols, times=FOUR_FOUR)
    text = write_abc(some).content.decode()
    assert "| C8 |" in text
    assert "| !fermata!F8 |" in text


def test_note_after_a_grace_note_repeats_its_accidental(score) -> None:
    rows = [{"pitch": "F#5", "grace": True, "duration": 0}, {"pitch": "F#5", "duration": 16}]
    assert "| {^f}^f8 |" in write_abc(score(rows, times=FOUR_FOUR)).content.decode()


def test_tuplets_hold_at_most_nine_notes(score) -> None:
    rows = [{"onset": index, "duration": 1, "pitch": "C5"} for index in range(12)]
    text = write_abc(score(rows, measures=[12], ticks_per_quarter=192)).content.decode()
    assert text.count("(3:2:9c") == text.count("(3:2:3c") == 1


def test_percussion_clef(score) -> None:
    assert (
        "clef=perc\n"
        in write_abc(score([{"kind": UNPITCHED, "pitch": "F4"}], names=["Drums"])).content.decode()
    )


def test_accidentals_after_a_key_within_a_measure_are_written_once(score) -> None:
    rows = [{"onset": 4 * index, "pitch": "F#5"} for index in range(4)]
    rows += [{"onset": 12, "duration": 0, "grace": True, "pitch": pitch} for pitch in ("G#5", "G5")]
    keys = (KeyChange(0, 0, 0, 1, ""), KeyChange(0, 0, 2, 2, ""), KeyChange(0, 0, 3, 1, ""))
    some = score(rows, keys=keys, times=FOUR_FOUR)
    assert "| f2 [K:D] [K:G] ^f2 f2 {^g=g}f2 |" in write_abc(some).content.decode()


def test_long_lines_are_broken_at_barlines(score) -> None:
    rows = [
        {"measure": measure, "onset": onset, "pitch": "C5"}
        for measure in range(40)
        for onset in (0, 4, 8, 12)
    ]
    *lines, last = lines_of(score(rows, times=FOUR_FOUR))[6:]
    assert len(lines) > 3
    assert all(80 <= len(line) < 100 and line.endswith("c2 |") for line in lines)
    assert last.endswith("c2 |]")


def test_chord_symbols_are_in_the_first_voice_or_counted_in_remarks(score) -> None:
    rows = [{"kind": REST, "duration": 8}, {"onset": 8, "duration": 8, "pitch": "C5"}, {"voice": 1}]
    moments = ((0, "C"), (4, "G7"), (8, "F"), (10, "A"), (10, "B"), (16, "E"))
    symbols = tuple(ChordSymbol(0, 0, onset, text) for onset, text in moments)
    written = write_abc(score(rows, chord_symbols=symbols, times=FOUR_FOUR))
    assert '| "C"z2 "G7"z2 "F"c4 |\n' in written.content.decode()
    assert written.content.decode().count('"G7"') == 1
    assert written.remarks == ("Chord symbols left out, at which no note or rest begins: 3.",)
    silent = write_abc(score([{"kind": REST}], measures=[4], chord_symbols=(ChordSymbol(0, 0, 4, "C"),)))
    assert "| z2 |" in silent.content.decode()
    assert silent.remarks == ("Chord symbols left out, at which no note or rest begins: 1.",)


def test_grace_notes_and_fermatas_keep_their_onset(score) -> None:
    rows = [
        {"duration": 8, "pitch": "C5"},
        {"onset": 16, "duration": 0, "grace": True, "pitch": "C#5"},
        {"onset": 16, "duration": 0, "grace": True, "kind": REST},
        {"onset": 16, "duration": 0, "grace": True, "pitch": "D5"},
        *(
            {"part": part, "measure": measure, "pitch": "C5", "duration": 16}
            for part in (0, 1)
            for measure in (1, 2)
        ),
    ]
    # No event is at the second fermata.
    fermatas = (Fermata(0, 0, 0), Fermata(0, 0, 8))
    some = score(rows, names=["", ""], fermatas=fermatas, times=(*FOUR_FOUR, TimeChange(1, 0, 0, "4/4", 16)))
    text = write_abc(some).content.decode()
    assert "\n!fermata!c4 z4 {^cd} |" in text
    assert text.count("fermata") == 1
    assert difference(some) == ""


def test_beamed_notes_have_no_space_between_them(score) -> None:
    lengths = ((0, 2), (2, 1), (3, 1), (4, 2), (6, 2), (8, 8))
    rows = [{"onset": onset, "duration": ticks, "pitch": "C5"} for onset, ticks in lengths]
    assert "| cc/2c/2 cc c4 |" in write_abc(score(rows, times=FOUR_FOUR)).content.decode()


def test_transposing_instruments_are_written_at_written_pitch(score) -> None:
    clarinet = Part("P1", "Clarinet", 0, (Transposition(0, -1, -2), Transposition(1, -2, -3)))
    some = score(
        [{"pitch": "D5", "duration": 16}, {"measure": 1, "pitch": "E5", "duration": 16}],
        parts=[clarinet], keys=(KeyChange(0, 0, 0, 2, "major"),), times=FOUR_FOUR,
    )  # fmt: skip
    assert lines_of(some)[-5:] == [
        'V:1 name="Clarinet" clef=treble transpose=-2', "| d8 |", "L:1/8", "K:D transpose=-3", "e8 |",
    ]  # fmt: skip
    assert difference(some) == ""


def test_remarks_name_omitted_and_changed_content(score) -> None:
    some = score(
        [
            {"octave": 5, "alter_cents": 50, "duration": 8},
            {"octave": 5, "alter_cents": 50, "onset": 8, "duration": 4, "cue": True},
            {"octave": 5, "alter_cents": 300, "onset": 12},
            {"alter_cents": 50, "kind": REST, "duration": 8, "measure": 1, "cue": True},
            {"alter_cents": 50, "kind": REST, "duration": 8, "measure": 1, "onset": 8},
        ],
        chord_symbols=(ChordSymbol(0, 0, 4, "G7"), ChordSymbol(0, 0, 10, "C")),
        keys=(KeyChange(0, 0, 0, 9, "major"), KeyChange(0, 1, 0, 7, "major")), times=FOUR_FOUR,
    )  # fmt: skip
    written = write_abc(some)
    assert '| ^c4 z "C"z ^d2 |\n' in written.content.decode()
    assert written.remarks == (
        "Notes between semitones, written on the nearest one: 1.",
        "Cue notes left out: 1.",
        "Chord symbols left out, at which no note or rest begins: 1.",
        "Keys of more than 7 sharps or flats, written as accidentals: 1.",
    )


def test_measures_without_notes_are_rests(score) -> None:
    some = score([{"measure": 1, "pitch": "C5", "duration": 16}], times=FOUR_FOUR)
    assert "| z8 | c8 |" in write_abc(some).content.decode()
    assert "| z8 |" in write_abc(score([], measures=[16])).content.decode()
