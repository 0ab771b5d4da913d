"""Fermatas are read where they stand, from every format that has them."""

from __future__ import annotations

from pathlib import Path

import music21
import pytest

from music21_server.reading.formats import read as read_source
from music21_server.reading.formats import recognise
from music21_server.score.limits import Limits
from music21_server.score.table import Fermata
from music21_server.theory.time.phrases import phrase_ends
from music21_server.theory.time.positions import Clock

FERMATA = "<notations><fermata type='upright'/></notations>"
CORPUS = Path(music21.__file__).parent / "corpus"


def places(score):
    return [
        (each.part, each.measure, score.quarters(each.onset))
        for each in sorted(score.fermatas, key=lambda each: (each.part, each.measure, each.onset))
    ]


def corpus_score(name):
    return read_source(recognise((CORPUS / name).read_bytes()), Limits())


def test_over_notes_chords_and_rests(document, note, attributes, read):
    chord = note("C4", 2) + note("E4", 2, FERMATA, first="<chord/>")
    bars = [attributes() + chord + note("D4", 1, FERMATA) + note("r", 1, FERMATA), note("G4", 4)]
    assert places(read(document(bars))) == [(0, 0, 0), (0, 0, 2), (0, 0, 3)]


def test_other_notations_are_none(document, note, attributes, read):
    bow = "<notations><tied type='start'/><articulations><staccato/></articulations></notations>"
    assert read(document([attributes() + note("C4", 4, bow)])).fermatas == ()


def test_notes_that_are_written_alike_have_one_each(document, note, attributes, read):
    bar = note("C4", 2) + note("C4", 2, FERMATA)
    assert places(read(document([attributes() + bar, bar, bar]))) == [(0, bar, 2) for bar in range(3)]


def test_places_are_right_when_later_notes_are_finer(document, note, attributes, read):
    finer = "<attributes><divisions>3</divisions></attributes>"
    bar = attributes(2) + note("C4", 2) + note("D4", 2, FERMATA) + finer + note("E4", 1)
    score = read(document([bar], [attributes(5) + note("C4", 1)]))
    assert score.fermatas == (Fermata(0, 0, score.notes.ticks_per_quarter),)


def test_in_a_staff_of_its_own(document, note, attributes, read):
    upper = note("C5", 4, "<staff>1</staff>" + FERMATA)
    lower = "<backup><duration>4</duration></backup>" + note("C3", 4, "<staff>2</staff>")
    score = read(document([attributes(more="<staves>2</staves>") + upper + lower]))
    assert places(score) == [(0, 0, 0)]


def test_through_music21():
    kern = b"**kern\n*M4/4\n=1\n4c\n4d;\n2e\n=2\n1f;\n==\n*-\n"
    assert places(read_source(recognise(kern), Limits())) == [(0, 0, 1), (0, 1, 0)]


@pytest.mark.parametrize("name", ["bach/bwv66.6.mxl", "bach/bwv269.mxl", "bach/bwv244.10.mxl"])
def test_as_in_music21(name):
    parsed = music21.converter.parse(CORPUS / name, forceSource=True)
    expected = sorted(
        (index, number, element.getOffsetInHierarchy(measure))
        for index, part in enumerate(parsed.parts)
        for number, measure in enumerate(part.getElementsByClass("Measure"))
        for element in measure.recurse().notesAndRests
        if any("Fermata" in each.classes for each in element.expressions)
    )
    assert expected
    assert places(corpus_score(name)) == expected


@pytest.mark.parametrize("name", ["bach/bwv66.6.mxl", "bach/bwv269.mxl"])
def test_a_phrase_of_a_chorale_ends_at_each(name):
    score = corpus_score(name)
    found = {end.tick: end.evidence for end in phrase_ends(score, Clock(score))}
    quarter = score.notes.ticks_per_quarter
    for each in score.fermatas:
        tick = int(score.measure_starts[each.measure]) + each.onset
        evidence = {found.get(tick + late) for late in range(quarter + 1)}
        assert evidence & {"fermata", "end of the score"}
