"""Notes of one part as voices: chords, ties over barlines, and rests in between."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import Final, NamedTuple

from music21_server.score.table import NO_TIE, TIE_CONTINUE, TIE_START, TIE_STOP

_NOTATABLE: Final = frozenset({1, 2, 3, 4, 6, 8, 12, 16, 24, 32})
"""Numerators of the lengths, in lowest terms, that one note can have: plain or with a dot, in tuplets too."""


class Piece(NamedTuple):
    """Part of a note within a measure.

    Attributes:
        note: Index of the note; -1 for a rest.
        measure: Index of the measure.
        onset: Units since the beginning of the measure.
        length: Length in units.
        tie: Tie of the piece, as in the note table.
        voice: Voice, from 0.
    """

    note: int
    measure: int
    onset: int
    length: int
    tie: int
    voice: int


@dataclass(frozen=True)
class PlayedNote:
    """A note of a part: its index, start and end in units, and its key."""

    index: int
    start: int
    end: int
    key: int


def in_voices(notes: list[PlayedNote], measure_units: list[int], units_per_quarter: int) -> list[Piece]:
    """Return the pieces of a part, by measure, voice and onset.

    Notes that begin and end together are a chord. A chord goes into the first voice that is free at its
    onset, higher chords first. Rests fill the first voice.
    """
    chords: dict[tuple[int, int, int], list[tuple[PlayedNote, int]]] = defaultdict(list)
    for note in notes:
        pieces = _split(note.start, note.end, measure_units, units_per_quarter)
        for place, (measure, onset, length) in enumerate(pieces):
            chords[(measure, onset, length)].append((note, _tie(place, len(pieces))))
    by_measure: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for (measure, onset, length), chord in chords.items():
        by_measure[measure].append((onset, -max(note.key for note, _ in chord), length))
    result: list[Piece] = []
    for measure, (begin, end) in enumerate(pairwise(measure_units)):
        free: list[int] = []
        pieces_by_voice: list[list[Piece]] = [[]]
        for onset, _, length in sorted(by_measure.get(measure, ())):
            voice = next((index for index, until in enumerate(free) if until <= onset), len(free))
            if voice == len(free):
                free.append(0)
                if voice:
                    pieces_by_voice.append([])
            if voice == 0 and onset > free[0]:
                pieces_by_voice[0].append(Piece(-1, measure, free[0], onset - free[0], NO_TIE, 0))
            free[voice] = onset + length
            struck = sorted(chords[measure, onset, length], key=lambda each: each[0].key)
            pieces_by_voice[voice] += [
                Piece(note.index, measure, onset, length, tie, voice) for note, tie in struck
            ]
        until = free[0] if free else 0
        if until < end - begin:
            pieces_by_voice[0].append(Piece(-1, measure, until, end - begin - until, NO_TIE, 0))
        for pieces_of_voice in pieces_by_voice:
            result += pieces_of_voice
    return result


def _tie(place: int, count: int) -> int:
    if count == 1:
        return NO_TIE
    if place == 0:
        return TIE_START
    return TIE_STOP if place == count - 1 else TIE_CONTINUE


def _split(
    start: int, end: int, measure_units: list[int], units_per_quarter: int
) -> list[tuple[int, int, int]]:
    """Return measure, onset and length of each piece: at barlines, and where one note cannot be written."""
    pieces = []
    measure = bisect_right(measure_units, start) - 1
    while start < end and measure < len(measure_units) - 1:
        begin = measure_units[measure]
        until = min(end, measure_units[measure + 1])
        onset = start - begin
        for length in _notatable(onset, until - start, units_per_quarter):
            pieces.append((measure, onset, length))
            onset += length
        start = until
        measure += 1
    return pieces


def _notatable(onset: int, length: int, units_per_quarter: int) -> list[int]:
    """Return lengths of notes that can be written, split at the beat."""
    lengths = []
    while length > 0:
        piece = length
        if not _can_be_written(piece, units_per_quarter):
            to_beat = units_per_quarter - onset % units_per_quarter
            whole = (length - to_beat) // units_per_quarter * units_per_quarter
            if to_beat < length and to_beat != units_per_quarter:
                piece = to_beat
            elif length > units_per_quarter:
                piece = max(units_per_quarter, to_beat + whole if to_beat == units_per_quarter else to_beat)
                while not _can_be_written(piece, units_per_quarter) and piece > units_per_quarter:
                    piece -= units_per_quarter
        lengths.append(piece)
        onset += piece
        length -= piece
    return lengths


def _can_be_written(length: int, units_per_quarter: int) -> bool:
    return length // gcd(length, units_per_quarter) in _NOTATABLE
