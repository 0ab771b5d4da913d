"""Humdrum documents as columns: spines and their paths, lengths, measures and marks."""

from __future__ import annotations

import pytest

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.formats import read
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, REST, STEPS, TIE_CONTINUE, TIE_START, TIE_STOP, UNPITCHED

SIGNS = {0: "", 100: "#", -100: "b", 200: "##", -200: "bb"}


def tabs(text):
    """Return a document that is written with spaces between spines."""
    return "\n".join("\t".join(line.split()) for line in text.strip().splitlines()) + "\n"


def score_of(text, limits=None):
    return read(Document("humdrum", text.encode()), limits or Limits())


def notes(text, part=0):
    """Return measure number, onset in quarters and name of each note, as text."""
    score = score_of(text)
    table = score.notes
    return " ".join(
        f"{score.measure_numbers[table.measure[row]]}:{score.quarters(table.onset[row])}:"
        f"{STEPS[table.step[row]]}{SIGNS[int(table.alter_cents[row])]}{table.octave[row]}"
        for row in range(len(table))
        if table.kind[row] != REST and table.part[row] == part and not table.grace[row]
    )


def test_last_spine_is_the_first_part():
    text = tabs("**kern **kern\n*IBass *ISopr\n=1 =1\n4C 4cc\n2E. 8dd\n. 8ee\n. 4ff\n== ==\n*- *-")
    assert notes(text) == "1:0:C5 1:1:D5 1:3/2:E5 1:2:F5"
    assert notes(text, 1) == "1:0:C3 1:1:E3"


@pytest.mark.parametrize(
    "paths",
    [
        "*^\n4c 4e\n4d 4f\n*v *v",
        "*^\n4c 2e\n4d .\n*v *v",
        "*^\n*^ *\n4c 4e 4g\n4d 4f 4a\n*v *v *v",
        "*^\n* *^\n4c 4e 4g\n4d 4f 4a\n*v *v *\n*v *v",
        "*^\n4c 4e\n*x *x\n4f 4d\n*v *v",
    ],
)
def test_split_spines_are_voices_and_join_again(paths):
    text = tabs("**kern\n=1\n" + paths + "\n=2\n2g\n==\n*-")
    read_notes = notes(text).split()
    assert read_notes[-1] == "2:0:G4"
    assert {"1:0:C4", "1:1:D4", "1:0:E4"} <= set(read_notes)


def test_splits_of_one_spine_leave_the_others_alone():
    text = tabs("**kern **kern\n=1 =1\n*^ *\n4C 4E 2c\n4D 4F .\n*v *v *\n=2 =2\n2C 2d\n*- *-")
    assert notes(text) == "1:0:C4 2:0:D4"
    assert notes(text, 1) == "1:0:C3 1:1:D3 1:0:E3 1:1:F3 2:0:C3"
    assert score_of(text).remarks == ()


def test_other_spines_are_left_out_and_named():
    text = "**harm\t**kern\t**text\t**dynam\n*C:\t*C:\t*\t*\nI\t2c\tla\tp\n.\t2d\t.\t<\n*-\t*-\t*-\t*-\n"
    assert notes(text) == "1:0:C4 1:2:D4"
    assert score_of(text).remarks == ("Spines left out: **dynam, **harm, **text.",)


def test_spines_of_other_kinds_alone_are_refused_by_name():
    with pytest.raises(UnreadableScoreError, match=r"at least one \*\*kern spine, got \*\*mens"):
        score_of("**mens\nSc\n*-\n")


def test_a_spine_that_is_added_begins_where_the_others_are():
    text = "**kern\n=1\n4c\n*+\n*\t**kern\n4d\t4E\n*-\t*-\n"
    assert notes(text, 1) == "1:0:C4 1:1:D4"
    assert notes(text) == "1:1:E3"


@pytest.mark.parametrize(
    ("token", "quarters"),
    [
        ("4c", 1), ("8.c", 0.75), ("16..c", 0.4375), ("0c", 8), ("00c", 16), ("12c", 1 / 3), ("3%2c", 8 / 3),
        ("20c", 0.2), ("1c", 4), ("c", 1),
    ],
)  # fmt: skip
def test_lengths(token, quarters):
    score = score_of(f"**kern\n{token}\n*-\n")
    assert float(score.quarters(score.notes.duration[0])) == pytest.approx(quarters)


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("4c", "C4"), ("4cc", "C5"), ("4C", "C3"), ("4CC", "C2"), ("4b-", "Bb4"), ("4f##", "F##4"),
        ("4gn", "G4"), ("(4e-X/L", "Eb4"), ("4AA#yy", "A#2"),
    ],
)  # fmt: skip
def test_pitches(token, name):
    assert notes(f"**kern\n{token}\n*-\n").split(":")[-1] == name


def test_chords_rests_ties_fermatas_and_drums():
    score = score_of("**kern\n4C 4E [4G\n4G]\n4r;\n4R\n[2c\n=2\n2c_\n=3\n2c]\n*-\n")
    table = score.notes
    assert table.onset[:3].tolist() == [0, 0, 0]
    assert [int(each) for each in table.tie if each] == [
        TIE_START,
        TIE_STOP,
        TIE_START,
        TIE_CONTINUE,
        TIE_STOP,
    ]
    assert (table.kind[4:6].tolist(), len(score.fermatas)) == ([REST, UNPITCHED], 1)


@pytest.mark.parametrize("grace", ["8qd", "qd", "16qqd"])
def test_grace_notes_take_no_time_wherever_they_stand(grace):
    text = f"**kern\t**kern\n=1\t=1\n4C\t4c\n.\t{grace}\n4D\t4e\n.\t{grace}\n=2\t=2\n4E\t4f\n*-\t*-\n"
    assert notes(text) == "1:0:C4 1:1:E4 2:0:F4"
    assert score_of(text).notes.grace.sum() == 2


@pytest.mark.parametrize(
    ("barlines", "numbers"),
    [
        (["=1", "=2", "=3"], "1 2 3"),
        (["", "=1", "=2"], "0 1 2"),
        (["", "=2", "=3"], "1 2 3"),
        (["=1-", "=2:|!|:", "=3||"], "1 2 3"),
        (["=5", "=", "=6a"], "5 6 6a"),
        (["=", "=||", "="], "1 2 3"),
    ],
)
def test_measures_have_the_numbers_of_their_barlines(barlines, numbers):
    lines = [line for each in barlines for line in (each, "1c") if line]
    assert list(score_of("\n".join(["**kern", *lines, "==", "*-"])).measure_numbers) == numbers.split()


def test_names_signatures_tempos_and_titles():
    text = (
        '!!!COM: Anon\n!!!OTL@@DE: Ein Lied\n**kern\n*I"Flute\n*k[b-e-]\n*g:\n*M6/8\n*MM90\n=1\n2.c\n'
        "*M2+3/8\n=2\n*k[f#]\n*d:dor\n2c\n*-\n"
    )
    score = score_of(text)
    assert (score.title, score.composer, score.parts[0].name) == ("Ein Lied", "Anon", "Flute")
    assert [(each.measure, each.fifths, each.mode) for each in score.keys] == [
        (0, -2, "minor"),
        (1, 1, "dorian"),
    ]
    assert [(each.text, float(score.quarters(each.ticks))) for each in score.times] == [
        ("6/8", 3.0),
        ("2+3/8", 2.5),
    ]
    assert [each.quarters_per_minute for each in score.tempos] == [90.0]


def test_lengths_that_contradict_each_other_are_remarked():
    score = score_of("**kern\t**kern\n2C\t4c\n4D\t4d\n*-\t*-\n")
    assert "contradict" in score.remarks[0]
    assert (score.notes.kind == NOTE).sum() == 4


def test_incomplete_lines_lack_null_tokens():
    assert notes("**kern\t**kern\n4c\n", 1) == "1:0:C4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one"),
        ("4c\n", "Expected an exclusive interpretation"),
        ("**kern\n4c\n*-\n**kern\n4d\n*-\n**kern\n4e\n", ""),
        ("**kern\n4ccccccccccc\n", "Expected a pitch"),
        ("**kern\n4cd\n", "Expected a pitch"),
        ("**kern\n9999999c\n", "Expected notes of at most"),
        ("**kern\n0%1c\n", "Expected notes of at most"),
        ("**kern\n" + "000c\n" * 200, "add barlines"),
    ],
)
def test_nonsense_is_refused(text, message):
    if message:
        with pytest.raises(UnreadableScoreError, match=message):
            score_of(text)
    else:
        assert len(score_of(text).notes) == 3  # documents one after the other, each ended


@pytest.mark.parametrize("limits", [Limits(max_notes=5), Limits(max_measures=5), Limits(max_parts=1)])
def test_limits_hold(limits):
    with pytest.raises(TooMuchScoreError):
        score_of("**kern\t**kern\n" + "4c\t4e\n=\t=\n" * 10, limits)
