"""Human analyses in RomanText, read by music21."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from labels import label
from music21 import converter
from timeline import Annotation, Bars, Place, Span, spans
from works import Work


def human_spans(work: Work, bars: Bars) -> list[Span]:
    """Return the analyst's annotations of a score.

    Args:
        work: The work, with its analysis.
        bars: Bars of the score.
    """
    annotations = list(_annotations(work))
    aligned: list[Span] = []
    for passage in work.passages:
        moved = [
            (replace(place, bar=place.bar - passage.first + passage.in_score), each)
            for place, each in annotations
            if passage.first <= place.bar <= passage.last
        ]
        aligned += spans(moved, bars)
    return _cut_overlaps(sorted(aligned, key=lambda span: span.start))


def _cut_overlaps(ordered: list[Span]) -> list[Span]:
    """Return the spans, each cut short where the next one begins."""
    starts = [span.start for span in ordered[1:]]
    ends = [min(span.end, start) for span, start in zip(ordered, starts, strict=False)]
    ends += [span.end for span in ordered[-1:]]
    return [replace(span, end=end) for span, end in zip(ordered, ends, strict=True) if span.start < end]


def _annotations(work: Work) -> Iterator[tuple[Place, Annotation]]:
    analysis: Any = converter.parse(work.analysis.read_text("utf-8"), format="romantext")
    for measure in analysis.recurse().getElementsByClass("Measure"):
        for numeral in measure.getElementsByClass("RomanNumeral"):
            tonic = (numeral.key.tonic.pitchClass + work.semitones) % 12
            place = Place(measure.number, float(numeral.offset + measure.paddingLeft))
            yield (
                place,
                Annotation(
                    label=label(numeral.figure, tonic, numeral.key.mode),
                    root=(numeral.root().pitchClass + work.semitones) % 12,
                    chord=frozenset((each + work.semitones) % 12 for each in numeral.pitchClasses),
                ),
            )
