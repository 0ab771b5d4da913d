"""A score written as ABC and read back through music21."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from music21_server.reading.formats import read
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import REST, STEPS, Score
from music21_server.writing.abc import write_abc
from music21_server.writing.layers import Layers


def read_back(score: Score) -> Score:
    """Return the tune of a score as read back through music21."""
    return read(Document("abc", write_abc(score).content), Limits(max_converted_bytes=10**8))


def notes_of(score: Score, part_of: list[int]) -> Counter:
    """Count notes by part, measure, onset and length in quarter notes, pitch, and grace note or not."""
    table, unit = score.notes, score.notes.ticks_per_quarter
    notes: Counter = Counter()
    for row in range(len(table)):
        if table.kind[row] != REST and not table.cue[row] and (table.grace[row] or table.duration[row]):
            length = 0 if table.grace[row] else Fraction(int(table.duration[row]), unit)
            pitch = (STEPS[table.step[row]], int(table.alter_cents[row]), int(table.octave[row]))
            at = (int(table.measure[row]), Fraction(int(table.onset[row]), unit))
            notes[part_of[table.part[row]], *at, length, *pitch, bool(table.grace[row])] += 1
    return notes


def difference(score: Score) -> str:
    """Return the first differences after a round trip; empty if there are none."""
    back = read_back(score)
    voices = [layer.part for layer in Layers(score).layers]
    if len(back.parts) != len(voices):
        return f"{len(voices)} voices became {len(back.parts)}"
    ours, theirs = notes_of(score, list(range(len(score.parts)))), notes_of(back, voices)
    missing, more = ours - theirs, theirs - ours
    return f"{list(missing)[:3]} became {list(more)[:3]}" if missing or more else ""
