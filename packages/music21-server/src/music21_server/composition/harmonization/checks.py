"""Whether the voices of a harmonisation keep the rules: counted in the finished score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.layout import Span
from music21_server.composition.harmonization.style import STRICT, Manner
from music21_server.composition.harmonization.voicings import VoiceRange
from music21_server.score.table import Score
from music21_server.theory.analyses.voice_leading import voice_leading
from music21_server.theory.pitch.transposition import sounding_pitches
from music21_server.theory.time.positions import Clock

KINDS: Final = (
    "parallel fifths", "parallel octaves", "parallel unisons", "fifths by contrary motion",
    "octaves by contrary motion", "direct fifth", "direct octave", "voice crossing", "voice overlap",
)  # fmt: skip
"""What `voice_leading_analysis` finds and part-writing forbids."""

RANGE, TENDENCY = "out of range", "unresolved leading notes or sevenths"

_MOST_LISTED: Final = 200


@dataclass(frozen=True)
class Check:
    """One rule.

    Attributes:
        rule: What is looked for, such as ``parallel fifths``.
        found: How often it is there.
        is_strict: Whether the style forbids it.
    """

    rule: str
    found: int
    is_strict: bool


@dataclass(frozen=True)
class Violation:
    """A strict rule that is broken.

    Attributes:
        rule: Which.
        measure: Number of the bar, as printed.
        beat: In it, from 1.
        what: Voices and notes.
    """

    rule: str
    measure: str
    beat: float
    what: str


@dataclass(frozen=True)
class Verdict:
    """What the checks found.

    Attributes:
        checks: Of each rule, exact.
        violations: Of the strict rules, at most 200, in the order of rules and time.
    """

    checks: tuple[Check, ...]
    violations: tuple[Violation, ...]


def checked(score: Score, spans: Sequence[Span], below: tuple[VoiceRange, ...], manner: Manner) -> Verdict:
    """Return whether a harmonisation keeps the rules.

    Args:
        score: The finished one.
        spans: Its chords.
        below: Ranges of the voices below the melody.
        manner: What the style forbids.
    """
    clock = Clock(score)
    found = voice_leading(score, sounding_pitches(score), kinds=KINDS, most=_MOST_LISTED)
    strict = _strict(manner)
    checks = [Check(each.kind, each.count, each.kind in strict) for each in found.counts]
    violations = [
        Violation(
            each.kind,
            each.position.measure,
            each.position.beat,
            f"{each.upper_voice} {each.upper_from or 'rest'} → {each.upper_to}, {each.lower_voice} "
            f"{each.lower_from or 'rest'} → {each.lower_to}",
        )
        for each in found.findings
        if each.kind in strict
    ]
    outside = list(_outside(spans, below, clock))
    unresolved = list(_unresolved(spans, below, clock))
    checks += [Check(RANGE, len(outside), True), Check(TENDENCY, len(unresolved), TENDENCY in strict)]
    listed = [*violations, *outside, *(unresolved if TENDENCY in strict else ())]
    return Verdict(tuple(checks), tuple(listed[:_MOST_LISTED]))


def _strict(manner: Manner) -> frozenset[str]:
    """Return the rules of `KINDS`, and `TENDENCY`, that a style enforces; no voice ever crosses another."""
    by_cost = (
        (KINDS[:5], manner.parallel),
        (KINDS[5:7], manner.direct),
        (KINDS[8:], manner.overlap),
        ((TENDENCY,), manner.tendency),
    )
    kept = {kind for kinds, cost in by_cost if cost >= STRICT for kind in kinds}
    return frozenset({"voice crossing", *kept})


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
        for voice, name in enumerate(below):
            step = other.pitches[voice] - one.pitches[voice]
            if not resolves(one.chord, other.chord, one.pitches[voice] % 12, step):
                at = clock.at_tick(other.start)
                what = f"{name.name}, {one.chord.numeral} to {other.chord.numeral}"
                yield Violation(TENDENCY, at.measure, at.beat, what)


def resolves(chord: Chord, after: Chord, pitch_class: int, step: int) -> bool:
    """Return whether a note goes where it wants to.

    A leading note goes up a semitone, a seventh down a step, or either stays; where the next chord does not
    have the note that it wants to go to, it is free. A leading note may sink a semitone, to become the
    seventh of another dominant.

    Args:
        chord: That it belongs to.
        after: The next chord.
        pitch_class: Of the note.
        step: Semitones to the voice's next note.
    """
    if pitch_class == chord.lead and (pitch_class + 1) % 12 in after.pitch_classes:
        sinks = step == -1 and after.seventh == (pitch_class - 1) % 12
        return step in (0, 1) or sinks
    goals = {(pitch_class - 1) % 12, (pitch_class - 2) % 12}
    if pitch_class == chord.seventh and goals & set(after.pitch_classes):
        return step in (0, -1, -2)
    return True
