"""Melodic lines: each voice of each part as a series of single notes.

In a chord within one voice one note counts, by default the highest: the top note is heard as the melody (the
"skyline" of Uitdenbogerd & Zobel, *Manipulation of music for melody matching*, 1998). Tied notes are one
note. Grace notes, cues and unpitched notes do not count. A note that still sounds when the next one of its
voice begins ends there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.spelling import pitch_name
from music21_server.score.table import (
    NOTE,
    TIE_CONTINUE,
    TIE_START,
    TIE_STOP,
    Booleans,
    Integers,
    NoteTable,
    Score,
)
from music21_server.theory.pitch.intervals import line_of_fifths, staff_places
from music21_server.theory.pitch.transposition import SpelledPitches

ChordNote = Literal["highest", "lowest"]
"""The note that counts in a chord within one voice."""

LONGEST_REST_QUARTERS: Final = 4
"""A longer rest ends a phrase; no pattern crosses it."""

_MOST_NAMES: Final = 24
"""Most names that an error lists."""


@dataclass(frozen=True)
class Lines:
    """Melodic lines, one row per note, ordered by line and time.

    Attributes:
        names: Name of each line; all differ.
        first: Index of the first note of each line; one entry more than lines.
        line: Index of the line.
        start: Beginning in ticks since the beginning of the score.
        end: End in ticks since the beginning of the score.
        follows: Whether it follows the note before it in its line without a rest.
        step: Index into `table.STEPS`.
        alter_cents: Alteration; 100 is a sharp.
        octave: Octave number; 4 begins with middle C.
        cents: Height above the C of octave -1.
        place: Steps above the C of octave 0, accidentals aside.
        fifths: Place on the line of fifths; see `intervals.line_of_fifths`.
        left_out: Number of chord notes that do not count.
    """

    names: tuple[str, ...]
    first: Integers
    line: Integers
    start: Integers
    end: Integers
    follows: Booleans
    step: Integers
    alter_cents: Integers
    octave: Integers
    cents: Integers
    place: Integers
    fifths: Integers
    left_out: int

    def __len__(self) -> int:
        return len(self.line)

    def name(self, note: int) -> str:
        """Return the name of a note with its octave."""
        return pitch_name(int(self.step[note]), int(self.alter_cents[note]), int(self.octave[note]))


def melodic_lines(
    score: Score,
    pitches: SpelledPitches,
    *,
    voices: Sequence[str] | None = None,
    chord_note: ChordNote = "highest",
) -> Lines:
    """Return the melodic lines of a score.

    Args:
        pitches: Pitches of its rows, written or sounding.
        voices: Names of voices or parts, or numbers of parts from 1; None for all.
        chord_note: Note that counts of a chord within one voice.

    Raises:
        ScoreError: A voice is unknown.
    """
    table = score.notes
    rows = np.flatnonzero((table.kind == NOTE) & ~table.grace & ~table.cue & (table.duration > 0))
    most_voices = int(table.voice.max(initial=0)) + 1
    codes, line = np.unique(table.part[rows] * most_voices + table.voice[rows], return_inverse=True)
    names = _line_names(score, codes // most_voices)
    if voices is not None:
        selected = _selected_lines(score, codes // most_voices, names, voices)
        kept = selected[line]
        rows, line = rows[kept], (np.cumsum(selected) - 1)[line[kept]]
        names = tuple(name for name, is_selected in zip(names, selected, strict=True) if is_selected)
    return _merged(score, pitches, rows, line, names=names, chord_note=chord_note)


def _merged(
    score: Score,
    pitches: SpelledPitches,
    rows: Integers,
    line: Integers,
    *,
    names: tuple[str, ...],
    chord_note: ChordNote,
) -> Lines:
    """Return the lines, with chords reduced to one note and tied notes joined."""
    table = score.notes
    cents = pitches.cents
    start = score.measure_starts[table.measure[rows]] + table.onset[rows]
    height = cents[rows] if chord_note == "lowest" else -cents[rows]
    order = np.lexsort((height, start, line))
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = (np.diff(start[order]) != 0) | (np.diff(line[order]) != 0)
    order = order[is_first]
    left_out = len(rows) - len(order)
    rows, line, start = rows[order], line[order], start[order]
    end = start + table.duration[rows]

    same_line = np.zeros(len(rows), dtype=np.bool_)
    same_line[1:] = line[1:] == line[:-1]
    joins = same_line & _is_tied(table, rows)
    joins[1:] &= (cents[rows[1:]] == cents[rows[:-1]]) & (start[1:] == end[:-1])
    heads = np.flatnonzero(~joins)
    end = end[np.append(heads[1:], len(rows)) - 1] if len(rows) else end
    rows, line, start, same_line = rows[heads], line[heads], start[heads], same_line[heads]
    end[:-1] = np.where(same_line[1:], np.minimum(end[:-1], start[1:]), end[:-1])
    follows = same_line.copy()
    follows[1:] &= start[1:] == end[:-1]
    chosen = SpelledPitches(pitches.step[rows], pitches.alter_cents[rows], pitches.octave[rows])
    return Lines(
        names=names,
        first=np.searchsorted(line, np.arange(len(names) + 1)),
        line=line,
        start=start,
        end=end,
        follows=follows,
        step=chosen.step,
        alter_cents=chosen.alter_cents,
        octave=chosen.octave,
        cents=cents[rows],
        place=staff_places(chosen),
        fifths=line_of_fifths(chosen),
        left_out=left_out,
    )


def _is_tied(table: NoteTable, rows: Integers) -> Booleans:
    """Return whether each row is tied to the one before; some sources mark only one end of a tie."""
    tie = table.tie[rows]
    tied: Booleans = (tie == TIE_STOP) | (tie == TIE_CONTINUE)
    tied[1:] |= (tie[:-1] == TIE_START) | (tie[:-1] == TIE_CONTINUE)
    return tied


def _part_names(score: Score) -> list[str]:
    """Return a distinct name for each part."""
    plain = []
    for part in score.parts:
        name = " ".join(part.name.split()) or part.identity
        plain.append(f"{name}, staff {part.staff}" if part.staff else name)
    count = Counter(plain)
    return [
        f"{name} (part {number})" if count[name] > 1 else name for number, name in enumerate(plain, start=1)
    ]


def _line_names(score: Score, parts: Integers) -> tuple[str, ...]:
    """Return a name for each line, given its part."""
    names = _part_names(score)
    count = Counter(parts.tolist())
    seen: Counter[int] = Counter()
    line_names = []
    for part in parts.tolist():
        seen[part] += 1
        line_names.append(f"{names[part]}, voice {seen[part]}" if count[part] > 1 else names[part])
    return tuple(line_names)


def _selected_lines(score: Score, parts: Integers, names: tuple[str, ...], voices: Sequence[str]) -> Booleans:
    """Return which lines `voices` selects."""
    part_names = _part_names(score)
    selected = np.zeros(len(names), dtype=np.bool_)
    for voice in voices:
        key = " ".join(voice.split()).casefold()
        is_known = False
        for index, (part, name) in enumerate(zip(parts.tolist(), names, strict=True)):
            plain = " ".join(score.parts[part].name.split()) or score.parts[part].identity
            if key in (name.casefold(), part_names[part].casefold(), plain.casefold(), str(part + 1)):
                selected[index] = is_known = True
        if not is_known:
            listed = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
            raise ScoreError(
                f"Expected a voice of this score ({listed}) or the number of a part, got {voice!r}."
            )
    return selected


def phrases(lines: Lines, ticks_per_quarter: int) -> Integers:
    """Return the phrase that each note belongs to, numbered through all lines."""
    begins = np.ones(len(lines), dtype=np.bool_)
    begins[1:] = (lines.line[1:] != lines.line[:-1]) | (
        lines.start[1:] - lines.end[:-1] > LONGEST_REST_QUARTERS * ticks_per_quarter
    )
    return np.cumsum(begins) - 1


def chord_rule(lines: Lines, chord_note: ChordNote) -> str:
    """Return the rule for chords, ties and grace notes, for the reader of a result."""
    return (
        f"In a chord within one voice only the {chord_note} note counts; {lines.left_out} notes are left "
        "out. Tied notes are one note; grace notes and cues do not count."
    )
