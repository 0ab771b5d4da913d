"""The answers compared with the analysts: those of the harmony tool, and those of plain music21.

Plain music21 is what a careful user would write: the key of the whole score (`analyze("key")`), every
sonority of `chordify` after `toSoundingPitch`, and `romanNumeralFromChord` of each.
"""

from __future__ import annotations

from typing import Any

from labels import label
from music21 import converter, roman
from timeline import Annotation, Span

from music21_server.engine.analyses import ANALYSES
from music21_server.score.table import Score
from music21_server.theory.analyses.harmony import HarmonyAnalysis
from music21_server.theory.chords.assignment import pitch_classes
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.pitch.names import STEP_CENTS, name_of, parse_key
from music21_server.theory.pitch.transposition import sounding_pitches


def our_spans(score: Score) -> list[Span]:
    """Return the harmony tool's annotations in local keys."""
    analysis: HarmonyAnalysis = ANALYSES["harmony"].function(score, in_local_keys=True)
    unit = score.notes.ticks_per_quarter
    answer = []
    for row in analysis.harmonies:
        key = parse_key(row.key)
        start = round(row.position.offset * unit)
        root = -1 if row.root is None else _pitch_class(row.root)
        annotation = Annotation(label(row.applied or row.numeral, key.pitch_class, key.mode), root)
        answer.append(Span(start, start + round(row.duration_quarters * unit), annotation))
    return answer


def plain_spans(document: bytes, score: Score) -> list[Span]:
    """Return plain music21's annotations.

    Args:
        document: MusicXML.
        score: The same score, for its bars.

    Raises:
        ValueError: music21 reads a different number of bars.
    """
    parsed: Any = converter.parseData(document.decode(), format="musicxml")
    key = parsed.analyze("key")
    measures = list(parsed.toSoundingPitch().chordify().getElementsByClass("Measure"))
    numbers = tuple(f"{measure.number}{measure.numberSuffix or ''}" for measure in measures)
    if len(numbers) != len(score.measure_numbers):
        raise ValueError(f"expected {len(score.measure_numbers)} bars, got {len(numbers)} from music21")
    unit = score.notes.ticks_per_quarter
    answer = []
    for bar, measure in zip(score.measure_starts.tolist(), measures, strict=False):
        for chord in measure.recurse().getElementsByClass("Chord"):
            start = bar + round(float(chord.getOffsetInHierarchy(measure)) * unit)
            numeral = roman.romanNumeralFromChord(chord, key)
            annotation = Annotation(
                label(numeral.figure, key.tonic.pitchClass, key.mode), chord.root().pitchClass
            )
            answer.append(Span(start, start + round(float(chord.quarterLength) * unit), annotation))
    return answer


def sounding(score: Score) -> list[tuple[int, int, frozenset[int]]]:
    """Return the sonorities: ticks from and to, and pitch classes."""
    sonority_table = sonorities(score, sounding_pitches(score))
    classes = pitch_classes(sonority_table.step, sonority_table.alter_cents).tolist()
    return [
        (start, start + duration, frozenset(classes[first:last]))
        for start, duration, first, last in zip(
            sonority_table.start.tolist(),
            sonority_table.duration.tolist(),
            sonority_table.first[:-1].tolist(),
            sonority_table.first[1:].tolist(),
            strict=True,
        )
    ]


def _pitch_class(name: str) -> int:
    step, cents = name_of(name)
    return (STEP_CENTS[step] + cents) // 100 % 12
