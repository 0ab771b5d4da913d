"""ABC tunes as columns, by the standard 2.1; expected notes were checked with abc2midi 4.84."""

from __future__ import annotations

import pytest

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.formats import read, recognise
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, REST, STEPS, TIE_CONTINUE, TIE_STOP

SIGNS = {0: "", 100: "#", -100: "b", 200: "##", -200: "bb", 50: "~#", -50: "~b"}
HEAD = "X:1\nT:Tune\nM:4/4\nL:1/4\nK:C\n"


def score_of(text, limits=None):
    return read(recognise(text.encode()), limits or Limits())


def name(table, row):
    sign = {0: "", 100: "#", -100: "b", 200: "##", -200: "bb", 50: "~#", -50: "~b"}[
        int(table.alter_cents[row])
    ]
    return f"{STEPS[table.step[row]]}{sign}{table.octave[row]}"


def struck(text, part=0):
    """Return the notes that are struck: measure number, onset in quarters, name, as text."""
    score = score_of(text)
    table = score.notes
    return " ".join(
        f"{score.measure_numbers[table.measure[row]]}:{score.quarters(table.onset[row])}:{name(table, row)}"
        for row in range(len(table))
        if table.kind[row] == NOTE
        and table.part[row] == part
        and table.tie[row] not in (TIE_STOP, TIE_CONTINUE)
        and not table.grace[row]
    )


def names(text, part=0):
    return " ".join(each.rsplit(":", 1)[1] for each in struck(text, part).split())


def durations(text):
    score = score_of(text)
    return " ".join(str(score.quarters(each)) for each in score.notes.duration)


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("^c d c d | c4 |]", "C#5 D5 C#5 D5 C5"),
        ("^c d C d | C4 |]", "C#5 D5 C#4 D5 C4"),  # in all octaves: the standard's default
        ("_B A =B B | B4", "Bb4 A4 B4 B4 B4"),
        ("^f- | f f f2 |", "F#5 F5 F5"),  # a tie over the barline keeps the note, and no other
        ("^^c __d ^/e _/f |", "C##5 Dbb5 E~#5 F~b5"),
        ("C, C c c' c'' C,, |", "C3 C4 C5 C6 C7 C2"),
        ("[K:D] f c [K:F] b c |", "F#5 C#5 Bb5 C5"),
    ],
)
def test_accidentals_hold_for_the_measure(music, expected):
    assert names(HEAD + music + "\n") == expected


@pytest.mark.parametrize(
    ("directive", "expected"),
    [("not", "C#5 C5 C4 C5"), ("octave", "C#5 C#5 C4 C5"), ("pitch", "C#5 C#5 C#4 C5")],
)
def test_accidentals_hold_as_directed(directive, expected):
    assert names(f"X:1\nI:propagate-accidentals {directive}\nL:1/4\nK:C\n^c c C | c |\n") == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("D", "C#5 D5 E5 F#5 G5 A5 B5"),
        ("Ddor", "C5 D5 E5 F5 G5 A5 B5"),
        ("Am", "C5 D5 E5 F5 G5 A5 B5"),
        ("A minor", "C5 D5 E5 F5 G5 A5 B5"),
        ("A MIX", "C#5 D5 E5 F#5 G5 A5 B5"),
        ("Bb", "C5 D5 Eb5 F5 G5 A5 Bb5"),
        ("F#m", "C#5 D5 E5 F#5 G#5 A5 B5"),
        ("Gphr", "C5 D5 Eb5 F5 G5 Ab5 Bb5"),
        ("C lydian", "C5 D5 E5 F#5 G5 A5 B5"),
        ("B locrian", "C5 D5 E5 F5 G5 A5 B5"),
        ("D phr ^f", "C5 D5 Eb5 F#5 G5 A5 Bb5"),
        ("D exp _b _e ^f", "C5 D5 Eb5 F#5 G5 A5 Bb5"),
        ("D =c", "C5 D5 E5 F#5 G5 A5 B5"),
        ("HP", "C#5 D5 E5 F#5 G5 A5 B5"),
        ("none", "C5 D5 E5 F5 G5 A5 B5"),
        ("G clef=bass", "C5 D5 E5 F#5 G5 A5 B5"),
        ("Em middle=d", "C5 D5 E5 F#5 G5 A5 B5"),
    ],
)
def test_keys_have_their_modes_and_accidentals(key, expected):
    assert names(f"X:1\nL:1/8\nK:{key}\nc d e f g a b |\n") == expected


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("|: c d e f :| g4 |]", "1 1 1 1 2"),
        ("c d :: e f | g4 |]", "0 0 1 1 2"),
        ("c d e f :|: g4 |]", "1 1 1 1 2"),
        ("c d e f |: g z z g :| a4 |]", "1 1 1 1 2 2 3"),
        ("c4 |1 d4 :|2 e4 |]", "1 2 3"),
        ("c4 [1 d4 :| [2 e4 |]", "1 1 2"),
        ("c4 || d4 |] e4 [| f4 |]", "1 2 3 4"),
        ("c | d4 | e4 |]", "0 1 2"),
        ("c d e f | c4 | d4 |]", "1 1 1 1 2 3"),
        ("c4 .| d4 |", "1 2"),
    ],
)
def test_measures_are_numbered_from_barline_to_barline(music, expected):
    assert [each.split(":")[0] for each in struck(HEAD + music + "\n").split()] == expected.split()


def test_inline_voices_take_turns():
    head = "X:1\nM:4/4\nL:1/4\nV:1\nV:2 clef=bass\nK:G\n"
    tune = head + "[V:1] d d d d |\n[V:2] G, G, G, G, |\n[V:1] g4 |]\n[V:2] G,4 |]\n"
    assert struck(tune) == "1:0:D5 1:1:D5 1:2:D5 1:3:D5 2:0:G5"
    assert struck(tune, 1) == "1:0:G3 1:1:G3 1:2:G3 1:3:G3 2:0:G3"
    assert len(score_of(tune).parts) == 2


def test_voices_line_by_line_go_on():
    tune = 'X:1\nM:3/4\nL:1/4\nK:F\nV:A name="Upper"\nb b b |\nV:B\nB, B, B, |\nV:A\nf3 |]\nV:B\nF,3 |]\n'
    assert struck(tune) == "1:0:Bb5 1:1:Bb5 1:2:Bb5 2:0:F5"
    assert struck(tune, 1) == "1:0:Bb3 1:1:Bb3 1:2:Bb3 2:0:F3"
    assert [part.name for part in score_of(tune).parts] == ["Upper", ""]


@pytest.mark.parametrize("rest", ["Z2", "X2", "z4 | z4", "x4 | z2 x2"])
def test_rests_of_measures_last(rest):
    tune = f"X:1\nM:4/4\nL:1/4\nK:C\nV:1\nc4 | {rest} | d4 |]\nV:2\nC4 | E4 | F4 | G4 |]\n"
    assert struck(tune) == "1:0:C5 4:0:D5"
    assert struck(tune, 1) == "1:0:C4 2:0:E4 3:0:F4 4:0:G4"


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("c>d e<f |", "3/2 1/2 1/2 3/2"),
        ("c>>d e<<<f |", "7/4 1/4 1/8 15/8"),
        ("c > d c>{g}d |", "3/2 1/2 3/2 0 1/2"),
        ("(3cde f |", "2/3 2/3 2/3 1"),
        ("(3c>de f |", "1 1/3 2/3 1"),
        ("(2cd |", "3/2 3/2"),
        ("(3:2:2 c2 d e |", "4/3 2/3 1"),
        ("(3::4 cdef g|", "2/3 2/3 2/3 2/3 1"),
        ("(5cdefg |", "2/5 2/5 2/5 2/5 2/5"),
        ("[M:6/8] (5cdefg |", "3/5 3/5 3/5 3/5 3/5"),
        ("c/ c/2 c// c3/4 c/4 c2 |", "1/2 1/2 1/4 3/4 1/4 2"),
        ("[ceg]2 [c2e2] [ce]/ |", "2 2 2 2 2 1/2 1/2"),
        ("[c2e]2 |", "4 4"),
        ("z3/2 c/ z2 |", "3/2 1/2 2"),
    ],
)
def test_lengths_follow_the_standard(music, expected):
    assert durations(HEAD + music + "\n") == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("", "1/2"), ("M:2/4\n", "1/4"), ("M:3/4\n", "1/2"), ("M:C|\n", "1/2"), ("M:5/8\n", "1/4"),
        ("M:2/4\nL:1/8\n", "1/2"), ("L:1/16\nM:4/4\n", "1/4"), ("M:none\n", "1/2"),
    ],
)  # fmt: skip
def test_unit_length_is_stated_or_follows_the_meter(fields, expected):
    assert durations(f"X:1\n{fields}K:C\nC |\n") == expected


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("!fermata!c d !trill!e +f+ f |", "C5 D5 E5 F5"),
        ("~c .d uv e Hf |", "C5 D5 E5 F5"),
        ('"^slow" c "Am"d "<(" e (f g) |', "C5 D5 E5 F5 G5"),
        ("c `d ` e\\", "C5 D5 E5"),
        ("c % a comment with notes d e f\nd |", "C5 D5"),
        ("c [r: a remark] d y4 e y |", "C5 D5 E5"),
        ("[c-e-g-] [ceg] |", "C5 E5 G5"),
        ("(c .(d e) f) |", "C5 D5 E5 F5"),
        ("c d !\ne f !|\n", "C5 D5 E5 F5"),
    ],
)
def test_what_is_no_note_is_none(music, expected):
    assert names(HEAD + music + "\n") == expected


def test_overlays_sound_together():
    tune = HEAD + "c d e f & C4 | g4 & G2 G2 |]\n"
    score = score_of(tune)
    assert len(score.measure_numbers) == 2
    assert struck(tune) == "1:0:C5 1:1:D5 1:2:E5 1:3:F5 1:0:C4 2:0:G5 2:0:G4 2:2:G4"
    assert sorted(set(score.notes.voice.tolist())) == [0, 1]


def test_grace_notes_take_no_time_and_keep_their_accidentals():
    score = score_of(HEAD + "{^gab}c2 {/f}d2 |\n")
    table = score.notes
    assert [name(table, row) for row in range(len(table)) if table.grace[row]] == ["G#5", "A5", "B5", "F5"]
    assert table.onset[table.grace].tolist() == [0, 0, 0, 2]


def test_macros_and_user_symbols():
    assert names("X:1\nL:1/4\nm:~g2 = {a}g{f}g\nK:C\n~g2 a |\n") == "G5 G5 A5"
    assert names("X:1\nL:1/4\nm:~n2 = no\nK:C\n~c2 |\n") == "C5 D5"
    score = score_of("X:1\nL:1/4\nU:T = !fermata!\nK:C\nTc Hd |\n")
    assert [each.onset for each in score.fermatas] == [0, 1]


def test_chord_symbols_are_kept_and_annotations_are_not():
    score = score_of(HEAD + '"Am7/E"c "^text"d "B♭;alt"e f |\n')
    assert [(each.onset, each.text) for each in score.chord_symbols] == [(0, "Am7/E"), (2, "Bb")]


def test_meter_key_tempo_and_names():
    head = 'X:1\nT:One\nT:Two\nC:Somebody\nM:6/8\nQ:"Lively" 3/8=80\nK:Edor\n'
    score = score_of(head + "efg | [M:2+3/8] e3 [Q:1/4=60] fg |]\n")
    assert (score.title, score.composer) == ("One", "Somebody")
    assert [each.text for each in score.times] == ["6/8", "2+3/8"]
    assert [each.quarters_per_minute for each in score.tempos] == [120.0, 60.0]
    assert [(each.fifths, each.mode) for each in score.keys] == [(2, "dorian")]


@pytest.mark.parametrize(
    ("voice", "transposition"),
    [
        ("V:1 clef=treble-8", (-7, -12)), ("V:1 transpose=-2", (-1, -2)), ("V:1 clef=bass+8", (7, 12)),
        ("V:1 clef=bass", None),
    ],
)  # fmt: skip
def test_voices_that_sound_elsewhere(voice, transposition):
    (part,) = score_of(f"X:1\nL:1/4\n{voice}\nK:C\nc |\n").parts
    shifts = [(each.diatonic, each.chromatic) for each in part.transpositions]
    assert shifts == ([transposition] if transposition else [])


def test_octave_of_a_voice_shifts_its_notes():
    assert names("X:1\nL:1/4\nV:1 octave=-1\nK:C\nc C |\n") == "C4 C3"


def test_continued_lines_are_one():
    assert struck(HEAD + "c d \\\ne f | g4\n|]\n") == "1:0:C5 1:1:D5 1:2:E5 1:3:F5 2:0:G5"


def test_books_of_untitled_tunes_are_refused_with_what_to_do():
    with pytest.raises(UnreadableScoreError, match=r"got 2 tunes .*send one of them"):
        score_of("X:1\nK:C\nc |\n\nX:2\nK:G\nd |\n")


def test_tunes_of_one_title_are_parts_of_one_work():
    text = "X:1\nT:Mass\nL:1/4\nK:C\nc d |\n\nX:2\nT:Mass\nL:1/4\nK:C\nC D |\n"
    assert (names(text), names(text, 1)) == ("C5 D5", "C4 D4")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X:1\nK:C\n% nothing\n", "at least one note"),
        ("X:1\nM:4/0\nK:C\nc |\n", "Expected a meter"),
        ("X:1\nM:waltz\nK:C\nc |\n", "Expected a meter"),
        ("X:1\nL:1/0\nK:C\nc |\n", "Expected a unit length"),
        ("X:1\nK:C\nc999999999999 |\n", "Expected a length"),
        ("X:1\nK:C\nc/0 |\n", "Expected a length"),
        ("X:1\nK:C\nc999999 |\n", "add barlines"),
        ("X:1\nL:1/1\nK:C\n" + "c9999 " * 10 + "|\n", "add barlines"),
    ],
)
def test_nonsense_is_refused(text, message):
    with pytest.raises(UnreadableScoreError, match=message):
        score_of(text)


@pytest.mark.parametrize(
    ("music", "limits"),
    [
        ("c|" * 50, Limits(max_measures=20)), ("cccc" * 50 + "|", Limits(max_notes=20)),
        ("Z9999|", Limits(max_measures=200)), ("".join(f"[V:{i}]c|" for i in range(50)), Limits(max_parts=9)),
    ],
)  # fmt: skip
def test_limits_hold(music, limits):
    with pytest.raises(TooMuchScoreError):
        score_of(HEAD + music + "\n", limits)


def test_unknown_characters_and_lyrics_are_remarked():
    score = score_of(HEAD + "c ? d § e |\nw: la la la\n")
    assert score.remarks == (
        "Characters that mean nothing in ABC, left out: 2.",
        "Lines of lyrics, left out: 1.",
    )


def test_hidden_and_whole_rests_are_rows():
    table = score_of(HEAD + "z x c2 |\n").notes
    assert (table.kind == REST).sum() == 2
