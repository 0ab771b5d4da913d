"""Writer of ABC, standard 2.1: a tune with one voice (`V:`) for each layer of each part.

The tunes follow the standard, and avoid what music21 misreads:

* Each voice is written in one piece, because music21 begins a part at every `V:`. Its fields are on separate
  lines, at least two together: music21 loses a single field before a note, and fields in brackets.
* `K:` fields have no clef, because ``bass`` would move the notes by two octaves.
* Tuplets have up to nine notes; others are written as exact lengths, which few programs draw.
* Rests are visible, because music21 skips ``x`` and ``Z`` with their time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from music21_server.score.table import NOTE, REST, KeyChange, Score
from music21_server.writing.abc_fields import (
    MOST_FIFTHS,
    fifths_written,
    key_field,
    quoted,
    tempo_field,
    text_field,
)
from music21_server.writing.abc_measures import AbcMeasures, Marks
from music21_server.writing.abc_meters import meters
from music21_server.writing.layers import GAP, Event, Layer, Layers
from music21_server.writing.marks import by_measure, instruments, moved_to_barlines, tempos_by_measure
from music21_server.writing.notation import alters_of_key, clefs
from music21_server.writing.output import Output
from music21_server.writing.selection import part_name

_LINE: Final = 80
"""Characters after which a line ends at the next barline."""

_CLEFS: Final = {"G": "treble", "F": "bass", "percussion": "perc"}


def write_abc(score: Score) -> Output:
    """Return a score as one ABC tune."""
    layers = Layers(score)
    body = _Body(score, layers)
    voices = [line for layer in layers.layers for line in body.voice(layer)]
    lines = [*_header(score, layers, body), *voices]
    return Output(("\n".join(lines) + "\n").encode(), tuple(_remarks(score, body)))


def _header(score: Score, layers: Layers, body: _Body) -> Iterator[str]:
    yield "%abc-2.1"
    yield "X:1"
    yield f"T:{text_field(score.title)}"
    if score.composer:
        yield f"C:{text_field(score.composer)}"
    yield "L:1/8"
    yield f"M:{body.meters[0].first}"
    first = [tempo for tempo in score.tempos if tempo.measure == tempo.onset == 0]
    if first:
        yield f"Q:{tempo_field(first[0].quarters_per_minute)}"
    if len(layers.layers) > 1:
        staves = [
            _together([str(layer.index + 1) for layer in layers.of_part(part)], "()")
            for part in range(len(score.parts))
        ]
        groups = [_together([staves[part] for part in parts], "{}") for parts in instruments(score)]
        yield f"%%score {' '.join(groups)}"
    yield f"K:{body.key_at_beginning(0)}"


def _together(words: list[str], braces: str) -> str:
    return f"{braces[0]}{' '.join(words)}{braces[1]}" if len(words) > 1 else words[0]


class _Body:
    """Writes voices.

    Attributes:
        meters: Time signatures of each part.
        lost_symbols: Number of chord symbols at which no note or rest of the part's first voice begins.
    """

    def __init__(self, score: Score, layers: Layers) -> None:
        self._score = score
        self._layers = layers
        self._measures = AbcMeasures(score, layers)
        self._clefs = clefs(score)
        self._keys = by_measure(score.keys)
        self._tempos = tempos_by_measure(score)
        self._symbols = by_measure(score.chord_symbols)
        times = by_measure(score.times)
        self.meters = [meters(score, times, part) for part in range(len(score.parts))]
        self.lost_symbols = 0

    def key_at_beginning(self, part: int) -> str:
        """Return the first key of a part."""
        keys = [key for key in self._keys.get((part, 0), []) if not key.onset]
        return key_field(keys[-1].fifths, keys[-1].mode) if keys else "C"

    def voice(self, layer: Layer) -> Iterator[str]:
        """Yield the lines of a voice."""
        part, score = layer.part, self._score
        if len(self._layers.layers) > 1 or score.parts[part].name:
            name = f" name={quoted(part_name(score, part))}" if not layer.rank else ""
            clef = _CLEFS[self._clefs[part].sign]
            yield f"V:{layer.index + 1}{name} clef={clef}{self._transposes(layer, 0)}"
        if layer.index:
            yield f"M:{self.meters[part].first}"
            yield f"K:{self.key_at_beginning(part)}"
        key_alters = alters_of_key(0)
        line = "| " if layer.measures < 3 else ""  # music21 recognises measures only after two barlines
        for measure, events in enumerate(self._layers.measures(layer)):
            fields = list(self._fields(layer, measure)) if measure else []
            if fields:
                if line.strip():
                    yield line.rstrip()
                line = ""
                yield from ["L:1/8", *fields]
            at_start = [key for key in self._keys.get((part, measure), []) if not key.onset]
            if at_start:
                key_alters = alters_of_key(fifths_written(at_start[-1].fifths))
            marks = self._marks(layer, measure)
            self.lost_symbols += sum(
                len(texts) for at, texts in marks.symbols.items() if not _has_room(events, at)
            )
            line += self._measures.notes(layer, measure, events, key_alters, marks)
            line += " |" if measure < layer.measures - 1 or layer.measures < 3 else " |]"
            later = [key for key in self._keys.get((part, measure), []) if key.onset]
            if later:
                key_alters = alters_of_key(fifths_written(later[-1].fifths))
            if len(line) >= _LINE:
                yield line
                line = ""
            else:
                line += " "
        if line.strip():
            yield line.rstrip()

    def _fields(self, layer: Layer, measure: int) -> Iterator[str]:
        """Yield the fields before a measure."""
        part = layer.part
        if meter := self.meters[part].changes[measure]:
            yield f"M:{meter}"
        keys = list(moved_to_barlines(self._keys, part, measure))
        transposes = self._transposes(layer, measure)
        if keys or transposes:
            key = keys[-1] if keys else self._key_before(part, measure)
            yield f"K:{key_field(key.fifths, key.mode) if key else 'C'}{transposes}"
        if not layer.index:
            for tempo in self._tempos.get(measure, []):
                if not tempo.onset:
                    yield f"Q:{tempo_field(tempo.quarters_per_minute)}"

    def _marks(self, layer: Layer, measure: int) -> Marks:
        at = (layer.part, measure)
        fields: dict[int, str] = defaultdict(str)
        for key in self._keys.get(at, []):
            if key.onset:
                fields[key.onset] += f"[K:{key_field(key.fifths, key.mode)}]"
        if not layer.index:
            for tempo in self._tempos.get(measure, []):
                if tempo.onset:
                    fields[tempo.onset] += f"[Q:{tempo_field(tempo.quarters_per_minute)}]"
        symbols: dict[int, list[str]] = defaultdict(list)
        if not layer.rank:
            for symbol in self._symbols.get(at, []):
                symbols[symbol.onset].append(symbol.text)
        return Marks(fields, symbols)

    def _transposes(self, layer: Layer, measure: int) -> str:
        """Return the transposition that begins at a measure, as a part of a field; empty for none."""
        for each in self._score.parts[layer.part].transpositions:
            if each.measure == measure and (each.chromatic or measure):
                return f" transpose={each.chromatic}"
        return ""

    def _key_before(self, part: int, measure: int) -> KeyChange | None:
        for earlier in range(measure - 1, -1, -1):
            if keys := self._keys.get((part, earlier)):
                return keys[-1]
        return None


def _has_room(events: list[Event], at: int) -> bool:
    """Return whether a note begins, or a rest can be divided, at the onset of a chord symbol."""
    return any(
        event.onset == at or (event.kind in (REST, GAP) and event.onset < at < event.onset + event.ticks)
        for event in events
        if event.ticks
    )


def _remarks(score: Score, body: _Body) -> Iterator[str]:
    table = score.notes
    pitched = (table.kind == NOTE) & ~table.cue
    between = int((pitched & (table.alter_cents % 100 != 0)).sum())
    if between:
        yield f"Notes between semitones, written on the nearest one: {between:,}."
    cues = int((table.cue & (table.kind != REST)).sum())
    if cues:
        yield f"Cue notes left out: {cues:,}."
    if body.lost_symbols:
        yield f"Chord symbols left out, at which no note or rest begins: {body.lost_symbols:,}."
    long_measures = frozenset().union(*(each.long_measures for each in body.meters))
    if long_measures:
        yield f"Measures longer than their time signature, written with a longer one: {len(long_measures):,}."
    keys = sum(abs(key.fifths) > MOST_FIFTHS for key in score.keys)
    if keys:
        yield f"Keys of more than {MOST_FIFTHS} sharps or flats, written as accidentals: {keys:,}."
