"""Scores of the store transposed: right in every pitch, and in nothing else than before."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from music21_server.editing.intervals import interval_named
from music21_server.editing.transposition import Wish, transpose
from music21_server.errors import ScoreError
from music21_server.reading.musicxml_note import ACCIDENTAL_CENTS
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, Score
from music21_server.theory.keys.estimate import likely_key
from music21_server.theory.pitch.transposition import sounding_pitches

LEAD_SHEET = "leadSheet/fosterBrownHair"
WORKS = ["bach/bwv66.6", LEAD_SHEET, "webern/webern_dormi_jesu_op_16_no_2", "schoenberg/opus19/movement2"]

MARKED = {
    "bach/bwv299": {"grace", "fermata", "lyric"},
    "bach/bwv194.12": {"trill-mark"},
    "bach/bwv67.7": {"repeat", "part-group", "credit", "beam"},
    LEAD_SHEET: {"harmony", "ending", "repeat", "lyric"},
    "demos/ComprehensiveChordSymbolsTestFile": {"harmony", "bass", "degree"},
    "demos/chord_realization_exercise": {"metronome", "credit", "harmony"},
    "schoenberg/opus19/movement2": {"slur", "wedge", "articulations", "dynamics"},
    "schoenberg/opus19/movement6": {"wedge", "display-step", "tied"},
    "schumann_robert/opus48no2": {"pedal", "staves"},
    "webern/webern_dormi_jesu_op_16_no_2": {"lyric", "slur", "tuplet"},
}
"""Works of the corpus, and marks that they have."""

NAMES = {
    "step", "octave", "fifths", "cancel", "root-step", "bass-step", "display-step", "display-octave",
    "accidental-mark",
}  # fmt: skip
"""Elements whose text may change."""
SIGNS = {"alter", "accidental", "root-alter", "bass-alter"}
"""Elements that may come and go."""


def differences(one: Score, other: Score) -> list[str]:
    """Return the fields in which two scores differ."""
    found = []
    for pair, prefix in (((one.notes, other.notes), "notes."), ((one, other), "")):
        for field in fields(pair[0]):
            if field.name == "notes":
                continue
            values = [getattr(each, field.name) for each in pair]
            same = np.array_equal(*values) if isinstance(values[0], np.ndarray) else values[0] == values[1]
            if not same:
                found.append(prefix + field.name)
    return found


def without_names(root) -> list[tuple[str, str, dict[str, str]]]:
    """Return all elements of a document in order, without what transposition may change."""
    return [
        (element.tag, "" if element.tag in NAMES else (element.text or "").strip(), dict(element.attrib))
        for element in root.iter()
        if element.tag not in SIGNS
    ]


@pytest.mark.parametrize("work", MARKED)
@pytest.mark.parametrize("interval", ["M2", "-m3"])
def test_every_mark_survives(entry, tree, work, interval):
    before = tree(entry(work))
    after = tree(transpose((entry(work),), Wish(interval=interval), Limits()))
    tags = {element.tag for element in before.iter()}
    assert MARKED[work] <= tags
    assert without_names(after) == without_names(before)


@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("interval", ["m2", "-P4", "A4", "P8"])
def test_columns_are_those_that_would_be_read(entry, columns, read_again, work, interval):
    made = transpose((entry(work),), Wish(interval=interval), Limits())
    assert differences(columns(made), read_again(made)) == []
    assert differences(columns(made), columns(entry(work))) != []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    work=st.sampled_from(WORKS),
    name=st.sampled_from(["m2", "M2", "m3", "M3", "P4", "A4", "d5", "P5", "m6", "P8", "A1"]),
    is_down=st.booleans(),
)
def test_there_and_back(entry, columns, work, name, is_down):
    there, back = (f"-{name}", name) if is_down else (name, f"-{name}")
    whole = columns(entry(work))
    first = transpose((entry(work),), Wish(interval=there), Limits())
    moved = columns(first)
    is_note = whole.notes.kind == NOTE
    raised = moved.notes.written_cents - whole.notes.written_cents
    assert (raised[is_note] == 100 * interval_named(there).semitones).all()
    assert (raised[~is_note] == 0).all()
    # By the interval that it was: keys may have made it another one that sounds alike.
    second = transpose((first.entry,), Wish(interval=first_back(first, back)), Limits())
    assert differences(columns(second), whole) == []


def first_back(made, back: str) -> str:
    name = made.report["interval"]
    return name.replace("-", "") if "-" in name else f"-{name}"


@pytest.mark.parametrize(("work", "key"), [("bach/bwv66.6", "C minor"), (LEAD_SHEET, "A- major")])
def test_to_a_key(entry, columns, work, key):
    made = transpose((entry(work),), Wish(to_key=key), Limits())
    score = columns(made)
    assert likely_key(score, sounding_pitches(score)).text == key == made.report["to_key"]
    assert abs(made.report["semitones"]) <= 6


def test_key_that_nobody_writes_becomes_one_that_sounds_alike(entry, columns):
    made = transpose((entry("bach/bwv66.6"),), Wish(to_key="A# minor"), Limits())
    assert made.report["to_key"] == "A# minor"  # seven sharps
    made = transpose((entry("bach/bwv66.6"),), Wish(to_key="D- minor"), Limits())
    assert made.report["to_key"] == "C# minor"
    assert {key.fifths for key in columns(made).keys} == {4}


def test_key_may_be_said(entry):
    made = transpose((entry("bach/bwv66.6"),), Wish(to_key="C major", from_key="A major"), Limits())
    assert made.report["interval"] == "m3"


def test_parts_alone(entry, columns):
    whole = columns(entry("bach/bwv66.6"))
    made = transpose((entry("bach/bwv66.6"),), Wish(interval="-P8", parts=("Bass",)), Limits())
    raised = columns(made).notes.written_cents - whole.notes.written_cents
    is_bass = (whole.notes.part == 3) & (whole.notes.kind == NOTE)
    assert set(raised[is_bass].tolist()) == {-1200}
    assert not raised[~is_bass].any()
    assert made.report["transposed_parts"] == ["Bass"]


@pytest.mark.parametrize("part", ["Voice", "Piano", "Clarinet"])
def test_keys_and_symbols_of_other_parts_stay(entry, columns, read_again, song, part):
    symbol = b'<harmony><root><root-step>C</root-step></root><kind text="m">minor</kind></harmony>'
    source = song.replace(b"<note>", symbol + b"<note>", 1)  # as in the clarinet
    made = transpose((entry(source),), Wish(interval="M2", parts=(part,)), Limits())
    assert differences(columns(made), read_again(made)) == []
    whole = columns(entry(source))
    moved = {index for index, each in enumerate(whole.parts) if each.name == part}
    assert [(key.part in moved) * 2 for key in whole.keys] == [
        after.fifths - before.fifths for after, before in zip(columns(made).keys, whole.keys, strict=True)
    ]
    assert [symbol.text for symbol in columns(made).chord_symbols] == [
        "Dm" if symbol.part in moved else "Cm" for symbol in whole.chord_symbols
    ]


def test_transposing_instruments_stay_what_they_are(entry, columns, song):
    whole = columns(entry(song))
    score = columns(transpose((entry(song),), Wish(interval="m3"), Limits()))
    assert score.parts == whole.parts
    is_note = whole.notes.kind == NOTE
    raised = sounding_pitches(score).cents - sounding_pitches(whole).cents
    assert (raised[is_note] == 300).all()
    assert [key.fifths for key in score.keys] == [key.fifths - 3 for key in whole.keys]
    assert [symbol.text for symbol in score.chord_symbols] == ["Ebm"]


def test_staves_of_an_instrument_move_together(entry, columns, song):
    made = transpose((entry(song),), Wish(interval="M2", parts=("3",)), Limits())
    raised = columns(made).notes.written_cents - columns(entry(song)).notes.written_cents
    assert {int(part) for part in columns(made).notes.part[raised != 0]} == {1, 2}
    assert made.report["transposed_parts"] == ["Piano"]
    assert made.report["other_parts"] == ["Voice", "Clarinet"]


def test_symbols_that_look_alike_are_read_again(entry, columns, song):
    symbol = "<harmony><root><root-step>B</root-step>{}</root><kind text='{}'>other</kind></harmony>"
    both = symbol.format("<root-alter>-1</root-alter>", "5") + symbol.format("", "b5")
    source = song.replace(b"<harmony>", both.encode() + b"<harmony>", 1)
    made = transpose((entry(source),), Wish(interval="M2"), Limits())
    assert [symbol.text for symbol in columns(made).chord_symbols] == ["C5", "C#b5", "Dm"]


def test_alterations_that_accidentals_alone_tell(entry, columns, read_again, song):
    notes = "".join(
        "<note><pitch><step>G</step><octave>4</octave></pitch><duration>1</duration>"
        f"<accidental>{name}</accidental></note>"
        for name in ACCIDENTAL_CENTS
    )
    source = song.replace(b"<note>", notes.encode() + b"<note>", 1)
    made = transpose((entry(source),), Wish(interval="P4"), Limits())  # from G to C: as many signs
    assert differences(columns(made), read_again(made)) == []
    assert columns(made).notes.alter_cents[: len(ACCIDENTAL_CENTS)].tolist() == [*ACCIDENTAL_CENTS.values()]


@pytest.mark.parametrize("symbol", [b"<harmony/>", b'<harmony print-object="no"/>'])
def test_empty_symbols_stay_empty(entry, columns, read_again, song, symbol):
    made = transpose((entry(song.replace(b"<note>", symbol + b"<note>", 1)),), Wish(interval="M2"), Limits())
    assert differences(columns(made), read_again(made)) == []
    assert [symbol.text for symbol in columns(made).chord_symbols] == ["N.C.", "Dm"]


@pytest.mark.parametrize("interval", ["M3", "-M3", "M-3"])
def test_direction_says_where_an_interval_leads(entry, columns, song, interval):
    made = transpose((entry(song),), Wish(interval=interval, direction="down"), Limits())
    assert (made.report["interval"], made.report["semitones"]) == ("M-3", -4)
    raised = columns(made).notes.written_cents - columns(entry(song)).notes.written_cents
    assert set(raised.tolist()) == {0, -400}


def test_passages_that_cannot_move_alike_are_told_and_read_again(entry, columns, read_again, song):
    # Five flats and five sharps: a semitone up, G flat major becomes D major and B major C major.
    far = song.replace(b"<fifths>-3<", b"<fifths>-5<").replace(b"<fifths>2<", b"<fifths>5<")
    made = transpose((entry(far),), Wish(interval="m2"), Limits())
    assert differences(columns(made), read_again(made)) == []
    assert {key.fifths for key in columns(made).keys if key.part == 0} == {2, 0}
    assert [remark[:39] for remark in made.report["remarks"]] == ["Some passages are spelled otherwise tha"]


def test_diagrams_that_are_left_out_are_told(entry, song):
    source = song.replace(
        b"</kind></harmony>", b"</kind><frame><frame-strings>6</frame-strings></frame></harmony>"
    )
    made = transpose((entry(source),), Wish(interval="M2"), Limits())
    assert [remark[:13] for remark in made.report["remarks"]] == ["Fret diagrams"]
    assert b"<frame" not in made.entry.document().content


def test_drums_are_left_alone(entry):
    with pytest.raises(ScoreError, match="this score has none"):
        transpose((entry("demos/drum_sample"),), Wish(interval="M2"), Limits())


def test_drums_written_as_pitches_are_known_by_their_clef(entry, columns, song):
    source = song.replace(
        b"<sign>G</sign><line>2</line></clef>\n<transpose>", b"<sign>percussion</sign></clef>"
    )
    assert source != song
    source = source.replace(b"<diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>", b"")
    made = transpose((entry(source),), Wish(interval="M2"), Limits())
    assert made.report["other_parts"] == ["Clarinet"]
    raised = columns(made).notes.written_cents - columns(entry(source)).notes.written_cents
    assert not raised[columns(made).notes.part == 3].any()
    assert [symbol.text for symbol in columns(made).chord_symbols] == ["Cm"]
    with pytest.raises(ScoreError, match="the parts asked for have none"):
        transpose((entry(source),), Wish(interval="M2", parts=("Clarinet",)), Limits())


def test_a_part_that_has_both_notes_and_noises_moves(entry, columns, read_again, song):
    source = song.replace(b'<rest measure="yes"/><duration>6<', b"<unpitched/><duration>6<", 1)
    made = transpose((entry(source),), Wish(interval="M2"), Limits())
    assert made.report["transposed_parts"] == ["Voice", "Piano", "Clarinet"]
    assert differences(columns(made), read_again(made)) == []
    table = columns(entry(source)).notes
    raised = columns(made).notes.written_cents - table.written_cents
    assert ((raised == 200) == (table.kind == NOTE)).all()


@pytest.mark.parametrize("form", ["mxl", "timewise", "abc"])
def test_other_forms_of_documents(entry, columns, read_again, form, song):
    if form == "abc":
        source = b"X:1\nT:Tune\nM:4/4\nL:1/4\nK:D\nDEFG|A2F2|\n"
    elif form == "mxl":
        source = "bach/bwv66.6"
        assert entry(source).kind == "mxl"
    else:
        source = timewise_of(song)
    made = transpose((entry(source),), Wish(interval="M2"), Limits())
    assert differences(columns(made), read_again(made)) == []
    assert made.entry.kind == "musicxml"
    assert bool(made.report["remarks"]) == (form == "abc")


def timewise_of(song: bytes) -> bytes:
    from lxml import etree

    root = etree.fromstring(song)
    made = etree.Element("score-timewise")
    made.append(root.find("part-list"))
    for index in range(3):
        measure = etree.SubElement(made, "measure", number=str(index + 1))
        for part in root.findall("part"):
            etree.SubElement(measure, "part", id=part.get("id")).extend(list(part[index]))
    return etree.tostring(made)
