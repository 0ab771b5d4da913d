"""What human analysts say: RomanText, read by music21."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from labels import label
from music21 import converter
from timeline import Bars, Place, Said, Span, spans
from works import Work


def human_spans(work: Work, bars: Bars) -> list[Span]:
    """Return what the analyst says of each stretch of a score.

    Args:
        work: With its analysis.
        bars: Of the score.
    """
    said = list(_said(work))
    found: list[Span] = []
    for passage in work.passages:
        moved = [
            (replace(place, bar=place.bar - passage.first + passage.in_score), each)
            for place, each in said
            if passage.first <= place.bar <= passage.last
        ]
        found += spans(moved, bars)
    return _one_at_a_time(sorted(found, key=lambda span: span.start))


def _one_at_a_time(found: list[Span]) -> list[Span]:
    """Return stretches cut short where the next one begins."""
    starts = [span.start for span in found[1:]]
    ends = [min(span.end, start) for span, start in zip(found, starts, strict=False)]
    return [
        replace(span, end=end) for span, end in zip(found, [*ends, *(s.end for s in found[-1:])], strict=True)
        if span.start < end
    ]  # fmt: skip


def _said(work: Work) -> Iterator[tuple[Place, Said]]:
    analysis: Any = converter.parse(work.analysis.read_text("utf-8"), format="romantext")
    for measure in analysis.recurse().getElementsByClass("Measure"):
        for numeral in measure.getElementsByClass("RomanNumeral"):
            tonic = (numeral.key.tonic.pitchClass + work.semitones) % 12
            place = Place(measure.number, float(numeral.offset + measure.paddingLeft))
            yield (
                place,
                Said(
                    label=label(numeral.figure, tonic, numeral.key.mode),
                    root=(numeral.root().pitchClass + work.semitones) % 12,
                    chord=frozenset((each + work.semitones) % 12 for each in numeral.pitchClasses),
                ),
            )
