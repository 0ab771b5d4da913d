"""Extraction of parts and measures from stored scores."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from music21_server.editing.extraction import extract_parts, slice_score
from music21_server.errors import ScoreError, TooMuchScoreError
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, NoteTable, Score

WORKS = [
    "bach/bwv66.6",
    "leadSheet/fosterBrownHair",
    "webern/webern_dormi_jesu_op_16_no_2",
    "schoenberg/opus19/movement2",
    "schumann_robert/opus48no2",
]


def rows(score: Score, first_measure: int = 0) -> Counter[tuple[object, ...]]:
    """Return the written notes and rests without ties, because slices drop ties over their edges."""
    table, unit = score.notes, score.notes.ticks_per_quarter
    names = ("part", "kind", "step", "alter_cents", "octave", "grace", "cue")
    columns = [getattr(table, name).tolist() for name in names]
    times = [
        (Fraction(a, unit), Fraction(b, unit))
        for a, b in zip(table.onset.tolist(), table.duration.tolist(), strict=True)
    ]
    measures = (table.measure + first_measure).tolist()
    return Counter(zip(*columns, times, measures, strict=True))


def in_quarters(score: Score, marks: str, *values: str) -> list[tuple[object, ...]]:
    unit = score.notes.ticks_per_quarter
    return [
        (mark.part, mark.measure, Fraction(mark.onset, unit), *(getattr(mark, value) for value in values))
        for mark in getattr(score, marks)
    ]


def notes_of_part(table: NoteTable, part: int) -> list[tuple[object, ...]]:
    own = (table.part == part) & (table.kind == NOTE)
    onsets = [Fraction(onset, table.ticks_per_quarter) for onset in table.onset[own].tolist()]
    columns = [getattr(table, name)[own].tolist() for name in ("measure", "step", "octave", "tie")]
    return list(zip(onsets, *columns, strict=True))


def elements(root: Any) -> list[tuple[str, str, dict[str, str]]]:
    return [(each.tag, (each.text or "").strip(), dict(each.attrib)) for each in root.iter()]


@pytest.mark.parametrize("work", WORKS)
def test_extracting_all_parts_gives_the_whole_score(entry, columns, tree, work):
    whole = entry(work)
    everything = tuple(str(index + 1) for index in range(len(columns(whole).parts)))
    result = extract_parts((whole,), everything, Limits())
    assert rows(columns(result)) == rows(columns(whole))
    assert columns(result).fermatas == columns(whole).fermatas
    before, after = (elements(tree(one)) for one in (whole, result))
    assert after == before


@pytest.mark.parametrize("work", WORKS)
def test_single_part_keeps_its_notes_and_marks(entry, columns, tree, work):
    whole = columns(entry(work))
    last = len(whole.parts)
    result = extract_parts((entry(work),), (str(last),), Limits())
    score = columns(result)
    assert notes_of_part(score.notes, len(score.parts) - 1) == notes_of_part(whole.notes, last - 1)
    assert score.measure_numbers == whole.measure_numbers
    assert (score.title, score.composer) == (whole.title, whole.composer)
    parts = [root.findall("part")[-1] for root in (tree(entry(work)), tree(result))]
    tags = [Counter(each.tag for each in part.iter()) for part in parts]
    assert tags[0] - tags[1] == Counter()
    # Additional elements are marks that hold for all parts.
    assert set(tags[1] - tags[0]) <= {
        "direction", "direction-type", "words", "metronome", "beat-unit", "beat-unit-dot", "per-minute",
        "sound", "offset", "backup", "duration", "rehearsal",
    }  # fmt: skip


def test_head_of_the_document_is_kept(entry, tree):
    result = tree(extract_parts((entry("bach/bwv67.7"),), ("2", "4"), Limits()))
    before = tree(entry("bach/bwv67.7"))
    assert [part.get("id") for part in result.findall("part")] == ["P2", "P4"]
    assert result.getroottree().docinfo.public_id == before.getroottree().docinfo.public_id
    for tag in ("work", "movement-title", "identification", "defaults", "credit"):
        contents = [[elements(each) for each in root.iterfind(tag)] for root in (before, result)]
        assert contents[0] == contents[1] != [], tag
    listed = [each.get("id") for each in result.iterfind("part-list/score-part")]
    assert listed == [part.get("id") for part in result.findall("part")]


def test_part_group_around_one_part_is_dropped(entry, tree, song):
    result = tree(extract_parts((entry(song),), ("Voice", "Clarinet"), Limits()))
    assert result.find("part-list/part-group") is None
    result = tree(extract_parts((entry(song),), ("Voice", "Piano"), Limits()))
    assert [each.get("type") for each in result.iterfind("part-list/part-group")] == ["start", "stop"]


def test_part_includes_all_staves_of_its_instrument(entry, columns, song):
    result = extract_parts((entry(song),), ("3",), Limits())
    assert [part.staff for part in columns(result).parts] == [1, 2]
    assert result.report["extracted_parts"] == ["Piano"]
    result = slice_score((entry(song),), "1", "1", ("2",), Limits())
    assert [part.staff for part in columns(result).parts] == [1, 2]
    assert result.report["extracted_parts"] == ["Piano"]


TEMPO = (
    "<direction><direction-type><words>Lento</words></direction-type><direction-type><metronome>"
    "<beat-unit>quarter</beat-unit><per-minute>{0}</per-minute></metronome></direction-type><voice>1</voice>"
    '<staff>1</staff><sound tempo="{0}" dynamics="50"/></direction>'
)


@pytest.fixture
def with_tempos(song) -> bytes:
    """The song with tempos in the first part: at its start, and at the second quarter of measure 2."""
    voice, rest = song.split(b'<part id="P2">')
    voice = voice.replace(b"<note>", TEMPO.format(60).encode() + b"<note>", 1)
    at = voice.index(b"<alter>-1</alter>")
    at = voice.rindex(b"<note>", 0, at)
    return voice[:at] + TEMPO.format(90).encode() + voice[at:] + b'<part id="P2">' + rest


@pytest.mark.parametrize("part", ["Piano", "Clarinet"])
def test_tempos_of_other_parts_are_included(entry, columns, tree, with_tempos, part):
    result = extract_parts((entry(with_tempos),), (part,), Limits())
    score = columns(result)
    tempos = {each[1:] for each in in_quarters(score, "tempos", "quarters_per_minute")}
    assert tempos == {(0, 0, 60.0), (1, 1, 90.0)}
    assert [each.text for each in tree(result).iter("words")] == ["Lento", "Lento"]
    assert tree(result).find("part/measure/direction/staff") is None or part == "Piano"
    plain = columns(extract_parts((entry(with_tempos),), ("Voice",), Limits()))
    assert in_quarters(plain, "tempos", "quarters_per_minute") == [(0, 0, 0, 60.0), (0, 1, 1, 90.0)]
    whole = columns(entry(with_tempos))
    own = [index for index, each in enumerate(whole.parts) if each.name == part]
    assert (score.notes.kind == whole.notes.kind[np.isin(whole.notes.part, own)]).all()


def test_slice_starts_with_the_tempo_in_force(entry, columns, tree, with_tempos):
    result = slice_score((entry(with_tempos),), "3", "4", ("Clarinet",), Limits())
    assert in_quarters(columns(result), "tempos", "quarters_per_minute") == [(0, 0, 0, 90.0)]
    assert tree(result).findtext("part/measure/direction/direction-type/metronome/per-minute") == "90"
    sound = tree(result).find("part/measure/direction/sound")
    assert dict(sound.attrib) == {"tempo": "90"}
    whole = slice_score((entry(with_tempos),), "1", "1", None, Limits())
    assert in_quarters(columns(whole), "tempos", "quarters_per_minute") == [(0, 0, 0, 60.0)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(work=st.sampled_from(WORKS), place=st.floats(0, 1))
def test_joined_slices_give_the_whole_score(entry, columns, work, place):
    whole = columns(entry(work))
    bars = len(whole.measure_ticks)
    at = 1 + round(place * (bars - 2))
    first = columns(slice_score((entry(work),), None, f"@{at}", None, Limits()))
    second = columns(slice_score((entry(work),), f"@{at + 1}", None, None, Limits()))
    assert rows(first) + rows(second, at) == rows(whole)
    assert first.measure_numbers + second.measure_numbers == whole.measure_numbers
    for part, original in zip(second.parts, whole.parts, strict=True):
        assert [each.chromatic for each in part.transpositions] == [
            each.chromatic for each in original.transpositions
        ]
    for marks, value in (("keys", "fifths"), ("times", "text")):
        in_force = {
            mark[0]: mark[3] for mark in in_quarters(whole, marks, value) if (mark[1], mark[2]) <= (at, 0)
        }
        stated = {mark[0]: mark[3] for mark in in_quarters(second, marks, value) if mark[1:3] == (0, 0)}
        assert stated == in_force


def test_marks_inside_a_slice_survive(entry, tree):
    whole = tree(entry("schoenberg/opus19/movement2"))
    result = tree(slice_score((entry("schoenberg/opus19/movement2"),), "@3", "@6", None, Limits()))
    for tag in ("articulations", "dynamics", "beam", "words", "dot", "accidental"):
        inside = [each for bar in whole.findall("part/measure")[2:6] for each in bar.iter(tag)]
        assert len(list(result.iter(tag))) == len(inside) > 0, tag


def test_slice_drops_signs_over_its_edge_and_states_attributes_in_force(entry, tree, song):
    result = tree(slice_score((entry(song),), "3", None, None, Limits()))
    voice = result.find("part")
    assert voice.find(".//tied") is None
    assert voice.find(".//slur") is None
    first = voice.find("measure/attributes")
    assert (first.findtext("divisions"), first.findtext("key/fifths")) == ("2", "2")
    assert (first.findtext("time/beats"), first.findtext("clef/sign")) == ("3", "G")
    piano = result.findall("part")[1]
    assert piano.findtext("measure/attributes/staves") == "2"
    assert [clef.findtext("sign") for clef in piano.iterfind("measure/attributes/clef")] == ["G", "G"]
    clarinet = result.findall("part")[2]
    assert clarinet.findtext("measure/attributes/transpose/chromatic") == "-2"
    assert [len(part) for part in result.iterfind("part")] == [
        3,
        3,
        3,
    ]  # of equal length, although one had ended
    inside = tree(slice_score((entry(song),), "2", "3", None, Limits()))
    assert len(inside.findall("part[@id='P1']//tied")) == 2
    assert len(inside.findall("part[@id='P1']//slur")) == 2


def test_multiple_bar_rests_end_with_the_slice(entry, tree, song):
    result = tree(slice_score((entry(song),), None, "4", None, Limits()))
    assert result.findtext(".//multiple-rest") == "1"
    assert tree(slice_score((entry(song),), None, None, None, Limits())).findtext(".//multiple-rest") == "2"


def test_page_breaks_at_the_start_are_removed(entry, tree, song):
    result = tree(slice_score((entry(song),), None, "2", None, Limits()))
    assert dict(result.find("part/measure/print").attrib) == {}


REPEAT = (
    '<barline location="{0}"><bar-style>heavy-light</bar-style><repeat direction="{1}"/></barline></measure>'
)


def test_repeats_without_an_end_in_the_slice_lose_their_start(entry, tree, song):
    bars = song.split(b"</measure>")  # one of them in a comment
    bars[2] += REPEAT.format("left", "forward").encode()[: -len("</measure>")]
    bars[4] += REPEAT.format("right", "backward").encode()[: -len("</measure>")]
    source = b"</measure>".join(bars)

    def repeats(first: str, last: str) -> list[str]:
        result = tree(slice_score((entry(source),), first, last, ("Voice",), Limits()))
        return [each.get("direction") for each in result.iter("repeat")]

    assert repeats("1", "5") == repeats("2", "4") == ["forward", "backward"]
    assert repeats("1", "3") == []
    assert repeats("3", "4") == ["backward"]
    result = tree(slice_score((entry(source),), "1", "3", ("Voice",), Limits()))
    assert result.find(".//barline") is None


def test_slice_of_one_measure_and_one_part(entry, columns):
    result = slice_score((entry("bach/bwv66.6"),), "5", "5", ("Alto",), Limits())
    assert columns(result).measure_numbers == ("5",)
    assert (result.report["first_measure"], result.report["last_measure"]) == ("5", "5")
    assert len(columns(result).parts) == 1


@pytest.mark.parametrize(
    ("first", "last", "parts", "message"),
    [
        ("99", None, None, "from 0 to 9 .* got '99'"),
        ("5", "4", None, "got 5 to 4"),
        (None, None, ("Tuba",), "got .Tuba."),
        (None, None, (), "at least one part"),
    ],
)
def test_unknown_measures_and_parts_are_refused(entry, first, last, parts, message):
    with pytest.raises(ScoreError, match=message):
        slice_score((entry("bach/bwv66.6"),), first, last, parts, Limits())


def test_limits_apply_to_the_new_score(entry):
    for limits in (Limits(max_notes=20), Limits(max_measures=5)):
        with pytest.raises(TooMuchScoreError):
            extract_parts((entry("bach/bwv66.6"),), ("1",), limits)
        with pytest.raises(TooMuchScoreError):
            slice_score((entry("bach/bwv66.6"),), "1", "8", None, limits)
    assert slice_score((entry("bach/bwv66.6"),), "1", "2", ("1",), limits)
