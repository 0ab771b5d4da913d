"""Counts in the finished score how often a harmonisation breaks each rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Final

from pydantic import Field

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.layout import Span
from music21_server.composition.harmonization.style import STRICT, PartWritingCosts
from music21_server.composition.harmonization.voicings import VoiceRange
from music21_server.score.table import Score
from music21_server.theory.analyses.voice_leading import voice_leading
from music21_server.theory.pitch.transposition import sounding_pitches
from music21_server.theory.time.positions import Clock

KINDS: Final = (
    "parallel fifths", "parallel octaves", "parallel unisons", "fifths by contrary motion",
    "octaves by contrary motion", "direct fifth", "direct octave", "voice crossing", "voice overlap",
)  # fmt: skip
"""Kinds of findings of `voice_leading_analysis` that part-writing rules forbid."""

RANGE, TENDENCY = "out of range", "unresolved leading notes or sevenths"

_MOST_LISTED: Final = 200


@dataclass(frozen=True)
class Check:
    """A rule and how often it is broken.

    Attributes:
        rule: Name of the rule, such as ``parallel fifths``.
        count: Number of places that break it.
        is_strict: Whether the style forbids it.
    """

    rule: str
    count: Annotated[int, Field(serialization_alias="found")]
    is_strict: bool


@dataclass(frozen=True)
class Violation:
    """A strict rule that is broken.

    Attributes:
        rule: Name of the rule.
        measure: Printed number of the measure.
        beat: Beat in the measure, from 1.
        what: Voices and notes.
    """

    rule: str
    measure: str
    beat: float
    what: str


@dataclass(frozen=True)
class CheckResult:
    """Result of all checks.

    Attributes:
        checks: Exact counts for each rule.
        violations: Up to 200 violations of strict rules, by rule and time.
    """

    checks: tuple[Check, ...]
    violations: tuple[Violation, ...]


def check_rules(
    score: Score, spans: Sequence[Span], below: tuple[VoiceRange, ...], part_writing: PartWritingCosts
) -> CheckResult:
    """Return how often a harmonisation breaks each rule.

    Args:
        score: The finished score.
        spans: Chords of the score.
        below: Ranges of the voices below the melody.
        part_writing: Costs that determine which rules are strict in the style.
    """
    clock = Clock(score)
    analysis = voice_leading(score, sounding_pitches(score), kinds=KINDS, most=_MOST_LISTED)
    strict = _strict(part_writing)
    checks = [Check(kind.kind, kind.count, kind.kind in strict) for kind in analysis.counts]
    violations = [
        Violation(
            finding.kind,
            finding.position.measure,
            finding.position.beat,
            f"{finding.upper_voice} {finding.upper_from or 'rest'} → {finding.upper_to}, "
            f"{finding.lower_voice} {finding.lower_from or 'rest'} → {finding.lower_to}",
        )
        for finding in analysis.findings
        if finding.kind in strict
    ]
    outside = list(_outside(spans, below, clock))
    unresolved = list(_unresolved(spans, below, clock))
    checks += [Check(RANGE, len(outside), True), Check(TENDENCY, len(unresolved), TENDENCY in strict)]
    all_violations = [*violations, *outside, *(unresolved if TENDENCY in strict else ())]
    return CheckResult(tuple(checks), tuple(all_violations[:_MOST_LISTED]))


def _strict(part_writing: PartWritingCosts) -> frozenset[str]:
    """Return the rules of `KINDS`, and `TENDENCY`, that a style enforces; crossings are always forbidden."""
    by_cost = (
        (KINDS[:5], part_writing.parallel),
        (KINDS[5:7], part_writing.direct),
        (KINDS[8:], part_writing.overlap),
        ((TENDENCY,), part_writing.tendency),
    )
    strict = {kind for kinds, cost in by_cost if cost >= STRICT for kind in kinds}
    return frozenset({"voice crossing", *strict})


def _outside(spans: Sequence[Span], below: tuple[VoiceRange, ...], clock: Clock) -> Iterator[Violation]:
    for span in spans:
        for voice, pitch in zip(below, span.pitches, strict=True):
            if not voice.lowest <= pitch <= voice.highest:
                at = clock.at_tick(span.start)
                yield Violation(RANGE, at.measure, at.beat, voice.name)


def _unresolved(spans: Sequence[Span], below: tuple[VoiceRange, ...], clock: Clock) -> Iterator[Violation]:
    for one, other in pairwise(spans):
        if one.end != other.start:
            continue
        for index, voice in enumerate(below):
            step = other.pitches[index] - one.pitches[index]
            if not resolves(one.chord, other.chord, one.pitches[index] % 12, step):
                at = clock.at_tick(other.start)
                description = f"{voice.name}, {one.chord.numeral} to {other.chord.numeral}"
                yield Violation(TENDENCY, at.measure, at.beat, description)


def resolves(chord: Chord, after: Chord, pitch_class: int, step: int) -> bool:
    """Return whether a tendency tone resolves; other notes always do.

    A leading note rises by a semitone, a seventh falls by step, or either stays. Where the next chord does
    not contain the note of resolution, they are free. A leading note may also fall by a semitone to become
    the seventh of another dominant.

    Args:
        chord: Chord that has the note.
        after: The next chord.
        pitch_class: Pitch class of the note.
        step: Semitones to the next note of the voice.
    """
    if pitch_class == chord.lead and (pitch_class + 1) % 12 in after.pitch_classes:
        is_new_seventh = step == -1 and after.seventh == (pitch_class - 1) % 12
        return step in (0, 1) or is_new_seventh
    goals = {(pitch_class - 1) % 12, (pitch_class - 2) % 12}
    if pitch_class == chord.seventh and goals & set(after.pitch_classes):
        return step in (0, -1, -2)
    return True
