"""What is told of a harmonisation: chords with reasons, and notes of the melody that are none of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from music21_server.composition.harmonization.checks import Check, Violation
from music21_server.composition.harmonization.chords import symbol
from music21_server.composition.harmonization.jazz import NINTHS
from music21_server.composition.harmonization.layout import Span
from music21_server.composition.harmonization.melody import Melody
from music21_server.composition.harmonization.melody_fit import NonChordTone
from music21_server.composition.harmonization.part_writing import Harmony
from music21_server.composition.harmonization.pop import ADDED
from music21_server.composition.harmonization.progression import Choices
from music21_server.composition.harmonization.reasons import Ground, Run, reason
from music21_server.composition.harmonization.segments import HarmonicRhythm
from music21_server.composition.harmonization.style import StyleName
from music21_server.score.spelling import pitch_name
from music21_server.theory.harmony.functions import Function
from music21_server.theory.pitch.names import Name, text_of
from music21_server.theory.time.positions import Clock, Position

MOST_LISTED: Final = 400
"""Chords and non-chord tones that a report lists; the score has them all."""


@dataclass(frozen=True)
class ChordReport:
    """A chord and why it is there.

    Attributes:
        position: Where it begins.
        duration_quarters: How long it lasts.
        numeral: Roman numeral with figures in the key.
        symbol: Chord symbol, such as ``Dm7``.
        function: What it does.
        pitches: From the bass up to the melody's note, where the melody has one when it begins.
        common_tones: Notes below the melody that stay from the chord before.
        ground: What spoke for it most: the melody, a cadence or its preparation, the chord before (approach)
            or after (departure), the pace of changes, plainness, the opening, the seed, or the voices.
        why: The same as a sentence.
        next_best: Numeral of the best other chord.
        lead: By how much that would have been dearer, in units of a rather unusual succession; below zero
            where the voices had the last word.
    """

    position: Position
    duration_quarters: float
    numeral: str
    symbol: str
    function: Function
    pitches: tuple[str, ...]
    common_tones: tuple[str, ...]
    ground: Ground
    why: str
    next_best: str
    lead: float


@dataclass(frozen=True)
class ToneReport:
    """A note of the melody that does not belong to its chord.

    Attributes:
        position: Where it begins, or the chord that it does not belong to.
        pitch: Its name with octave.
        kind: Such as ``passing tone``.
        chord: Numeral of the chord.
    """

    position: Position
    pitch: str
    kind: NonChordTone
    chord: str


@dataclass(frozen=True)
class Report:
    """What was done.

    Attributes:
        key: Tonic and mode.
        key_given: Whether it was asked for, and not found.
        style: Of the harmony.
        source: Where its progressions come from.
        seed: Which of the good solutions it is.
        harmonic_rhythm: How often chords could change.
        melody_part: Where the melody was.
        voices: Ranges of the voices below the melody, the highest first, such as ``Alto: G3 to C5``.
        chord_count: Chords in all.
        chords: The first 400 of them.
        non_chord_tones: Of the melody, the first 400 of them.
        is_strict: Whether no strict rule is broken; always true for styles without strict rules.
        checks: What was looked for in the finished score.
        violations: Strict rules that are broken, since the melody allows nothing better.
        remarks: What else there is to know.
    """

    key: str
    key_given: bool
    style: StyleName
    source: str
    seed: int
    harmonic_rhythm: HarmonicRhythm
    melody_part: str
    voices: tuple[str, ...]
    chord_count: int
    chords: tuple[ChordReport, ...]
    non_chord_tones: tuple[ToneReport, ...]
    is_strict: bool
    checks: tuple[Check, ...]
    violations: tuple[Violation, ...]
    remarks: tuple[str, ...]


_EXTENSIONS: Final = {"jazz": NINTHS, "pop": ADDED}


class Telling:
    """Tells what was chosen.

    Args:
        melody: That was harmonised.
        choices: What there was to choose from.
        harmony: What was chosen.
        spans: The chords, as they are set.
    """

    def __init__(self, melody: Melody, choices: Choices, harmony: Harmony, spans: Sequence[Span]) -> None:
        self._melody = melody
        self._choices = choices
        self._harmony = harmony
        self._spans = spans
        self._clock = Clock(melody.score)

    def symbols(self) -> list[str]:
        """Return the chord symbol of each span, with the extensions that sound when its chord begins."""
        return [self._symbol(span) for span in self._spans]

    def _symbol(self, span: Span) -> str:
        extensions = _EXTENSIONS.get(self._choices.style.name, {}).get(span.chord.suffix, {})
        above = [each for each in self._choices.notes[span.segment] if each.weight >= 1]
        sounding = {each.pitch_class for each in above} | {pitch % 12 for pitch in span.pitches}
        for interval, suffix in extensions.items():
            if (span.chord.root + interval) % 12 in sounding:
                return symbol(span.chord, suffix)
        return span.chord.symbol

    def runs(self) -> list[Run]:
        """Return the chords, each from its first segment to its last, however often it is set anew."""
        found: list[Run] = []
        chords = [self._choices.style.chords[index] for index in self._harmony.path]
        for at, segment in enumerate(self._choices.segments):
            if at and chords[at] == chords[at - 1] and not segment.is_first:
                found[-1] = Run(found[-1].first, at)
            else:
                found.append(Run(at, at))
        return found

    def chords(self, runs: Sequence[Run]) -> tuple[ChordReport, ...]:
        """Return some chords with reasons."""
        spans = {span.segment: index for index, span in enumerate(self._spans)}
        return tuple(self._chord(run, spans[run.first]) for run in runs)

    def _chord(self, run: Run, index: int) -> ChordReport:
        span, segments = self._spans[index], self._choices.segments
        start, end = segments[run.first].start, segments[run.last].end
        numbers = dict.fromkeys(note for at in range(run.first, run.last + 1) for note in segments[at].notes)
        notes = [self._melody.notes[number] for number in numbers]
        names = list(dict.fromkeys(text_of(note.name) for note in notes))
        path, wanted = self._harmony.path, self._harmony.progression.path
        why = reason(self._choices, path, wanted, run, _listed(names))
        before = self._spans[index - 1] if index and self._spans[index - 1].end == start else None
        held = [
            pitch
            for pitch, other in zip(span.pitches, before.pitches if before else (), strict=False)
            if pitch == other
        ]
        above = [_pitch(note.name, note.pitch) for note in notes[:1] if note.start <= start]
        return ChordReport(
            position=self._clock.at_tick(start),
            duration_quarters=float(self._melody.score.quarters(end - start)),
            numeral=span.chord.numeral,
            symbol=self._symbol(span),
            function=span.chord.function,
            pitches=(*(_pitch_in(span, pitch) for pitch in reversed(span.pitches)), *above),
            common_tones=tuple(_pitch_in(span, pitch) for pitch in held),
            ground=why.ground,
            why=why.text,
            next_best=why.next_best,
            lead=why.lead,
        )

    def tones(self, most: int) -> tuple[ToneReport, ...]:
        """Return the melody's first notes that do not belong to their chords, at most so many."""
        return tuple(islice(self._tones(), most))

    def _tones(self) -> Iterator[ToneReport]:
        choices = self._choices
        for segment, notes, index in zip(choices.segments, choices.notes, self._harmony.path, strict=True):
            chord = choices.style.chords[index]
            for each in notes:
                if each.pitch_class in chord.pitch_classes:
                    continue
                note = self._melody.notes[each.note]
                is_tension = each.pitch_class in chord.tensions
                yield ToneReport(
                    position=self._clock.at_tick(max(note.start, segment.start)),
                    pitch=_pitch(note.name, note.pitch),
                    kind="tension" if is_tension else each.kind,
                    chord=chord.numeral,
                )


def _listed(names: Sequence[str]) -> str:
    """Return names as in a sentence: ``C, D and E``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _pitch(name: Name, semitones: int) -> str:
    return pitch_name(name[0], name[1], (semitones - name[1] // 100) // 12 - 1)


def _pitch_in(span: Span, semitones: int) -> str:
    """Return a note of a chord as text, spelled as the chord is."""
    return _pitch(span.chord.name_of(semitones % 12), semitones)
