"""The report of a harmonisation: its chords with reasons, and the non-chord tones of the melody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from music21_server.composition.harmonization.checks import Check, Violation
from music21_server.composition.harmonization.jazz import NINTHS
from music21_server.composition.harmonization.layout import Span
from music21_server.composition.harmonization.melody import Melody
from music21_server.composition.harmonization.melody_fit import NonChordTone
from music21_server.composition.harmonization.part_writing import Harmony
from music21_server.composition.harmonization.pop import ADDED
from music21_server.composition.harmonization.progression import ProgressionCosts
from music21_server.composition.harmonization.reasons import Ground, Run, reason
from music21_server.composition.harmonization.segments import HarmonicRhythm
from music21_server.composition.harmonization.style import StyleName
from music21_server.score.spelling import pitch_name
from music21_server.theory.harmony.functions import Function
from music21_server.theory.pitch.names import Name, text_of
from music21_server.theory.time.positions import Clock, Position

MOST_LISTED: Final = 400
"""Largest number of chords and of non-chord tones that a report lists; the score has them all."""


@dataclass(frozen=True)
class ChordReport:
    """A chord and the reason for choosing it.

    Attributes:
        position: Position of its beginning.
        duration_quarters: Duration in quarter notes.
        numeral: Roman numeral with figures in the key.
        symbol: Chord symbol, such as ``Dm7``.
        function: Harmonic function.
        pitches: Pitches from the bass up to the melody's note, if the melody sounds when the chord begins.
        common_tones: Pitches below the melody that are kept from the previous chord.
        ground: Strongest reason for the chord: the melody, a cadence or its preparation, the chord before
            (approach) or after (departure), the pace of chord changes, plainness, the opening, the seed, or
            the voices.
        why: The same as a sentence.
        next_best: Numeral of the best other chord.
        lead: Additional cost of that chord, where a rather unusual succession costs 1; negative if the chord
            was chosen for the sake of the voices.
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
        position: Position of its beginning, or of the chord if that begins later.
        pitch: Name with octave.
        kind: Kind of non-chord tone, such as ``passing tone``.
        chord: Numeral of the chord.
    """

    position: Position
    pitch: str
    kind: NonChordTone
    chord: str


@dataclass(frozen=True)
class Report:
    """Report of a harmonisation.

    Attributes:
        key: Tonic and mode.
        key_given: Whether the key was given and not detected.
        style: Style of the harmony.
        source: Books that describe the progressions of the style.
        seed: Seed of the request.
        harmonic_rhythm: How often chords could change.
        melody_part: Name of the part that has the melody.
        voices: Ranges of the voices below the melody, the highest first, such as ``Alto: G3 to C5``.
        chord_count: Number of all chords.
        chords: The first 400 chords.
        non_chord_tones: The first 400 non-chord tones of the melody.
        is_strict: Whether no strict rule is broken; always true for styles without strict rules.
        checks: Rules that were checked in the finished score.
        violations: Strict rules that are broken because the melody allows nothing better.
        remarks: Further remarks.
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


class ReportBuilder:
    """Describes the chords and non-chord tones of a harmonisation.

    Args:
        melody: Melody that was harmonised.
        costs: Costs of all chords.
        harmony: Chords and voices that were chosen.
        spans: The chords as they are set.
    """

    def __init__(
        self, melody: Melody, costs: ProgressionCosts, harmony: Harmony, spans: Sequence[Span]
    ) -> None:
        self._melody = melody
        self._costs = costs
        self._harmony = harmony
        self._spans = spans
        self._clock = Clock(melody.score)

    def symbols(self) -> list[str]:
        """Return the chord symbol of each span, with the extensions that sound when its chord begins."""
        return [self._symbol(span) for span in self._spans]

    def _symbol(self, span: Span) -> str:
        extensions = _EXTENSIONS.get(self._costs.style.name, {}).get(span.chord.suffix, {})
        long_notes = [note for note in self._costs.notes[span.segment] if note.weight >= 1]
        sounding = {note.pitch_class for note in long_notes} | {pitch % 12 for pitch in span.pitches}
        for interval, suffix in extensions.items():
            if (span.chord.root + interval) % 12 in sounding:
                return span.chord.symbol_with(suffix)
        return span.chord.symbol

    def runs(self) -> list[Run]:
        """Return the segments of each chord; a chord that is revoiced stays one run."""
        runs: list[Run] = []
        chords = [self._costs.style.chords[index] for index in self._harmony.path]
        for at, segment in enumerate(self._costs.segments):
            if at and chords[at] == chords[at - 1] and not segment.is_first:
                runs[-1] = Run(runs[-1].first, at)
            else:
                runs.append(Run(at, at))
        return runs

    def chords(self, runs: Sequence[Run]) -> tuple[ChordReport, ...]:
        """Return the reports of some chords."""
        spans = {span.segment: index for index, span in enumerate(self._spans)}
        return tuple(self._chord(run, spans[run.first]) for run in runs)

    def _chord(self, run: Run, span_index: int) -> ChordReport:
        span, segments = self._spans[span_index], self._costs.segments
        start, end = segments[run.first].start, segments[run.last].end
        indices = dict.fromkeys(note for at in range(run.first, run.last + 1) for note in segments[at].notes)
        notes = [self._melody.notes[index] for index in indices]
        names = list(dict.fromkeys(text_of(note.name) for note in notes))
        path, best_path = self._harmony.path, self._harmony.progression.path
        why = reason(self._costs, path, best_path, run, _enumeration(names))
        before = (
            self._spans[span_index - 1] if span_index and self._spans[span_index - 1].end == start else None
        )
        common = [
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
            common_tones=tuple(_pitch_in(span, pitch) for pitch in common),
            ground=why.ground,
            why=why.text,
            next_best=why.next_best,
            lead=why.lead,
        )

    def tones(self, most: int) -> tuple[ToneReport, ...]:
        """Return the first non-chord tones of the melody, at most `most`."""
        return tuple(islice(self._tones(), most))

    def _tones(self) -> Iterator[ToneReport]:
        costs = self._costs
        for segment, notes, index in zip(costs.segments, costs.notes, self._harmony.path, strict=True):
            chord = costs.style.chords[index]
            for segment_note in notes:
                if segment_note.pitch_class in chord.pitch_classes:
                    continue
                note = self._melody.notes[segment_note.note]
                is_tension = segment_note.pitch_class in chord.tensions
                yield ToneReport(
                    position=self._clock.at_tick(max(note.start, segment.start)),
                    pitch=_pitch(note.name, note.pitch),
                    kind="tension" if is_tension else segment_note.kind,
                    chord=chord.numeral,
                )


def _enumeration(names: Sequence[str]) -> str:
    """Return names as a phrase, such as ``C, D and E``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _pitch(name: Name, semitones: int) -> str:
    return pitch_name(name[0], name[1], (semitones - name[1] // 100) // 12 - 1)


def _pitch_in(span: Span, semitones: int) -> str:
    """Return the name of a chord's note, spelled as in the chord."""
    return _pitch(span.chord.name_of(semitones % 12), semitones)
