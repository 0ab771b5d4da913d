"""Notes from Humdrum and ABC equal music21's, for every fortieth such work of its corpus."""

from __future__ import annotations

import warnings
from collections import Counter
from fractions import Fraction
from pathlib import Path

import music21
import pytest
from music21 import chord, converter, harmony, note, stream

from music21_server.errors import UnreadableScoreError
from music21_server.reading.formats import read, recognise
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, STEPS

CORPUS = Path(music21.__file__).parent / "corpus"
WORKS = [
    path.relative_to(CORPUS).as_posix()
    for suffix in (".krn", ".abc")
    for path in sorted(CORPUS.rglob(f"*{suffix}"))[::40]
]

pytestmark = pytest.mark.corpus


@pytest.mark.parametrize("name", WORKS)
def test_notes_equal(name):
    path = CORPUS / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = converter.parse(path, forceSource=True, storePickle=False)
    if isinstance(theirs, stream.Opus):
        if len(theirs.scores) > 1 and len({score.metadata.title for score in theirs.scores}) > 1:
            with pytest.raises(UnreadableScoreError, match="one tune"):
                read(recognise(path.read_bytes()), Limits())
            return
        theirs = theirs.mergeScores() if len(theirs.scores) > 1 else theirs.scores[0]
    ours = _ours(read(recognise(path.read_bytes()), Limits()))
    assert ours == _theirs(theirs)
    assert sum(ours.values()) > 0


def _ours(score):
    table = score.notes
    unit = table.ticks_per_quarter
    rows = table.kind == NOTE
    columns = (
        table.part,
        table.measure,
        table.onset,
        table.duration,
        table.step,
        table.alter_cents,
        table.octave,
    )
    return Counter(
        (part, bar, Fraction(onset, unit), Fraction(duration, unit), STEPS[step], alter, octave)
        for part, bar, onset, duration, step, alter, octave in zip(
            *(column[rows].tolist() for column in columns), strict=True
        )
    )


def _theirs(score):
    result = Counter()
    for index, part in enumerate(score.parts):
        bars = part if part.hasMeasures() else part.makeMeasures()
        for number, bar in enumerate(bars.getElementsByClass(stream.Measure)):
            for element in bar.recurse().getElementsByClass((note.Note, chord.Chord)):
                if isinstance(element, harmony.Harmony):
                    continue
                onset = Fraction(element.getOffsetInHierarchy(bar)).limit_denominator(65535)
                duration = Fraction(element.quarterLength).limit_denominator(65535)
                for pitch in element.pitches:
                    cents = round(pitch.alter * 100)
                    result[(index, number, onset, duration, pitch.step, cents, pitch.implicitOctave)] += 1
    return result
