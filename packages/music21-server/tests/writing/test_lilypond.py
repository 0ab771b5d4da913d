from __future__ import annotations

import pytest

from music21_server.score.table import (
    REST,
    TIE_OTHER,
    TIE_START,
    TIE_STOP,
    UNPITCHED,
    ChordSymbol,
    Fermata,
    KeyChange,
    Part,
    TempoChange,
    TimeChange,
    Transposition,
)
from music21_server.writing.lilypond import write_lilypond

FOUR_FOUR = (TimeChange(0, 0, 0, "4/4", 16),)


def variable(text: str, name: str) -> list[str]:
    """Return the lines of a variable."""
    body = text.split(f"\n{name} = {{\n")[1].partition("\n}\n")[0]
    return [line.strip() for line in body.split("\n")]


def test_complete_file(score) -> None:
    some = score(
        [
            {"pitch": "D5", "grace": True, "duration": 0},
            {"pitch": "C5", "duration": 6},
            {"pitch": "F#4", "onset": 6, "duration": 2},
            {"pitch": "Eb4", "onset": 8, "duration": 8, "tie": TIE_START},
            {"pitch": "G4", "onset": 8, "duration": 8},
            {"measure": 1, "pitch": "Eb4", "duration": 12, "tie": TIE_STOP},
            {"measure": 1, "kind": REST, "onset": 12, "duration": 4},
            {"measure": 2, "kind": REST, "duration": 16},
            {"measure": 4, "octave": 4, "alter_cents": 50, "duration": 16, "tie": TIE_OTHER},
        ],
        title='The "best"', composer="Somebody", names=["Flute"],
        keys=(KeyChange(0, 0, 0, 1, "major"), KeyChange(0, 2, 0, -3, "minor")), times=FOUR_FOUR,
        tempos=(TempoChange(0, 0, 0, 72.0), TempoChange(0, 1, 8, 60.5)), fermatas=(Fermata(0, 1, 0),),
        chord_symbols=(ChordSymbol(0, 0, 8, "C/E"), ChordSymbol(0, 0, 12, "Cm7")),
    )  # fmt: skip
    text = write_lilypond(some).content.decode()
    assert text.startswith(
        '\\version "2.24.0"\n\\header {\n  title = "The \\"best\\""\n  composer = "Somebody"\n'
    )
    assert variable(text, "notesA") == [
        "\\grace { d''8 } c''4. fis'8 <ees'~ g'>2 |",
        "ees'2.\\fermata r4 |",
        "R1*2 |",
        "cih'1\\laissezVibrer |",
    ]
    assert variable(text, "signsA") == [
        '\\clef treble \\time 4/4 \\key g \\major \\tempo 4 = 72 s2 s4^\\markup \\bold "C/E" '
        's4^\\markup \\bold "Cm7" |',
        "s2 \\tempo 4 = 60 \\set Score.tempoWholesPerMinute = #(ly:make-moment 121/8) s2 |",
        "\\key c \\minor s1 |",
        "s1*2 |",
        '\\bar "|."',
    ]
    assert '\\new Staff \\with { instrumentName = "Flute" } <<\n      \\new Voice { \\signsA }' in text


def test_pickup_and_measures_longer_than_the_time_signature(score) -> None:
    rows = [
        {"measure": measure, "pitch": "C5", "duration": ticks}
        for measure, ticks in enumerate((4, 16, 20, 20, 16))
    ]
    text = write_lilypond(score(rows, measures=[4, 16, 20, 20, 16], times=FOUR_FOUR)).content.decode()
    assert variable(text, "signsA") == [
        "\\clef treble \\time 4/4 \\partial 4 s4 |",
        "s1 |",
        "\\set Timing.measureLength = #(ly:make-moment 5/4) s1*5/4 |",
        "s1*5/4 |",
        "\\set Timing.measureLength = #(ly:make-moment 1) s1 |",
        '\\bar "|."',
    ]
    assert variable(text, "notesA") == ["c''4 |", "c''1 |", "c''1*5/4 |", "c''1*5/4 |", "c''1 |"]


def test_rest_of_a_pickup_is_not_a_whole_measure_rest(score) -> None:
    text = write_lilypond(
        score([{"kind": REST, "duration": 4}, {"measure": 1, "kind": REST}], measures=[4, 4], times=FOUR_FOUR)
    ).content.decode()
    assert variable(text, "notesA") == ["r4 |", "R4 |"]


def test_voices_of_a_staff_have_stem_directions(score) -> None:
    some = score(
        [
            {"pitch": "C5", "duration": 16},
            {"pitch": "E4", "duration": 4, "voice": 1, "onset": 4},
            {"measure": 1, "pitch": "C5", "duration": 16},
            {"measure": 3, "pitch": "E4", "duration": 16, "voice": 1},
        ],
        times=FOUR_FOUR,
    )
    text = write_lilypond(some).content.decode()
    assert variable(text, "notesA") == [
        "\\voiceOne", "c''1 |", "\\oneVoice", "c''1 |", "R1 |", "s1 |"
    ]  # fmt: skip
    assert variable(text, "notesB") == ["\\voiceTwo", "s4 e'4 s2 |", "s1*2 |", "e'1 |"]
    assert "\\new Voice { \\notesA }\n      \\new Voice { \\notesB }" in text


def test_staves_of_a_piano_are_joined_and_a_horn_transposes(score) -> None:
    some = score(
        [{"part": part, "pitch": "C4"} for part in range(3)],
        parts=[
            Part("P1-Staff1", "Piano", 1),
            Part("P1-Staff2", "Piano", 2),
            Part("P2", "Horn", 0, (Transposition(0, -4, -7),)),
        ],
    )
    text = write_lilypond(some).content.decode()
    assert text.count('\\new PianoStaff \\with { instrumentName = "Piano" } <<\n      \\new Staff <<') == 1
    assert variable(text, "signsC")[0] == "\\clef treble \\transposition f s1 |"


def test_tuplets_are_as_short_as_possible(score) -> None:
    rows = [{"onset": 4 * index, "duration": 4, "pitch": "C5"} for index in range(6)]
    some = score(rows, ticks_per_quarter=12, measures=[24], times=(TimeChange(0, 0, 0, "2/4", 24),))
    triplet = "\\tuplet 3/2 { c''8 c''8 c''8 }"
    assert variable(write_lilypond(some).content.decode(), "notesA") == [f"{triplet} {triplet} |"]


def test_header_without_title_and_composer(score) -> None:
    assert (
        write_lilypond(score([{}]))
        .content.decode()
        .startswith('\\version "2.24.0"\n\\header {\n  tagline = ##f\n}\n')
    )


@pytest.mark.parametrize(("staves", "size"), [(10, None), (11, "18"), (20, "10"), (40, "6")])
def test_staves_are_smaller_in_large_scores(score, staves, size) -> None:
    text = write_lilypond(score([{}], names=["x"] * staves)).content.decode()
    sizes = [line for line in text.split("\n") if "staff-size" in line]
    assert sizes == ([f"#(set-global-staff-size {size})"] if size else [])


def test_every_staff_has_its_name_marks_and_notes(score) -> None:
    text = write_lilypond(score([{"part": part} for part in (0, 1)], names=["Flute", ""])).content.decode()
    assert [line.strip() for line in text.partition("\\score {")[2].split("\n")] == [
        "", "<<",
        '\\new Staff \\with { instrumentName = "Flute" } <<',
        "\\new Voice { \\signsA }", "\\new Voice { \\notesA }", ">>",
        '\\new Staff \\with { instrumentName = "Part 2" } <<',
        "\\new Voice { \\signsB }", "\\new Voice { \\notesB }", ">>",
        ">>", "\\layout { }", "\\midi { }", "}", "",
    ]  # fmt: skip
    assert variable(text, "notesA") == variable(text, "notesB") == ["c'4 s2. |"]


def test_stems_of_many_voices(score) -> None:
    rows = [{"voice": voice, "measure": measure, "duration": 16} for measure in (0, 1) for voice in range(5)]
    text = write_lilypond(score(rows)).content.decode()
    stems = ("One", "Two", "Three", "Four", "Four")
    for name, stem in zip("ABCDE", stems, strict=True):
        assert variable(text, f"notes{name}") == [f"\\voice{stem}", "c'1 |", "c'1 |"]


def test_equal_whole_measure_rests_are_combined(score) -> None:
    rows = [
        {"measure": 2, "kind": REST, "duration": 16},
        {"measure": 3, "kind": REST, "duration": 16},
        {"measure": 3, "voice": 1, "duration": 16},
        {"measure": 4, "kind": REST, "duration": 12},
        {"measure": 6, "kind": REST, "duration": 12},
        {"measure": 7, "kind": REST, "duration": 12},
        {"measure": 8, "voice": 1, "kind": REST, "duration": 12},
        {"part": 1, "measure": 1, "kind": REST, "duration": 16},
    ]
    measures, fermatas = [16] * 4 + [12] * 5, (Fermata(0, 6, 0), Fermata(1, 1, 0))
    text = write_lilypond(
        score(rows, measures=measures, times=FOUR_FOUR, fermatas=fermatas, names="AB")
    ).content.decode()
    assert variable(text, "notesA") == [
        "\\oneVoice", "R1*3 |", "\\voiceOne", "R1 |", "\\oneVoice", "R2.*2 |",
        "r2.\\fermata |", "R2. |", "s2. |",
    ]  # fmt: skip
    assert variable(text, "notesB") == ["\\voiceTwo", "s1*3 |", "c'1 |", "s2.*2 |", "s2. |", "s2. |", "R2. |"]
    assert variable(text, "notesC") == ["R1 |", "r1\\fermata |", "R1*2 |", "R2.*5 |"]


def test_measure_of_no_length_is_omitted(score) -> None:
    rows = [{"measure": measure, "duration": 16} for measure in (0, 2)]
    text = write_lilypond(score(rows, measures=[16, 0, 16], times=FOUR_FOUR)).content.decode()
    assert variable(text, "notesA") == ["c'1 |", "c'1 |"]


def test_pickup_is_decided_for_each_part(score) -> None:
    rows = [{"part": part, "kind": REST, "duration": 8} for part in (0, 1)]
    times = (TimeChange(0, 0, 0, "2/4", 8), TimeChange(1, 0, 0, "4/4", 16))
    text = write_lilypond(score(rows, measures=[8], names="AB", times=times)).content.decode()
    assert variable(text, "notesA") == ["R2 |"]
    assert variable(text, "notesB") == ["r2 |"]
    assert variable(text, "signsB")[0] == "\\clef treble \\time 4/4 \\partial 2 s2 |"


def test_grace_notes_precede_the_next_note(score) -> None:
    grace = {"grace": True, "duration": 0}
    rows = [
        {**grace, "pitch": "C5"}, {**grace, "kind": REST}, {**grace, "pitch": "D5"},
        {"pitch": "E5", "duration": 8},
        {**grace, "pitch": "F5", "onset": 16},
    ]  # fmt: skip
    some = score(rows, fermatas=(Fermata(0, 0, 8), Fermata(1, 0, 0)), times=FOUR_FOUR)
    assert variable(write_lilypond(some).content.decode(), "notesA") == [
        "\\grace { c''16 d''16 } e''2 s2 \\grace { f''8 } |"
    ]


def test_ties_and_let_ring(score) -> None:
    rows = [
        {"pitch": "C5", "tie": TIE_START, "duration": 8},
        {"pitch": "C5", "onset": 8, "tie": TIE_STOP},
        {"pitch": "C5", "onset": 12},
        {"pitch": "E5", "onset": 12, "tie": TIE_OTHER},
        {"measure": 1, "kind": UNPITCHED, "pitch": "F4", "duration": 16},
    ]
    assert variable(write_lilypond(score(rows)).content.decode(), "notesA") == [
        "c''2~ c''4 <c'' e''>4\\laissezVibrer |", "f'1 |",
    ]  # fmt: skip


def test_voices_are_numbered_within_their_part(score) -> None:
    rows = [{"part": 0, "duration": 16}, {"part": 1, "duration": 16}, {"part": 1, "voice": 1, "duration": 16}]
    text = write_lilypond(score(rows, names="AB")).content.decode()
    assert variable(text, "notesA") == ["c'1 |"]
    assert variable(text, "notesB") == ["\\voiceOne", "c'1 |"]


def test_staves_have_separate_timing_only_if_time_signatures_differ(score) -> None:
    rows = [{"part": part, "duration": 12} for part in (0, 1)]
    same = tuple(TimeChange(part, 0, 0, "3/4", 12) for part in (0, 1))
    other = (same[0], TimeChange(1, 0, 0, "6/8", 12))
    later = (*same, *(TimeChange(part, 1, 4 * part, "6/8", 12) for part in (0, 1)))
    assert (
        "Timing_translator"
        not in write_lilypond(score(rows, measures=[12], names="AB", times=same)).content.decode()
    )
    for times in (other, later):
        text = write_lilypond(score(rows, measures=[12, 12], names="AB", times=times)).content.decode()
        assert text.count("\\Staff \\consists Timing_translator") == 2


def test_remarks_name_omitted_and_rounded_notes(score) -> None:
    some = score(
        [
            {"alter_cents": 14, "duration": 8},
            {"alter_cents": 14, "onset": 8, "duration": 8, "cue": True},
            {"alter_cents": 14, "onset": 8, "duration": 8, "cue": True, "kind": REST},
            {"alter_cents": 14, "onset": 8, "duration": 8, "kind": REST},
        ]
    )
    written = write_lilypond(some)
    assert variable(written.content.decode(), "notesA") == ["c'2 r2 |"]
    assert written.remarks == (
        "Notes between quarter tones, written on the nearest one: 1.",
        "Cue notes left out: 1.",
    )
