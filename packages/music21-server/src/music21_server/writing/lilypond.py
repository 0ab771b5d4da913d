"""Writer of LilyPond 2.24: a staff for each part, a voice for each layer, and bar checks.

Every note has an absolute pitch and its own length, so that measures can be copied. Keys, time signatures and
other marks of a part are in a voice without notes, parallel to its layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Final

from music21_server.score.table import NOTE, REST, TIE_OTHER, UNPITCHED, Score
from music21_server.writing import lilypond_tokens as tokens
from music21_server.writing.layers import GAP, Event, Layer, Layers, is_measure_rest, with_graces
from music21_server.writing.lilypond_marks import Marks
from music21_server.writing.marks import instruments, is_pickup
from music21_server.writing.note_values import NoteValue, note_value
from music21_server.writing.output import Output
from music21_server.writing.selection import part_name
from music21_server.writing.tuplets import tuplet_runs

_VOICES: Final = ("\\voiceOne", "\\voiceTwo", "\\voiceThree", "\\voiceFour")
_USUAL_STAVES: Final = 10
"""Staves that fit on a page at the usual size."""

_USUAL_SIZE: Final = 20
_SMALLEST_SIZE: Final = 6
"""Heights of a staff in points."""


def write_lilypond(score: Score) -> Output:
    """Return a score as a LilyPond file, with a layout and a MIDI block."""
    layers = Layers(score)
    notes, marks = _Notes(score, layers), Marks(score)
    lines = list(_head(score))
    for part in range(len(score.parts)):
        lines += [f"signs{tokens.variable_suffix(part)} = {{", *_indented(marks.lines(part)), "}", ""]
    for layer in layers.layers:
        lines += [f"notes{tokens.variable_suffix(layer.index)} = {{", *_indented(notes.lines(layer)), "}", ""]
    lines += _structure(score, layers)
    return Output(("\n".join(lines) + "\n").encode(), tuple(_remarks(score)))


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _head(score: Score) -> Iterator[str]:
    yield '\\version "2.24.0"'
    if len(score.parts) > _USUAL_STAVES:
        size = max(_SMALLEST_SIZE, _USUAL_SIZE * _USUAL_STAVES // len(score.parts))
        yield f"#(set-global-staff-size {size})"
    yield "\\header {"
    if score.title:
        yield f"  title = {tokens.string(score.title)}"
    if score.composer:
        yield f"  composer = {tokens.string(score.composer)}"
    yield "  tagline = ##f"
    yield "}"
    yield ""


def _structure(score: Score, layers: Layers) -> Iterator[str]:
    yield "\\score {"
    yield "  <<"
    for parts in instruments(score):
        name = f"instrumentName = {tokens.string(part_name(score, parts[0]))}"
        if len(parts) == 1:
            yield from _staff(layers, parts[0], f" \\with {{ {name} }}", "    ")
        else:
            yield f"    \\new PianoStaff \\with {{ {name} }} <<"
            for part in parts:
                yield from _staff(layers, part, "", "      ")
            yield "    >>"
    yield "  >>"
    for output in ("layout", "midi"):
        yield f"  \\{output} {{{_own_timing() if _times_differ(score) else ' '}}}"
    yield "}"


def _staff(layers: Layers, part: int, settings: str, margin: str) -> Iterator[str]:
    yield f"{margin}\\new Staff{settings} <<"
    yield f"{margin}  \\new Voice {{ \\signs{tokens.variable_suffix(part)} }}"
    for layer in layers.of_part(part):
        yield f"{margin}  \\new Voice {{ \\notes{tokens.variable_suffix(layer.index)} }}"
    yield f"{margin}>>"


def _times_differ(score: Score) -> bool:
    """Return whether parts have different time signatures at the same time."""
    by_part: dict[int, set[tuple[int, int, str]]] = {part: set() for part in range(len(score.parts))}
    for time in score.times:
        by_part[time.part].add((time.measure, time.onset, time.text))
    return len({frozenset(each) for each in by_part.values()}) > 1


def _own_timing() -> str:
    """Return the context settings for separate time signatures in each staff."""
    return (
        " \\context { \\Score \\remove Timing_translator } "
        "\\context { \\Staff \\consists Timing_translator } "
    )


class _Notes:
    """Writes the notes of each layer."""

    def __init__(self, score: Score, layers: Layers) -> None:
        self._layers = layers
        table = score.notes
        self._unit = table.ticks_per_quarter
        self._step, self._octave = table.step.tolist(), table.octave.tolist()
        self._alter = table.alter_cents.tolist()
        self._tied = layers.tied.tolist()
        self._rings = (table.tie == TIE_OTHER).tolist()
        self._pickup = [is_pickup(score, part) for part in range(len(score.parts))]
        self._fermatas = {(each.part, each.measure, each.onset) for each in score.fermatas}
        self._value = cache(self._value_of)
        self._length = cache(self._length_of)

    def lines(self, layer: Layer) -> Iterator[str]:
        """Yield the measures of a layer; equal measures of rest are combined."""
        is_alone = len(self._layers.of_part(layer.part)) == 1
        stems = _VOICES[min(layer.rank, len(_VOICES) - 1)] if layer.rank else ""
        if stems:
            yield stems
        waiting, rest = 0, ""
        for measure, events in enumerate(self._layers.measures(layer)):
            if not events:
                continue
            command = stems
            if not is_alone and not layer.rank:
                command = "\\voiceOne" if self._layers.are_several(layer.part, measure) else "\\oneVoice"
            whole = self._measure_rest(layer, measure, events)
            if waiting and (command != stems or whole != rest):
                yield f"{rest}{f'*{waiting}' if waiting > 1 else ''} |"
                waiting = 0
            if command != stems:
                yield command
                stems = command
            if whole:
                waiting, rest = waiting + 1, whole
            else:
                yield " ".join(self._tokens(layer, measure, events)) + " |"
        if waiting:
            yield f"{rest}{f'*{waiting}' if waiting > 1 else ''} |"

    def _measure_rest(self, layer: Layer, measure: int, events: list[Event]) -> str:
        """Return a whole-measure rest; empty for a measure with notes or a fermata, and for a pickup."""
        is_plain = (layer.part, measure, 0) not in self._fermatas and not (
            measure == 0 and self._pickup[layer.part]
        )
        if not is_measure_rest(events) or not is_plain:
            return ""
        is_shown = events[0].kind == REST or not (layer.rank or self._layers.is_any(layer.part, measure))
        return ("R" if is_shown else "s") + tokens.span(Fraction(events[0].ticks, self._unit))

    def _tokens(self, layer: Layer, measure: int, events: list[Event]) -> Iterator[str]:
        timed, last = with_graces(events)
        values = [self._value(each.event.ticks) for each in timed]
        for run in tuplet_runs(values, [each.event.ticks for each in timed], self._unit):
            if run.actual > 1:
                yield f"\\tuplet {run.actual}/{run.normal} {{"
            for graces, event in timed[run.begin : run.end]:
                yield from self._graces(graces)
                has_fermata = event.kind != GAP and (layer.part, measure, event.onset) in self._fermatas
                yield self._chord(event) + "\\fermata" * has_fermata
            if run.actual > 1:
                yield "}"
        yield from self._graces(last)

    def _graces(self, graces: list[Event]) -> Iterator[str]:
        rows = [row for event in graces if event.kind != REST for row in event.rows]
        if rows:
            length = "8" if len(rows) == 1 else "16"
            yield "\\grace { " + " ".join(self._pitch(row) + length for row in rows) + " }"

    def _chord(self, event: Event) -> str:
        length = self._length(event.ticks)
        if event.kind not in (NOTE, UNPITCHED):
            return ("r" if event.kind == REST else "s") + length
        pitches = [self._pitch(row) for row in event.rows]
        ties = ["~" if self._tied[row] else "" for row in event.rows]
        rings = "\\laissezVibrer" if any(self._rings[row] for row in event.rows) else ""
        if len(pitches) == 1:
            return pitches[0] + length + ties[0] + rings
        return "<" + " ".join(map("".join, zip(pitches, ties, strict=True))) + ">" + length + rings

    def _pitch(self, row: int) -> str:
        return tokens.pitch(self._step[row], self._alter[row], self._octave[row])

    def _value_of(self, ticks: int) -> NoteValue | None:
        return note_value(Fraction(ticks, self._unit))

    def _length_of(self, ticks: int) -> str:
        return tokens.duration(self._value(ticks), Fraction(ticks, self._unit))


def _remarks(score: Score) -> Iterator[str]:
    table = score.notes
    between = int(((table.kind == NOTE) & ~table.cue & (table.alter_cents % tokens.FINEST_CENTS != 0)).sum())
    if between:
        yield f"Notes between quarter tones, written on the nearest one: {between:,}."
    cues = int((table.cue & (table.kind != REST)).sum())
    if cues:
        yield f"Cue notes left out: {cues:,}."
