"""MusicXML `<note>` elements for the rows of a score.

Each distinct note is formatted once; everything done for every row is done by numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from music21_server.score.table import (
    REST,
    STEPS,
    TIE_CONTINUE,
    TIE_OTHER,
    TIE_START,
    TIE_STOP,
    UNPITCHED,
    Booleans,
    Integers,
    NoteTable,
    Score,
)
from music21_server.writing.notation import (
    BRACKET_ALONE,
    BRACKET_BEGIN,
    BRACKET_END,
    beams,
    brackets,
    joins_chord,
    shown_accidentals,
)
from music21_server.writing.note_values import NoteValue, note_value

_ACCIDENTALS: Final = {
    0: "natural", 100: "sharp", -100: "flat", 200: "double-sharp", -200: "flat-flat", 300: "triple-sharp",
    -300: "triple-flat", 50: "quarter-sharp", -50: "quarter-flat", 150: "three-quarters-sharp",
    -150: "three-quarters-flat",
}  # fmt: skip

_TIES: Final = {TIE_START: ("start",), TIE_STOP: ("stop",), TIE_CONTINUE: ("stop", "start")}
_BEAMS: Final = ("", "begin", "continue", "end", "forward hook", "backward hook")


@dataclass(frozen=True)
class NoteElements:
    """Rows of a score as text.

    Attributes:
        texts: `<note>` element of each row.
        joins: Whether each row is in one chord with the row before.
    """

    texts: list[str]
    joins: Booleans


def note_elements(score: Score, measures: Integers) -> NoteElements:
    """Return a `<note>` for each row.

    Args:
        measures: Lengths of measures by their time signatures, in ticks; parts by measures.
    """
    table = score.notes
    durations, value_of = np.unique(table.duration, return_inverse=True)
    value_of = value_of.reshape(-1)
    values = [note_value(Fraction(int(ticks), table.ticks_per_quarter)) for ticks in durations]
    joins = joins_chord(table)
    beamed = beams(score, values, value_of)
    columns = {
        "kind": table.kind,
        "step": np.where(table.kind == REST, 0, table.step),
        "alter_cents": np.where(table.kind == REST, 0, table.alter_cents),
        "octave": np.where(table.kind == REST, 0, table.octave),
        "tie": table.tie,
        "grace": table.grace.astype(np.int64),
        "cue": table.cue.astype(np.int64),
        "voice": table.voice,
        "value": value_of,
        "joins": joins.astype(np.int64),
        "accidental": shown_accidentals(score).astype(np.int64),
        "bracket": brackets(score, values, value_of),
        "whole_measure": _whole_measure_rests(table, measures).astype(np.int64),
        **{f"beam{level}": beamed[:, level] for level in range(beamed.shape[1])},
    }
    firsts, note_of = _distinct(list(columns.values()))
    distinct = [
        _note({name: int(column[row]) for name, column in columns.items()}, durations, values)
        for row in firsts
    ]
    texts = np.array(distinct, dtype=object)[note_of].tolist() if distinct else []
    return NoteElements(texts, joins)


def _distinct(columns: list[Integers]) -> tuple[Integers, Integers]:
    """Return the first row of each combination of values, and the index of each row's combination."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    codes = 1
    for column in columns:
        low, high = int(column.min(initial=0)), int(column.max(initial=0))
        size = high - low + 1
        if codes * size > 2**62:
            _, code = np.unique(code, return_inverse=True)
            code = code.reshape(-1)
            codes = len(code) + 1
        code = code * size + (column - low)
        codes *= size
    _, firsts, index = np.unique(code, return_index=True, return_inverse=True)
    return firsts, index.reshape(-1)


def _whole_measure_rests(table: NoteTable, measures: Integers) -> Booleans:
    """Return which rests fill a measure of the time signature in force."""
    fills = np.zeros(len(table), dtype=np.bool_)
    rests = np.flatnonzero((table.kind == REST) & (table.onset == 0) & ~table.grace & (table.duration > 0))
    fills[rests] = table.duration[rests] == measures[table.part[rests], table.measure[rests]]
    return fills


def _note(row: dict[str, int], durations: Integers, values: list[NoteValue | None]) -> str:
    """Return a `<note>`, with its children in the order of the schema."""
    value = NoteValue("eighth", 0) if row["grace"] else values[row["value"]]
    is_rest = row["kind"] == REST
    begin = "<grace/>" if row["grace"] else "<cue/>" if row["cue"] else ""
    chord = "<chord/>" if row["joins"] else ""
    duration = "" if row["grace"] else f"<duration>{durations[row['value']]}</duration>"
    ties = () if row["cue"] else _TIES.get(row["tie"], ())
    tie = "".join(f'<tie type="{each}"/>' for each in ties)
    notations = "".join(f'<tied type="{each}"/>' for each in ties)
    if row["tie"] == TIE_OTHER:
        notations = '<tied type="let-ring"/>'
    if not row["joins"]:
        notations += _bracket(row["bracket"])
    drawn = "" if is_rest and row["whole_measure"] else _drawn(value, row)
    beam = "".join(
        f'<beam number="{int(name[4:]) + 1}">{_BEAMS[number]}</beam>'
        for name, number in row.items()
        if name.startswith("beam") and number
    )
    return (
        f"<note>{begin}{chord}{_sound(row)}{duration}{tie}<voice>{row['voice'] + 1}</voice>{drawn}{beam}"
        + (f"<notations>{notations}</notations>" if notations else "")
        + "</note>\n"
    )


def _sound(row: dict[str, int]) -> str:
    step, octave = STEPS[row["step"]], row["octave"]
    if row["kind"] == REST:
        return '<rest measure="yes"/>' if row["whole_measure"] else "<rest/>"
    if row["kind"] == UNPITCHED:
        place = f"<display-step>{step}</display-step><display-octave>{octave}</display-octave>"
        return f"<unpitched>{place}</unpitched>"
    alter = f"<alter>{row['alter_cents'] / 100:g}</alter>" if row["alter_cents"] else ""
    return f"<pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch>"


def _drawn(value: NoteValue | None, row: dict[str, int]) -> str:
    """Return type, dots, accidental and tuplet."""
    accidental = _ACCIDENTALS.get(row["alter_cents"], "") if row["accidental"] else ""
    shown = f"<accidental>{accidental}</accidental>" if accidental else ""
    if value is None:
        return shown
    tuplet = (
        f"<time-modification><actual-notes>{value.actual}</actual-notes>"
        f"<normal-notes>{value.normal}</normal-notes></time-modification>"
        if value.actual > 1
        else ""
    )
    return f"<type>{value.kind}</type>{'<dot/>' * value.dots}{shown}{tuplet}"


def _bracket(bracket: int) -> str:
    begin, end = '<tuplet type="start"/>', '<tuplet type="stop"/>'
    return {BRACKET_BEGIN: begin, BRACKET_END: end, BRACKET_ALONE: begin + end}.get(bracket, "")
