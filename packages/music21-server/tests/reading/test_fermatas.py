"""Fermatas from MusicXML and from formats that music21 reads."""

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


def test_fermatas_over_notes_chords_and_rests(document, note, attributes, read):
    chord = note("C4", 2) + note("E4", 2, FERMATA, first="<chord/>")
    measures = [attributes() + chord + note("D4", 1, FERMATA) + note("r", 1, FERMATA), note("G4", 4)]
    assert places(read(document(measures))) == [(0, 0, 0), (0, 0, 2), (0, 0, 3)]


def test_other_notations_are_not_fermatas(document, note, attributes, read):
    bow = "<notations><tied type='start'/><articulations><staccato/></articulations></notations>"
    assert read(document([attributes() + note("C4", 4, bow)])).fermatas == ()


def test_equal_notes_each_have_their_own_fermata(document, note, attributes, read):
    measure = note("C4", 2) + note("C4", 2, FERMATA)
    score = read(document([attributes() + measure, measure, measure]))
    assert places(score) == [(0, number, 2) for number in range(3)]


def test_onsets_are_rescaled_by_finer_divisions(document, note, attributes, read):
    finer = "<attributes><divisions>3</divisions></attributes>"
    measure = attributes(2) + note("C4", 2) + note("D4", 2, FERMATA) + finer + note("E4", 1)
    score = read(document([measure], [attributes(5) + note("C4", 1)]))
    assert score.fermatas == (Fermata(0, 0, score.notes.ticks_per_quarter),)


def test_fermata_belongs_to_its_staff(document, note, attributes, read):
    upper = note("C5", 4, "<staff>1</staff>" + FERMATA)
    lower = "<backup><duration>4</duration></backup>" + note("C3", 4, "<staff>2</staff>")
    score = read(document([attributes(more="<staves>2</staves>") + upper + lower]))
    assert places(score) == [(0, 0, 0)]


def test_fermatas_in_humdrum():
    kern = b"**kern\n*M4/4\n=1\n4c\n4d;\n2e\n=2\n1f;\n==\n*-\n"
    assert places(read_source(recognise(kern), Limits())) == [(0, 0, 1), (0, 1, 0)]


@pytest.mark.parametrize("name", ["bach/bwv66.6.mxl", "bach/bwv269.mxl", "bach/bwv244.10.mxl"])
def test_fermatas_of_music21_are_the_same(name):
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
def test_phrases_of_a_chorale_end_at_fermatas(name):
    score = corpus_score(name)
    evidence = {end.tick: end.evidence for end in phrase_ends(score, Clock(score))}
    assert score.fermatas
    quarter = score.notes.ticks_per_quarter
    for each in score.fermatas:
        tick = int(score.measure_starts[each.measure]) + each.onset
        nearby = {evidence.get(tick + late) for late in range(quarter + 1)}
        assert nearby & {"fermata", "end of the score"}
