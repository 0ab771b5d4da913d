"""One voice of an ABC tune: events by measure, as its tokens come."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.abc.keys import AbcKey, parse_key
from music21_server.reading.abc.meters import FREE, Meter, default_unit, parse_meter, parse_tempo, parse_unit
from music21_server.reading.abc.tokens import Token
from music21_server.reading.part_builder import LONGEST_MEASURE_QUARTERS
from music21_server.score.limits import Limits

_PROPERTY: Final = re.compile(r'([A-Za-z]+)\s*=\s*("[^"]*"|\S+)')
_OCTAVE_CLEF: Final = re.compile(r"([+-])8")
_FREE_MEASURE_QUARTERS: Final = Fraction(4)
_ANNOTATIONS: Final = "^_<>@"
_FERMATAS: Final = ("fermata", "invertedfermata")
_USUAL_SYMBOLS: Final = {"H": "fermata"}
_TUPLET_TIMES: Final = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
"""Notes in whose time a tuplet is; others take 3 in compound meters and 2 elsewhere (4.13)."""

_LONGEST_SYMBOL: Final = 60
_MOST_BROKEN: Final = 4


@dataclass
class WrittenPitch:
    """A note of an event: step letter, alteration in cents, octave, and its ties."""

    letter: str
    alteration: int
    octave: int
    tied_from: bool = False
    tied_to: bool = False


@dataclass
class Event:
    """A note, chord or rest; a rest has no pitches, a grace note no duration."""

    onset: Fraction
    duration: Fraction
    layer: int
    pitches: list[WrittenPitch] = field(default_factory=list)
    is_grace: bool = False
    has_fermata: bool = False


@dataclass
class Mark:
    """A change of key, meter or tempo, or a chord symbol, at an onset."""

    onset: Fraction
    value: AbcKey | Meter | float | str


@dataclass
class Measure:
    """A measure: its events, its marks, and its length in quarter notes."""

    events: list[Event] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    length: Fraction = Fraction(0)


@dataclass(frozen=True)
class Defaults:
    """Values that the header of a tune states for all voices."""

    meter: Meter = FREE
    unit: Fraction = Fraction(1, 2)
    key: AbcKey = field(default_factory=AbcKey)
    tempo: float | None = None
    symbols: dict[str, str] = field(default_factory=lambda: dict(_USUAL_SYMBOLS))
    octave: int = 0
    semitones: int = 0
    propagation: str = "pitch"


class Voice:
    """A voice. Methods raise UnreadableScoreError for what is out of range.

    Args:
        identity: Identifier of the `V:` field.
        limits: Limits of the score.
    """

    def __init__(self, identity: str, limits: Limits) -> None:
        self.identity = identity
        self.name = ""
        self.measures: list[Measure] = []
        self.unknown = 0
        self.semitones = 0
        self.key = AbcKey()
        self.meter = FREE
        self._limits = limits
        self._unit = Fraction(1, 2)
        self._octave = 0
        self._symbols: dict[str, str] = {}
        self._propagation = "pitch"
        self._measure = Measure()
        self._now = Fraction(0)
        self._layer = 0
        self._altered: dict[tuple[str, int], int] = {}
        self._open_ties: dict[tuple[str, int, int], WrittenPitch] = {}
        self._last: Event | None = None
        self._chord: list[Token] | None = None
        self._chord_ties: set[int] = set()
        self._graces: list[Token] | None = None
        self._held_graces: list[Token] = []
        self._fermata = False
        self._broken = Fraction(1)
        self._tuplet_left = 0
        self._tuplet_ratio = Fraction(1)
        self._is_prepared = False

    def prepare(self, defaults: Defaults) -> None:
        """Begin with what the header says, once."""
        if self._is_prepared:
            return
        self._is_prepared = True
        self.key, self.meter = defaults.key, defaults.meter
        self._unit, self._symbols = defaults.unit, dict(defaults.symbols)
        self._propagation = defaults.propagation
        self._octave += defaults.octave
        self.semitones = self.semitones or defaults.semitones
        self._mark(self.key)
        if self.meter.text:
            self._mark(self.meter)
        if defaults.tempo is not None:
            self._mark(defaults.tempo)

    def set_properties(self, text: str) -> None:
        """Take what follows the identifier of a `V:` field, or the key in a `K:` field."""
        octave, semitones = octave_and_semitones(text)
        self._octave += octave
        self.semitones = semitones or self.semitones
        for name, value in _PROPERTY.findall(text):
            if name in ("name", "nm"):
                self.name = value.strip('"').replace("\\n", " ").strip()

    def take_field(self, letter: str, text: str) -> None:
        """Take a field in the body."""
        if letter == "K":
            key = parse_key(text, self.key)
            self.set_properties(text)
            if key is not None:
                self.key = key
                self._altered = {}
                self._mark(key)
        elif letter == "M":
            self.meter = parse_meter(text)
            self._mark(self.meter)
        elif letter == "L":
            self._unit = parse_unit(text) or self._unit
        elif letter == "Q":
            tempo = parse_tempo(text, self._unit)
            if tempo is not None:
                self._mark(tempo)
        elif letter == "U":
            self._symbols.update(user_symbol(text))
        elif letter == "I":
            self._propagation = propagation(text) or self._propagation

    def take(self, token: Token) -> None:
        """Take a token of music, other than a field."""
        if self._graces is not None and token.kind != "grace_end":
            if token.kind == "note":
                self._graces.append(token)
            return
        if self._chord is not None and token.kind in ("note", "tie"):
            if token.kind == "note":
                self._chord.append(token)
            elif self._chord:
                self._chord_ties.add(len(self._chord) - 1)
            return
        handler = getattr(self, f"_take_{token.kind}", None)
        if handler is not None:
            handler(token)

    # Notes and rests

    def _take_note(self, token: Token) -> None:
        self._add([token], token.length)

    def _take_chord(self, _: Token) -> None:
        self._chord = []
        self._chord_ties = set()

    def _take_chord_end(self, token: Token) -> None:
        notes, self._chord = self._chord, None
        if notes:
            event = self._add(notes, notes[0].length * token.length)
            for index in self._chord_ties:
                self._begin_tie(event, event.pitches[index])

    def _take_rest(self, token: Token) -> None:
        self._add([], token.length)

    def _take_bars(self, token: Token) -> None:
        count = int(token.length)
        self._limits.check("max_measures", len(self.measures) + count)
        for index in range(count):
            length = self.meter.quarters or _FREE_MEASURE_QUARTERS
            self._measure.events.append(Event(self._now, length, self._layer))
            self._now += length
            if index < count - 1:
                self._end_measure()

    def _add(self, notes: list[Token], length: Fraction) -> Event:
        duration = length * self._unit * self._broken
        self._broken = Fraction(1)
        if self._tuplet_left:
            duration *= self._tuplet_ratio
            self._tuplet_left -= 1
        self._write_graces()
        event = Event(self._now, duration, self._layer, has_fermata=self._fermata)
        self._fermata = False
        event.pitches = [self._pitch(each) for each in notes]
        self._close_ties(event)
        self._measure.events.append(event)
        self._move(duration)
        self._last = event
        return event

    def _move(self, duration: Fraction) -> None:
        self._now += duration
        self._measure.length = max(self._measure.length, self._now)
        if self._now > LONGEST_MEASURE_QUARTERS:
            raise UnreadableScoreError(
                f"Expected measures of at most {LONGEST_MEASURE_QUARTERS} quarter notes in ABC, got "
                f"{float(self._now):,.0f} in measure {len(self.measures) + 1}: add barlines."
            )

    def _pitch(self, token: Token) -> WrittenPitch:
        octave = token.octave + self._octave
        place = (token.text, 0 if self._propagation == "pitch" else octave)
        if token.alteration is not None:
            if self._propagation != "not":
                self._altered[place] = token.alteration
            return WrittenPitch(token.text, token.alteration, octave)
        tied = self._open_ties.get((token.text, octave, self._layer))
        if tied is not None:
            return WrittenPitch(token.text, tied.alteration, octave)
        alteration = self._altered.get(place, 100 * self.key.alterations.get(token.text, 0))
        return WrittenPitch(token.text, alteration, octave)

    def _take_grace(self, _: Token) -> None:
        self._graces = []

    def _take_grace_end(self, _: Token) -> None:
        self._held_graces += self._graces or []
        self._graces = None

    def _write_graces(self) -> None:
        for token in self._held_graces:
            pitch = self._pitch(token)
            event = Event(self._now, Fraction(0), self._layer, [pitch], is_grace=True)
            self._measure.events.append(event)
        self._held_graces = []

    # Ties, rhythm and marks

    def _take_tie(self, _: Token) -> None:
        if self._last is not None:
            for pitch in self._last.pitches:
                self._begin_tie(self._last, pitch)

    def _begin_tie(self, event: Event, pitch: WrittenPitch) -> None:
        self._open_ties[pitch.letter, pitch.octave, event.layer] = pitch

    def _close_ties(self, event: Event) -> None:
        for pitch in event.pitches:
            before = self._open_ties.get((pitch.letter, pitch.octave, event.layer))
            if before is not None and before.alteration == pitch.alteration:
                before.tied_to = pitch.tied_from = True
        # A tie that the next event does not take up is none.
        self._open_ties = {at: each for at, each in self._open_ties.items() if at[2] != event.layer}

    def _take_broken(self, token: Token) -> None:
        if self._last is None or not token.text:
            return
        part = Fraction(1, 2 ** min(len(token.text), _MOST_BROKEN))
        first, second = (2 - part, part) if token.text[0] == ">" else (part, 2 - part)
        change = self._last.duration * (first - 1)
        self._last.duration += change
        self._now += change
        self._measure.length = max(
            (each.onset + each.duration for each in self._measure.events), default=Fraction(0)
        )
        self._broken = second

    def _take_tuplet(self, token: Token) -> None:
        notes, time, count = token.numbers
        if not notes:
            return
        usual = _TUPLET_TIMES.get(notes, 3 if self.meter.is_compound else 2)
        self._tuplet_ratio = Fraction(time or usual, notes)
        self._tuplet_left = count or notes

    def _take_overlay(self, token: Token) -> None:
        if token.text.startswith("&"):
            self._now = Fraction(0)
            self._layer += 1

    def _take_quoted(self, token: Token) -> None:
        text = token.text.replace("♭", "b").replace("♯", "#")
        symbol = re.split(r"[;\n]|\\n", text, maxsplit=1)[0].strip()
        if symbol and symbol[0] not in _ANNOTATIONS:
            self._mark(symbol[:_LONGEST_SYMBOL])

    def _take_decoration(self, token: Token) -> None:
        self._fermata |= token.text in _FERMATAS

    def _take_symbol(self, token: Token) -> None:
        self._fermata |= self._symbols.get(token.text, "") in _FERMATAS

    def _take_unknown(self, _: Token) -> None:
        self.unknown += 1

    def _mark(self, value: AbcKey | Meter | float | str) -> None:
        self._measure.marks.append(Mark(self._now, value))

    # Measures

    def _take_bar(self, _: Token) -> None:
        self._end_measure()

    def _end_measure(self) -> None:
        self._write_graces()
        self._altered = {}
        measure = self._measure
        if not measure.events:
            self._now = Fraction(0)
            return
        measure.length = max(each.onset + each.duration for each in measure.events)
        self._limits.check("max_measures", len(self.measures) + 1)
        self.measures.append(measure)
        # What stands just before the barline holds from the next measure on.
        late = [each for each in measure.marks if measure.length and each.onset >= measure.length]
        measure.marks = [each for each in measure.marks if each not in late]
        self._measure = Measure(marks=[Mark(Fraction(0), each.value) for each in late])
        self._now = Fraction(0)
        if self._layer:
            self._layer = 0
            self._open_ties = {at: each for at, each in self._open_ties.items() if at[2] == 0}

    def finish(self) -> None:
        """End the last measure; marks after it are left out."""
        self._end_measure()


def octave_and_semitones(text: str) -> tuple[int, int]:
    """Return the octaves by which notes are read higher, and the semitones by which they sound higher."""
    octave = semitones = 0
    for name, value in _PROPERTY.findall(text):
        if name == "octave" and re.fullmatch(r"[+-]?\d", value):
            octave = int(value)
        elif name == "transpose" and re.fullmatch(r"[+-]?\d{1,2}", value):
            semitones += int(value)
        elif name == "clef" and (sign := _OCTAVE_CLEF.search(value)):
            semitones += 12 if sign[1] == "+" else -12
    return octave, semitones


def user_symbol(text: str) -> dict[str, str]:
    """Return the letter of a `U:` field with its decoration, such as ``{"T": "fermata"}``."""
    letter, equals, value = text.partition("=")
    return {letter.strip(): value.strip().strip("!+")} if equals and len(letter.strip()) == 1 else {}


def propagation(text: str) -> str | None:
    """Return how far accidentals hold, from an `I:` field or a directive; None if it says something else."""
    match = re.match(r"propagate-accidentals\s+(not|octave|pitch)", text.strip())
    return match[1] if match else None


def header_unit(text: str | None, meter: Meter) -> Fraction:
    """Return the unit length that a header states, or the usual one for its meter."""
    return (parse_unit(text) if text else None) or default_unit(meter)
