"""An ABC tune as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import count
from typing import Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.abc.keys import AbcKey, parse_key, step_index
from music21_server.reading.abc.lines import Line, Macros, lines
from music21_server.reading.abc.meters import Meter, parse_meter, parse_tempo
from music21_server.reading.abc.tokens import tokens
from music21_server.reading.abc.tunes import Tune
from music21_server.reading.abc.voice import (
    Defaults,
    Measure,
    Voice,
    WrittenPitch,
    header_unit,
    octave_and_semitones,
    propagation,
    user_symbol,
)
from music21_server.reading.exact_rows import ExactRows, PartMeasures
from music21_server.score.limits import Limits
from music21_server.score.table import (
    NO_TIE,
    NOTE,
    REST,
    TIE_CONTINUE,
    TIE_START,
    TIE_STOP,
    ChordSymbol,
    Fermata,
    KeyChange,
    Part,
    Score,
    TempoChange,
    Transposition,
)

_FIRST_VOICE: Final = "1"
_LONGEST_NAME: Final = 200
_STEPS_OF_SEMITONES: Final = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)


def read_tunes(tunes: Sequence[Tune], limits: Limits) -> Score:
    """Return the score of a tune, or of tunes that are the parts of one work.

    Repeats and endings stay as written; bar numbers begin with 1, or with 0 for a pickup.

    Raises:
        UnreadableScoreError: A tune has no note or rest, or a value out of range.
        TooMuchScoreError: The score exceeds a limit.
    """
    readers = []
    for tune in tunes:
        reader = _TuneReader(limits)
        for line in lines(tune.text):
            reader.take(line)
        reader.finish()
        readers.append(reader)
    voices = [voice for reader in readers for voice in reader.sounding()]
    limits.check("max_parts", len(voices))
    if not voices:
        raise UnreadableScoreError("Expected an ABC tune with at least one note or rest, got none.")
    remarks = [remark for reader in readers for remark in reader.remarks()]
    return _score(voices, readers[0].title, readers[0].composer, remarks, limits)


class _TuneReader:
    """Reads one tune line by line."""

    def __init__(self, limits: Limits) -> None:
        self.title = self.composer = ""
        self._limits = limits
        self._voices: dict[str, Voice] = {}
        self._macros = Macros()
        self._defaults = Defaults()
        self._unit_text: str | None = None
        self._tempo_text: str | None = None
        self._is_body = False
        self._current: Voice | None = None
        self._lyrics = 0

    def take(self, line: Line) -> None:
        """Take a line."""
        if line.letter == "%":
            self._take_directive(line.text)
        elif line.letter and self._is_body:
            self._take_body_field(line.letter, line.text)
        elif line.letter:
            self._take_header_field(line.letter, line.text)
        elif self._is_body:
            self._take_music(line.text)

    def _take_directive(self, text: str) -> None:
        if mode := propagation(text):
            self._defaults = replace(self._defaults, propagation=mode)

    def _take_header_field(self, letter: str, text: str) -> None:
        if letter == "T" and not self.title:
            self.title = text[:_LONGEST_NAME]
        elif letter == "C" and not self.composer:
            self.composer = text[:_LONGEST_NAME]
        elif letter == "M":
            self._defaults = replace(self._defaults, meter=parse_meter(text))
        elif letter == "L":
            self._unit_text = text
        elif letter == "Q":
            self._tempo_text = text
        elif letter == "m":
            self._macros.add(text)
        elif letter == "U":
            self._defaults.symbols.update(user_symbol(text))
        elif letter == "I":
            self._take_directive(text)
        elif letter == "V":
            self._voice(text)
        elif letter == "K":
            self._end_header(text)

    def _end_header(self, key: str) -> None:
        unit = header_unit(self._unit_text, self._defaults.meter)
        octave, semitones = octave_and_semitones(key)
        self._defaults = replace(
            self._defaults,
            unit=unit,
            key=parse_key(key) or AbcKey(),
            tempo=parse_tempo(self._tempo_text, unit) if self._tempo_text else None,
            octave=octave,
            semitones=semitones,
        )
        self._is_body = True

    def _take_body_field(self, letter: str, text: str) -> None:
        if letter == "V":
            self._current = self._voice(text)
        elif letter == "m":
            self._macros.add(text)
        elif letter in "wW":
            self._lyrics += 1
        elif letter in "KMLQUI":
            # Before any music a field of the body is one of the header that came late.
            self._speaking().take_field(letter, text)

    def _take_music(self, text: str) -> None:
        voice = self._speaking()
        for token in tokens(self._macros.applied(text)):
            if token.kind == "field":
                self._take_body_field(token.text[0], token.text[1:])
                voice = self._speaking()
            else:
                voice.take(token)

    def _voice(self, text: str) -> Voice:
        identity, _, properties = text.strip().partition(" ")
        voice = self._voices.get(identity)
        if voice is None:
            self._limits.check("max_parts", len(self._voices) + 1)
            voice = self._voices[identity] = Voice(identity, self._limits)
        voice.set_properties(properties)
        return voice

    def _speaking(self) -> Voice:
        """Return the voice that the music belongs to: the last one named in the body, or else the first."""
        if self._current is None:
            self._current = next(iter(self._voices.values()), None) or self._voice(_FIRST_VOICE)
        self._current.prepare(self._defaults)
        return self._current

    def finish(self) -> None:
        """End all voices."""
        for voice in self._voices.values():
            voice.finish()

    def sounding(self) -> list[Voice]:
        """Return the voices that have measures."""
        return [voice for voice in self._voices.values() if voice.measures]

    def remarks(self) -> list[str]:
        """Return sentences about what was left out."""
        remarks = []
        unknown = sum(voice.unknown for voice in self._voices.values())
        if unknown:
            remarks.append(f"Characters that mean nothing in ABC, left out: {unknown:,}.")
        if self._lyrics:
            remarks.append(f"Lines of lyrics, left out: {self._lyrics:,}.")
        return remarks


def _score(
    voices: Sequence[Voice], title: str, composer: str, remarks: Sequence[str], limits: Limits
) -> Score:
    rows = ExactRows(limits)
    numbers = _numbers(voices)
    parts = []
    for index, voice in enumerate(voices):
        for place, measure in enumerate(voice.measures):
            _write_measure(rows, index, place, measure)
        rows.check_notes()
        lengths = [measure.length for measure in voice.measures]
        parts.append(PartMeasures(_part(index, voice), numbers[: len(lengths)], lengths))
    return rows.score(parts, title=title, composer=composer, remarks=remarks)


def _numbers(voices: Sequence[Voice]) -> list[str]:
    """Return the numbers of the measures: from 1, or from 0 if the first one is shorter than its meter."""
    longest = max(len(voice.measures) for voice in voices)
    first = max(voice.measures[0].length for voice in voices)
    meters = [mark.value for mark in voices[0].measures[0].marks if isinstance(mark.value, Meter)]
    is_pickup = longest > 1 and bool(meters) and first < meters[-1].quarters
    numbers = count(0 if is_pickup else 1)
    return [str(next(numbers)) for _ in range(longest)]


def _part(index: int, voice: Voice) -> Part:
    semitones = voice.semitones
    transpositions: tuple[Transposition, ...] = ()
    if semitones:
        octaves, rest = divmod(abs(semitones), 12)
        steps = octaves * 7 + _STEPS_OF_SEMITONES[rest]
        transpositions = (Transposition(0, steps if semitones > 0 else -steps, semitones),)
    return Part(f"P{index + 1}", voice.name[:_LONGEST_NAME], 0, transpositions)


def _write_measure(rows: ExactRows, part: int, place: int, measure: Measure) -> None:
    for event in sorted(measure.events, key=lambda each: each.layer):
        if not event.pitches:
            rows.add(part, place, event.onset, event.duration, REST, 0, 0, 4, NO_TIE, 0, 0, event.layer)
        for pitch in event.pitches:
            tie = NO_TIE if event.is_grace else _tie(pitch)
            rows.add(
                part, place, event.onset, event.duration, NOTE, step_index(pitch.letter), pitch.alteration,
                pitch.octave, tie, int(event.is_grace), 0, event.layer,
            )  # fmt: skip
        if event.has_fermata:
            rows.add_mark(part, place, event.onset, Fermata)
    for mark in measure.marks:
        _write_mark(rows, part, place, mark.onset, mark.value)


def _tie(pitch: WrittenPitch) -> int:
    if pitch.tied_from:
        return TIE_CONTINUE if pitch.tied_to else TIE_STOP
    return TIE_START if pitch.tied_to else NO_TIE


def _write_mark(
    rows: ExactRows, part: int, place: int, onset: Fraction, value: AbcKey | Meter | float | str
) -> None:
    if isinstance(value, AbcKey):
        rows.add_mark(part, place, onset, KeyChange, value.fifths, value.mode)
    elif isinstance(value, Meter):
        rows.add_time(part, place, onset, value.text or "senza misura", value.quarters)
    elif isinstance(value, str):
        rows.add_mark(part, place, onset, ChordSymbol, value)
    else:
        rows.add_mark(part, place, onset, TempoChange, value)
