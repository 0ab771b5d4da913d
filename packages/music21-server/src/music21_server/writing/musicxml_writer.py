"""Writer of MusicXML from columns, for scores that were imported in other formats.

Rows are written in their order, with `<backup>` and `<forward>` between them, so that reading the document
gives the same rows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from music21_server.score.table import Integers, NoteTable, Score
from music21_server.writing.chord_symbols import harmony, printable
from music21_server.writing.notation import Clef, clefs
from music21_server.writing.note_elements import NoteElements, note_elements
from music21_server.writing.selection import measure_number
from music21_server.writing.time_signatures import terms

_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
    '<score-partwise version="4.0">\n'
)

_DEFAULT_BAR_QUARTERS: Final = 4


def write_musicxml(score: Score, *, is_complete: bool = True) -> bytes:
    """Return a score as partwise MusicXML 4.

    The document has parts, measures, key and time signatures, tempos, transpositions, chord symbols, and
    notes with type, dots, tuplet, accidental, beams, ties and voice. Clefs are chosen by range, and measures
    without rows get a rest.

    Args:
        is_complete: Whether to end with a final barline.
    """
    score = _in_largest_ticks(score)
    writer = _PartWriter(score, is_complete=is_complete)
    pieces = [_HEAD, _header(score)]
    for index in range(len(score.parts)):
        pieces.append(f'<part id="P{index + 1}">\n')
        pieces.extend(writer.measures(index))
        pieces.append("</part>\n")
    pieces.append("</score-partwise>\n")
    return "".join(pieces).encode()


def _header(score: Score) -> str:
    title, composer = _text(score.title), _text(score.composer)
    work = f"<work><work-title>{title}</work-title></work>\n" if title else ""
    creator = f'<creator type="composer">{composer}</creator>' if composer else ""
    parts = "".join(
        f'<score-part id="P{index + 1}"><part-name>{_text(part.name)}</part-name></score-part>\n'
        for index, part in enumerate(score.parts)
    )
    return (
        f"{work}<identification>{creator}<encoding><software>music21-server</software></encoding></identification>\n"
        f"<part-list>\n{parts}</part-list>\n"
    )


def _text(text: str) -> str:
    return escape(printable(text))


def _in_largest_ticks(score: Score) -> Score:
    """Return the score with the fewest ticks per quarter note that its times allow."""
    table = score.notes
    kinds = (score.keys, score.times, score.tempos, score.chord_symbols)
    factor = math.gcd(
        table.ticks_per_quarter,
        *(int(np.gcd.reduce(np.abs(column), initial=0)) for column in (table.onset, table.duration)),
        int(np.gcd.reduce(np.maximum(score.own_ticks, 0), axis=None, initial=0)),
        *{mark.onset for marks in kinds for mark in marks},
        *{time.ticks for time in score.times},
    )
    return replace(
        score,
        notes=replace(
            table,
            onset=table.onset // factor,
            duration=table.duration // factor,
            ticks_per_quarter=table.ticks_per_quarter // factor,
        ),
        measure_ticks=score.measure_ticks // factor,
        own_ticks=np.where(score.own_ticks < 0, -1, score.own_ticks // factor),
        keys=tuple(replace(mark, onset=mark.onset // factor) for mark in score.keys),
        times=tuple(
            replace(mark, onset=mark.onset // factor, ticks=mark.ticks // factor) for mark in score.times
        ),
        tempos=tuple(replace(mark, onset=mark.onset // factor) for mark in score.tempos),
        chord_symbols=tuple(replace(mark, onset=mark.onset // factor) for mark in score.chord_symbols),
    )


# Measures


def _nominal_measures(score: Score) -> Integers:
    """Return the lengths of measures by their time signatures, parts by measures; 4/4 without one."""
    nominal = np.full(
        score.own_ticks.shape, _DEFAULT_BAR_QUARTERS * score.notes.ticks_per_quarter, dtype=np.int64
    )
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for time in score.times:
        at = (time.part, time.measure)
        if time.ticks and (at not in first or time.onset < first[at][0]):
            first[at] = (time.onset, time.ticks)
    for part, measure in sorted(first):
        nominal[part, measure:] = first[part, measure][1]
    return nominal


class _PartWriter:
    """Writes the measures of each part."""

    def __init__(self, score: Score, *, is_complete: bool) -> None:
        self._score = score
        self._is_complete = is_complete
        self._nominal = _nominal_measures(score)
        self._rows = note_elements(score, self._nominal)
        self._texts = _with_moves(score.notes, self._rows)
        self._marks = _marks(score)
        table, measures = score.notes, score.own_ticks.shape[1]
        self._numbers = [quoteattr(printable(measure_number(score, index))) for index in range(measures)]
        places = np.arange(len(score.parts) * measures + 1)
        self._edges = np.searchsorted(table.part * measures + table.measure, places).tolist()

    def measures(self, part: int) -> Iterator[str]:
        """Yield the measures of a part."""
        own = self._score.own_ticks[part].tolist()
        measures = len(own)
        last = max((index for index in range(measures) if own[index] >= 0), default=-1)
        for measure in range(last + 1):
            begin, end = self._edges[part * measures + measure], self._edges[part * measures + measure + 1]
            marks = self._marks.get((part, measure), [])
            later = [mark for mark in marks if mark.onset > 0]
            yield self._start(part, measure)
            yield _at_one_onset([mark for mark in marks if mark.onset == 0])
            if begin == end:
                ticks = own[measure]
                yield _empty(ticks, is_nominal=ticks == self._nominal[part, measure])
                yield from self._with_marks(range(0), later, ticks)
            elif later:
                yield from self._with_marks(range(begin, end), later, 0)
            else:
                yield from self._texts[begin:end]
            if measure == last and self._is_complete:
                yield '<barline location="right"><bar-style>light-heavy</bar-style></barline>\n'
            yield "</measure>\n"

    def _start(self, part: int, measure: int) -> str:
        own = self._score.own_ticks[part, 0]
        is_pickup = measure == 0 and 0 < own < self._nominal[part, 0]
        implicit = ' implicit="yes"' if is_pickup else ""
        return f"<measure number={self._numbers[measure]}{implicit}>\n"

    def _with_marks(self, rows: range, marks: list[_Mark], now: int) -> Iterator[str]:
        """Yield rows, and marks at their onsets."""
        table = self._score.notes
        waiting = [(onset, _at_one_onset(list(each))) for onset, each in groupby(marks, attrgetter("onset"))]
        waiting.reverse()
        for row in rows:
            if not self._rows.joins[row]:
                onset = int(table.onset[row])
                while waiting and waiting[-1][0] <= onset:
                    at, text = waiting.pop()
                    yield _move(at - now) + text
                    now = at
                yield _move(onset - now)
                now = onset + int(table.duration[row])
            yield self._rows.texts[row]
        for at, text in reversed(waiting):
            yield _move(at - now) + text
            now = at


def _with_moves(table: NoteTable, rows: NoteElements) -> list[str]:
    """Return the text of each row, after the move from the end of the row before it in the measure."""
    before = np.roll(table.onset + table.duration, 1)
    is_first = np.ones(len(table), dtype=np.bool_)
    is_first[1:] = (table.part[1:] != table.part[:-1]) | (table.measure[1:] != table.measure[:-1])
    before[is_first] = 0
    moves = np.where(rows.joins, 0, table.onset - before)
    texts = list(rows.texts)
    for row in np.flatnonzero(moves).tolist():
        texts[row] = _move(int(moves[row])) + texts[row]
    return texts


def _empty(ticks: int, *, is_nominal: bool) -> str:
    rest = '<rest measure="yes"/>' if is_nominal else "<rest/>"
    return f"<note>{rest}<duration>{ticks}</duration><voice>1</voice></note>\n"


def _move(ticks: int) -> str:
    if ticks > 0:
        return f"<forward><duration>{ticks}</duration></forward>\n"
    if ticks < 0:
        return f"<backup><duration>{-ticks}</duration></backup>\n"
    return ""


# Marks


@dataclass(frozen=True)
class _Mark:
    """An element other than a note.

    Attributes:
        onset: Ticks from the beginning of the measure.
        rank: Order at one onset; ranks below `_DIRECTION` go into `<attributes>`, in the order of the schema.
        text: The element.
    """

    onset: int
    rank: int
    text: str


_DIVISIONS, _KEY, _TIME, _CLEF, _TRANSPOSE, _DIRECTION, _HARMONY = range(7)


def _at_one_onset(marks: list[_Mark]) -> str:
    attributes = "".join(mark.text for mark in marks if mark.rank < _DIRECTION)
    others = "".join(mark.text + "\n" for mark in marks if mark.rank >= _DIRECTION)
    return (f"<attributes>{attributes}</attributes>\n" if attributes else "") + others


def _marks(score: Score) -> dict[tuple[int, int], list[_Mark]]:
    """Return the marks by part and measure, ordered by onset."""
    groups: dict[tuple[int, int], list[_Mark]] = defaultdict(list)
    divisions = f"<divisions>{score.notes.ticks_per_quarter}</divisions>"
    for index, (part, clef) in enumerate(zip(score.parts, clefs(score), strict=True)):
        groups[index, 0] = [_Mark(0, _DIVISIONS, divisions), _Mark(0, _CLEF, _clef(clef))]
        for each in part.transpositions:
            text = f"<diatonic>{each.diatonic}</diatonic><chromatic>{each.chromatic}</chromatic>"
            groups[index, each.measure].append(_Mark(0, _TRANSPOSE, f"<transpose>{text}</transpose>"))
    for key in score.keys:
        mode = f"<mode>{_text(key.mode)}</mode>" if key.mode else ""
        text = f"<key><fifths>{key.fifths}</fifths>{mode}</key>"
        groups[key.part, key.measure].append(_Mark(key.onset, _KEY, text))
    for time in score.times:
        groups[time.part, time.measure].append(_Mark(time.onset, _TIME, f"<time>{_time(time.text)}</time>"))
    for tempo in score.tempos:
        groups[tempo.part, tempo.measure].append(
            _Mark(tempo.onset, _DIRECTION, _tempo(tempo.quarters_per_minute))
        )
    for symbol in score.chord_symbols:
        groups[symbol.part, symbol.measure].append(_Mark(symbol.onset, _HARMONY, harmony(symbol.text)))
    return {at: sorted(marks, key=attrgetter("onset", "rank")) for at, marks in groups.items()}


def _clef(clef: Clef) -> str:
    line = f"<line>{clef.line}</line>" if clef.line else ""
    return f"<clef><sign>{clef.sign}</sign>{line}</clef>"


def _tempo(quarters_per_minute: float) -> str:
    return (
        '<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
        f"<per-minute>{quarters_per_minute:.4g}</per-minute></metronome></direction-type>"
        f'<sound tempo="{float(quarters_per_minute)!r}"/></direction>'
    )


def _time(text: str) -> str:
    """Return the children of a `<time>`; ``2+3/8`` has one denominator, ``2/4+3/8`` has two."""
    fractions = (
        f"<beats>{'+'.join(map(str, beats))}</beats><beat-type>{kind}</beat-type>"
        for beats, kind in terms(text)
    )
    return "".join(fractions) or "<senza-misura/>"
