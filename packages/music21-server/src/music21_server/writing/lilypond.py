"""Columns become LilyPond 2.24: a staff for each part, a voice for each lane, and bar checks.

Notes have absolute pitches and lengths of their own, so that bars can be copied. A voice of signs stands
beside the notes of each part and says what is no note.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final

from music21_server.score.table import NOTE, REST, TIE_OTHER, UNPITCHED, Score
from music21_server.writing import lilypond_tokens as words
from music21_server.writing.lilypond_marks import Signs
from music21_server.writing.marks import instruments, is_pickup
from music21_server.writing.note_values import NoteValue, note_value
from music21_server.writing.selection import part_name
from music21_server.writing.tuplets import tuplet_runs
from music21_server.writing.voice_lanes import GAP, Item, Lane, Lanes, is_bar_rest, with_graces

_VOICES: Final = ("\\voiceOne", "\\voiceTwo", "\\voiceThree", "\\voiceFour")
_USUAL_STAVES: Final = 10
"""On a page with staves of the usual size."""

_USUAL_SIZE: Final = 20
_SMALLEST_SIZE: Final = 6
"""Points that a staff is high."""


@dataclass(frozen=True)
class LilyPondFile:
    """A file of LilyPond.

    Attributes:
        text: The file.
        remarks: What of the score is not in it as written, in sentences.
    """

    text: str
    remarks: tuple[str, ...]


def write_lilypond(score: Score) -> LilyPondFile:
    """Return a score as a file of LilyPond, which prints it and plays it."""
    lanes = Lanes(score)
    notes, signs = _Notes(score, lanes), Signs(score)
    lines = list(_head(score))
    for part in range(len(score.parts)):
        lines += [f"signs{words.letters(part)} = {{", *_indented(signs.lines(part)), "}", ""]
    for lane in lanes.lanes:
        lines += [f"notes{words.letters(lane.index)} = {{", *_indented(notes.lines(lane)), "}", ""]
    lines += _structure(score, lanes)
    return LilyPondFile("\n".join(lines) + "\n", tuple(_remarks(score)))


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _head(score: Score) -> Iterator[str]:
    yield '\\version "2.24.0"'
    if len(score.parts) > _USUAL_STAVES:
        size = max(_SMALLEST_SIZE, _USUAL_SIZE * _USUAL_STAVES // len(score.parts))
        yield f"#(set-global-staff-size {size})"
    yield "\\header {"
    if score.title:
        yield f"  title = {words.string(score.title)}"
    if score.composer:
        yield f"  composer = {words.string(score.composer)}"
    yield "  tagline = ##f"
    yield "}"
    yield ""


def _structure(score: Score, lanes: Lanes) -> Iterator[str]:
    yield "\\score {"
    yield "  <<"
    for parts in instruments(score):
        name = f"instrumentName = {words.string(part_name(score, parts[0]))}"
        if len(parts) == 1:
            yield from _staff(lanes, parts[0], f" \\with {{ {name} }}", "    ")
        else:
            yield f"    \\new PianoStaff \\with {{ {name} }} <<"
            for part in parts:
                yield from _staff(lanes, part, "", "      ")
            yield "    >>"
    yield "  >>"
    for output in ("layout", "midi"):
        yield f"  \\{output} {{{_own_timing() if _times_differ(score) else ' '}}}"
    yield "}"


def _staff(lanes: Lanes, part: int, settings: str, margin: str) -> Iterator[str]:
    yield f"{margin}\\new Staff{settings} <<"
    yield f"{margin}  \\new Voice {{ \\signs{words.letters(part)} }}"
    for lane in lanes.of_part(part):
        yield f"{margin}  \\new Voice {{ \\notes{words.letters(lane.index)} }}"
    yield f"{margin}>>"


def _times_differ(score: Score) -> bool:
    """Tell whether parts have different time signatures at once."""
    of_parts: dict[int, set[tuple[int, int, str]]] = {part: set() for part in range(len(score.parts))}
    for time in score.times:
        of_parts[time.part].add((time.measure, time.onset, time.text))
    return len({frozenset(each) for each in of_parts.values()}) > 1


def _own_timing() -> str:
    """Return what gives each staff time signatures of its own."""
    return (
        " \\context { \\Score \\remove Timing_translator } "
        "\\context { \\Staff \\consists Timing_translator } "
    )


class _Notes:
    """Writes the notes of each lane.

    Args:
        score: Whose notes.
        lanes: Of the score.
    """

    def __init__(self, score: Score, lanes: Lanes) -> None:
        self._lanes = lanes
        table = score.notes
        self._unit = table.ticks_per_quarter
        self._step, self._octave = table.step.tolist(), table.octave.tolist()
        self._alter = table.alter_cents.tolist()
        self._tied = lanes.tied.tolist()
        self._rings = (table.tie == TIE_OTHER).tolist()
        self._pickup = [is_pickup(score, part) for part in range(len(score.parts))]
        self._fermatas = {(each.part, each.measure, each.onset) for each in score.fermatas}
        self._value = cache(self._value_of)
        self._length = cache(self._length_of)

    def lines(self, lane: Lane) -> Iterator[str]:
        """Yield the bars of a lane; rests of several bars are taken together."""
        is_alone = len(self._lanes.of_part(lane.part)) == 1
        stems = _VOICES[min(lane.rank, len(_VOICES) - 1)] if lane.rank else ""
        if stems:
            yield stems
        waiting, rest = 0, ""
        for bar, items in enumerate(self._lanes.bars(lane)):
            if not items:
                continue
            words_: list[str] = []
            if not is_alone and not lane.rank:
                wanted = "\\voiceOne" if self._lanes.are_several(lane.part, bar) else "\\oneVoice"
                if wanted != stems:
                    words_.append(wanted)
                    stems = wanted
            whole = self._bar_rest(lane, bar, items)
            if waiting and (words_ or whole != rest):
                yield f"{rest}{f'*{waiting}' if waiting > 1 else ''} |"
                waiting = 0
            if words_:
                yield words_[0]
            if whole:
                waiting, rest = waiting + 1, whole
            else:
                yield " ".join(self._words(lane, bar, items)) + " |"
        if waiting:
            yield f"{rest}{f'*{waiting}' if waiting > 1 else ''} |"

    def _bar_rest(self, lane: Lane, bar: int, items: list[Item]) -> str:
        """Return a rest for a whole bar; nothing for one that holds more, a fermata or a pick-up."""
        is_plain = (lane.part, bar, 0) not in self._fermatas and not (bar == 0 and self._pickup[lane.part])
        if not is_bar_rest(items) or not is_plain:
            return ""
        is_shown = items[0].kind == REST or not (lane.rank or self._lanes.is_any(lane.part, bar))
        return ("R" if is_shown else "s") + words.span(Fraction(items[0].ticks, self._unit))

    def _words(self, lane: Lane, bar: int, items: list[Item]) -> Iterator[str]:
        timed, last = with_graces(items)
        values = [self._value(each.item.ticks) for each in timed]
        for run in tuplet_runs(values, [each.item.ticks for each in timed], self._unit):
            if run.actual > 1:
                yield f"\\tuplet {run.actual}/{run.normal} {{"
            for graces, item in timed[run.begin : run.end]:
                yield from self._graces(graces)
                has_fermata = item.kind != GAP and (lane.part, bar, item.onset) in self._fermatas
                yield self._chord(item) + "\\fermata" * has_fermata
            if run.actual > 1:
                yield "}"
        yield from self._graces(last)

    def _graces(self, graces: list[Item]) -> Iterator[str]:
        rows = [row for item in graces if item.kind != REST for row in item.rows]
        if rows:
            length = "8" if len(rows) == 1 else "16"
            yield "\\grace { " + " ".join(self._pitch(row) + length for row in rows) + " }"

    def _chord(self, item: Item) -> str:
        length = self._length(item.ticks)
        if item.kind not in (NOTE, UNPITCHED):
            return ("r" if item.kind == REST else "s") + length
        pitches = [self._pitch(row) for row in item.rows]
        ties = ["~" if self._tied[row] else "" for row in item.rows]
        rings = "\\laissezVibrer" if any(self._rings[row] for row in item.rows) else ""
        if len(pitches) == 1:
            return pitches[0] + length + ties[0] + rings
        return "<" + " ".join(map("".join, zip(pitches, ties, strict=True))) + ">" + length + rings

    def _pitch(self, row: int) -> str:
        return words.pitch(self._step[row], self._alter[row], self._octave[row])

    def _value_of(self, ticks: int) -> NoteValue | None:
        return note_value(Fraction(ticks, self._unit))

    def _length_of(self, ticks: int) -> str:
        return words.duration(self._value(ticks), Fraction(ticks, self._unit))


def _remarks(score: Score) -> Iterator[str]:
    table = score.notes
    between = int(((table.kind == NOTE) & ~table.cue & (table.alter_cents % words.FINEST_CENTS != 0)).sum())
    if between:
        yield f"{between:,} notes between quarter tones are written on the nearest one."
    cues = int((table.cue & (table.kind != REST)).sum())
    if cues:
        yield f"{cues:,} notes of cues are left out."
