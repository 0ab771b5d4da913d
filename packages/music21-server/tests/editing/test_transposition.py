"""Transposition of stored scores changes every pitch correctly, and nothing else."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from music21_server.editing.intervals import parse_interval
from music21_server.editing.transposition import TranspositionRequest, transpose
from music21_server.errors import ScoreError
from music21_server.reading.ingest import DerivedScore
from music21_server.reading.musicxml_note import ACCIDENTAL_CENTS
from music21_server.score.entry import Entry
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
"""Corpus works and the marks that they contain."""

NAMES = {
    "step", "octave", "fifths", "cancel", "root-step", "bass-step", "display-step", "display-octave",
    "accidental-mark",
}  # fmt: skip
"""Elements whose text may change."""
SIGNS = {"alter", "accidental", "root-alter", "bass-alter"}
"""Elements that may be added or removed."""


def transposed(entry: Entry, **request: Any) -> DerivedScore:
    return transpose((entry,), TranspositionRequest(**request), Limits())


def differences(one: Score, other: Score) -> list[str]:
    """Return the fields in which two scores differ."""
    names = []
    for pair, prefix in (((one.notes, other.notes), "notes."), ((one, other), "")):
        for field in fields(pair[0]):
            if field.name == "notes":
                continue
            values = [getattr(each, field.name) for each in pair]
            same = np.array_equal(*values) if isinstance(values[0], np.ndarray) else values[0] == values[1]
            if not same:
                names.append(prefix + field.name)
    return names


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
    after = tree(transposed(entry(work), interval=interval))
    tags = {element.tag for element in before.iter()}
    assert MARKED[work] <= tags
    assert without_names(after) == without_names(before)


@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("interval", ["m2", "-P4", "A4", "P8"])
def test_columns_equal_those_read_from_the_result(entry, columns, read_again, work, interval):
    result = transposed(entry(work), interval=interval)
    assert differences(columns(result), read_again(result)) == []
    assert differences(columns(result), columns(entry(work))) != []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    work=st.sampled_from(WORKS),
    name=st.sampled_from(["m2", "M2", "m3", "M3", "P4", "A4", "d5", "P5", "m6", "P8", "A1"]),
    is_down=st.booleans(),
)
def test_there_and_back(entry, columns, work, name, is_down):
    interval = f"-{name}" if is_down else name
    whole = columns(entry(work))
    first = transposed(entry(work), interval=interval)
    moved = columns(first)
    is_note = whole.notes.kind == NOTE
    raised = moved.notes.written_cents - whole.notes.written_cents
    assert (raised[is_note] == 100 * parse_interval(interval).semitones).all()
    assert (raised[~is_note] == 0).all()
    # By the interval that it was: keys may have result it another one that sounds alike.
    second = transposed(first.entry, interval=opposite_interval(first))
    assert differences(columns(second), whole) == []


def opposite_interval(result) -> str:
    name = result.report["interval"]
    return name.replace("-", "") if "-" in name else f"-{name}"


@pytest.mark.parametrize(("work", "key"), [("bach/bwv66.6", "C minor"), (LEAD_SHEET, "A- major")])
def test_score_is_transposed_to_a_key(entry, columns, work, key):
    result = transposed(entry(work), to_key=key)
    score = columns(result)
    assert likely_key(score, sounding_pitches(score)).text == key == result.report["to_key"]
    assert abs(result.report["semitones"]) <= 6


def test_unwritable_target_key_becomes_its_enharmonic_equivalent(entry, columns):
    result = transposed(entry("bach/bwv66.6"), to_key="A# minor")
    assert result.report["to_key"] == "A# minor"  # seven sharps
    result = transposed(entry("bach/bwv66.6"), to_key="D- minor")
    assert result.report["to_key"] == "C# minor"
    assert {key.fifths for key in columns(result).keys} == {4}


def test_present_key_may_be_given(entry):
    result = transposed(entry("bach/bwv66.6"), to_key="C major", from_key="A major")
    assert result.report["interval"] == "m3"


def test_only_the_requested_parts_move(entry, columns):
    whole = columns(entry("bach/bwv66.6"))
    result = transposed(entry("bach/bwv66.6"), interval="-P8", parts=("Bass",))
    raised = columns(result).notes.written_cents - whole.notes.written_cents
    is_bass = (whole.notes.part == 3) & (whole.notes.kind == NOTE)
    assert set(raised[is_bass].tolist()) == {-1200}
    assert not raised[~is_bass].any()
    assert result.report["transposed_parts"] == ["Bass"]


@pytest.mark.parametrize("part", ["Voice", "Piano", "Clarinet"])
def test_keys_and_symbols_of_other_parts_stay(entry, columns, read_again, song, part):
    symbol = b'<harmony><root><root-step>C</root-step></root><kind text="m">minor</kind></harmony>'
    source = song.replace(b"<note>", symbol + b"<note>", 1)  # as in the clarinet
    result = transposed(entry(source), interval="M2", parts=(part,))
    assert differences(columns(result), read_again(result)) == []
    whole = columns(entry(source))
    moved = {index for index, each in enumerate(whole.parts) if each.name == part}
    assert [(key.part in moved) * 2 for key in whole.keys] == [
        after.fifths - before.fifths for after, before in zip(columns(result).keys, whole.keys, strict=True)
    ]
    assert [symbol.text for symbol in columns(result).chord_symbols] == [
        "Dm" if symbol.part in moved else "Cm" for symbol in whole.chord_symbols
    ]


def test_transposing_instruments_keep_their_transposition(entry, columns, song):
    whole = columns(entry(song))
    score = columns(transposed(entry(song), interval="m3"))
    assert score.parts == whole.parts
    is_note = whole.notes.kind == NOTE
    raised = sounding_pitches(score).cents - sounding_pitches(whole).cents
    assert (raised[is_note] == 300).all()
    assert [key.fifths for key in score.keys] == [key.fifths - 3 for key in whole.keys]
    assert [symbol.text for symbol in score.chord_symbols] == ["Ebm"]


def test_staves_of_an_instrument_move_together(entry, columns, song):
    result = transposed(entry(song), interval="M2", parts=("3",))
    raised = columns(result).notes.written_cents - columns(entry(song)).notes.written_cents
    assert {int(part) for part in columns(result).notes.part[raised != 0]} == {1, 2}
    assert result.report["transposed_parts"] == ["Piano"]
    assert result.report["other_parts"] == ["Voice", "Clarinet"]


def test_ambiguous_chord_symbols_are_read_from_the_result(entry, columns, song):
    symbol = "<harmony><root><root-step>B</root-step>{}</root><kind text='{}'>other</kind></harmony>"
    both = symbol.format("<root-alter>-1</root-alter>", "5") + symbol.format("", "b5")
    source = song.replace(b"<harmony>", both.encode() + b"<harmony>", 1)
    result = transposed(entry(source), interval="M2")
    assert [symbol.text for symbol in columns(result).chord_symbols] == ["C5", "C#b5", "Dm"]


def test_alterations_given_by_accidentals_alone_are_transposed(entry, columns, read_again, song):
    notes = "".join(
        "<note><pitch><step>G</step><octave>4</octave></pitch><duration>1</duration>"
        f"<accidental>{name}</accidental></note>"
        for name in ACCIDENTAL_CENTS
    )
    source = song.replace(b"<note>", notes.encode() + b"<note>", 1)
    result = transposed(entry(source), interval="P4")  # from G to C: as many signs
    assert differences(columns(result), read_again(result)) == []
    assert columns(result).notes.alter_cents[: len(ACCIDENTAL_CENTS)].tolist() == [*ACCIDENTAL_CENTS.values()]


@pytest.mark.parametrize("symbol", [b"<harmony/>", b'<harmony print-object="no"/>'])
def test_empty_symbols_stay_empty(entry, columns, read_again, song, symbol):
    result = transposed(entry(song.replace(b"<note>", symbol + b"<note>", 1)), interval="M2")
    assert differences(columns(result), read_again(result)) == []
    assert [symbol.text for symbol in columns(result).chord_symbols] == ["N.C.", "Dm"]


@pytest.mark.parametrize("interval", ["M3", "-M3", "M-3"])
def test_direction_down_makes_any_interval_go_down(entry, columns, song, interval):
    result = transposed(entry(song), interval=interval, direction="down")
    assert (result.report["interval"], result.report["semitones"]) == ("M-3", -4)
    raised = columns(result).notes.written_cents - columns(entry(song)).notes.written_cents
    assert set(raised.tolist()) == {0, -400}


def test_respelled_passages_are_reported_and_read_from_the_result(entry, columns, read_again, song):
    # Five flats and five sharps: a semitone up, G flat major becomes D major and B major C major.
    far = song.replace(b"<fifths>-3<", b"<fifths>-5<").replace(b"<fifths>2<", b"<fifths>5<")
    result = transposed(entry(far), interval="m2")
    assert differences(columns(result), read_again(result)) == []
    assert {key.fifths for key in columns(result).keys if key.part == 0} == {2, 0}
    assert [remark[:40] for remark in result.report["remarks"]] == [
        "Some passages are respelled, because the"
    ]


def test_removed_fret_diagrams_are_reported(entry, song):
    source = song.replace(
        b"</kind></harmony>", b"</kind><frame><frame-strings>6</frame-strings></frame></harmony>"
    )
    result = transposed(entry(source), interval="M2")
    assert [remark[:13] for remark in result.report["remarks"]] == ["Fret diagrams"]
    assert b"<frame" not in result.entry.document().content


def test_score_of_drums_is_refused(entry):
    with pytest.raises(ScoreError, match="got none in this score"):
        transposed(entry("demos/drum_sample"), interval="M2")


def test_drums_written_as_pitches_are_recognized_by_their_clef(entry, columns, song):
    source = song.replace(
        b"<sign>G</sign><line>2</line></clef>\n<transpose>", b"<sign>percussion</sign></clef>"
    )
    assert source != song
    source = source.replace(b"<diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>", b"")
    result = transposed(entry(source), interval="M2")
    assert result.report["other_parts"] == ["Clarinet"]
    raised = columns(result).notes.written_cents - columns(entry(source)).notes.written_cents
    assert not raised[columns(result).notes.part == 3].any()
    assert [symbol.text for symbol in columns(result).chord_symbols] == ["Cm"]
    with pytest.raises(ScoreError, match="got none in the requested parts"):
        transposed(entry(source), interval="M2", parts=("Clarinet",))


def test_a_part_with_pitched_and_unpitched_notes_moves(entry, columns, read_again, song):
    source = song.replace(b'<rest measure="yes"/><duration>6<', b"<unpitched/><duration>6<", 1)
    result = transposed(entry(source), interval="M2")
    assert result.report["transposed_parts"] == ["Voice", "Piano", "Clarinet"]
    assert differences(columns(result), read_again(result)) == []
    table = columns(entry(source)).notes
    raised = columns(result).notes.written_cents - table.written_cents
    assert ((raised == 200) == (table.kind == NOTE)).all()


@pytest.mark.parametrize("form", ["mxl", "timewise", "abc"])
def test_other_document_formats_are_transposed(entry, columns, read_again, form, song):
    if form == "abc":
        source = b"X:1\nT:Tune\nM:4/4\nL:1/4\nK:D\nDEFG|A2F2|\n"
    elif form == "mxl":
        source = "bach/bwv66.6"
        assert entry(source).kind == "mxl"
    else:
        source = timewise_of(song)
    result = transposed(entry(source), interval="M2")
    assert differences(columns(result), read_again(result)) == []
    assert result.entry.kind == "musicxml"
    assert bool(result.report["remarks"]) == (form == "abc")


def timewise_of(song: bytes) -> bytes:
    from lxml import etree

    root = etree.fromstring(song)
    result = etree.Element("score-timewise")
    result.append(root.find("part-list"))
    for index in range(3):
        measure = etree.SubElement(result, "measure", number=str(index + 1))
        for part in root.findall("part"):
            etree.SubElement(measure, "part", id=part.get("id")).extend(list(part[index]))
    return etree.tostring(result)
