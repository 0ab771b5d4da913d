"""How the voices of a score lead: parallels, direct intervals, crossings, overlaps, leaps and doublings."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.melody.lines import ChordNote, Lines, melodic_lines
from music21_server.theory.pitch.intervals import interval_name
from music21_server.theory.pitch.transposition import SpelledPitches
from music21_server.theory.time.positions import Clock, Position
from music21_server.theory.voice_leading.crossings import MOST_FOR_ALL_PAIRS, REACH, crossings
from music21_server.theory.voice_leading.motions import RUN, Moves, doubled_pairs, moves_of
from music21_server.theory.voice_leading.occurrences import KINDS, NO_NOTE, Hits, Kind
from music21_server.theory.voice_leading.parallels import DirectPairs, direct_intervals, leaps, parallels


@dataclass(frozen=True)
class Finding:
    """One place where voices do what is looked for.

    Attributes:
        kind: What it is, such as ``parallel fifths``.
        position: Where the second of the two intervals (or the note that is leapt to) begins.
        upper_voice: The voice that is above (of a crossing: that usually is); of a leap, the voice that
            leaps.
        upper_from: Its note before, such as ``F#4``; None where it sounded already, or came from a rest.
        upper_to: Its note at the position.
        lower_voice: The other voice; None for a leap.
        lower_from: Its note before.
        lower_to: Its note at the position.
        intervals: Between the voices before and after, such as ``P5 → P12``; of a leap, its size; of a
            crossing, the interval by which the voices are crossed.
        lasts_quarters: How long a crossing lasts, in quarter notes; None for the other kinds.
    """

    kind: Kind
    position: Position
    upper_voice: str
    upper_from: str | None
    upper_to: str
    lower_voice: str | None
    lower_from: str | None
    lower_to: str | None
    intervals: str
    lasts_quarters: float | None


@dataclass(frozen=True)
class KindCount:
    """How often a kind was found.

    Attributes:
        kind: What it is.
        count: How many there are in the score.
        listed: How many of them, the first ones, are among the findings.
    """

    kind: Kind
    count: int
    listed: int


@dataclass(frozen=True)
class Doubling:
    """Two voices that play the same line for a while, in unison or octaves.

    Attributes:
        first_voice: The one that comes first in the score.
        second_voice: The other one.
        moves: How many moves from note to note they make as one.
        share_of_first: Part of the moves of the first voice, 0 to 1.
        share_of_second: Part of the moves of the second voice, 0 to 1.
        begins: Where they do so first.
    """

    first_voice: str
    second_voice: str
    moves: int
    share_of_first: float
    share_of_second: float
    begins: Position


@dataclass(frozen=True)
class VoiceLeading:
    """What was found.

    Attributes:
        voices: Names of the voices compared.
        pairs: How many pairs of voices there are.
        counts: Of each kind that was looked for, exact.
        findings: By kind, in the order of the counts, and by time.
        doublings_found: How many pairs of voices double each other somewhere, exact.
        doublings: Those pairs, the ones with the most moves first.
        rules: By which rules this was found.
    """

    voices: tuple[str, ...]
    pairs: int
    counts: tuple[KindCount, ...]
    findings: tuple[Finding, ...]
    doublings_found: int
    doublings: tuple[Doubling, ...]
    rules: tuple[str, ...]


def voice_leading(
    score: Score,
    pitches: SpelledPitches,
    *,
    kinds: Collection[str] | None = None,
    voices: Sequence[str] | None = None,
    direct: DirectPairs = "outer",
    chord_note: ChordNote = "highest",
    most: int = 500,
) -> VoiceLeading:
    """Compare all pairs of voices.

    Args:
        score: Of all parts.
        pitches: Of its rows, written or sounding.
        kinds: Which of `hits.KINDS` to look for; None for all.
        voices: Which voices to compare: their names, names of parts, or numbers of parts from 1; None for
            all.
        direct: Direct fifths and octaves of the ``outer`` voices, where the upper one leaps, or of ``all``
            pairs, leap or not.
        chord_note: Which note of a chord within a voice counts.
        most: How many findings of each kind, and how many doublings, to return; all are counted.

    Raises:
        ScoreError: A kind or a voice is unknown.
    """
    wanted = _known_kinds(kinds)
    lines = melodic_lines(score, pitches, voices=voices, chord_note=chord_note)
    moves = moves_of(lines)
    hits = _hits(lines, moves, wanted, direct, most)
    clock = Clock(score)
    doublings_found, doublings = _doublings(lines, moves, clock, most)
    tell = _Teller(lines, clock, score.notes.ticks_per_quarter)
    return VoiceLeading(
        voices=lines.names,
        pairs=len(lines.names) * (len(lines.names) - 1) // 2,
        counts=tuple(KindCount(each.kind, each.total, len(each.time)) for each in hits),
        findings=tuple(finding for each in hits for finding in tell.findings(each)),
        doublings_found=doublings_found,
        doublings=doublings,
        rules=_rules(lines, direct, chord_note),
    )


def _known_kinds(kinds: Collection[str] | None) -> frozenset[str]:
    unknown = sorted(set(kinds or ()) - set(KINDS))
    if unknown:
        raise ScoreError(f"Expected kinds out of: {', '.join(KINDS)}; got {unknown[0]!r}.")
    return frozenset(KINDS if kinds is None else kinds)


def _hits(lines: Lines, moves: Moves, wanted: frozenset[str], direct: DirectPairs, most: int) -> list[Hits]:
    """Return what was found of the kinds wanted, in the order of `KINDS`."""
    found: list[Hits] = []
    if any(kind.startswith(("parallel", "fifths", "octaves")) for kind in wanted):
        found += parallels(lines, moves, most)
    if any(kind.startswith("direct") for kind in wanted):
        found += direct_intervals(lines, moves, direct, most)
    if any(kind.startswith("voice") for kind in wanted):
        found += crossings(lines, moves, most)
    if any("leap" in kind for kind in wanted):
        found += leaps(lines, moves, most)
    return [hits for hits in found if hits.kind in wanted]


def _doublings(lines: Lines, moves: Moves, clock: Clock, most: int) -> tuple[int, tuple[Doubling, ...]]:
    pairs = doubled_pairs(moves)
    count = np.maximum(np.bincount(moves.line, minlength=len(lines.names)), 1)
    columns = (pairs.first[:most], pairs.second[:most], pairs.moves[:most], pairs.time[:most])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return len(pairs.first), tuple(
        Doubling(
            first_voice=lines.names[first],
            second_voice=lines.names[second],
            moves=together,
            share_of_first=round(together / int(count[first]), 3),
            share_of_second=round(together / int(count[second]), 3),
            begins=clock.at_tick(time),
        )
        for first, second, together, time in rows
    )


class _Teller:
    """Makes findings of columns."""

    def __init__(self, lines: Lines, clock: Clock, ticks_per_quarter: int) -> None:
        self._lines = lines
        self._ticks_per_quarter = ticks_per_quarter
        # Much happens at the same moments, between the same notes.
        self._position = functools.cache(clock.at_tick)
        self._note_name = functools.cache(lines.name)

    def findings(self, hits: Hits) -> list[Finding]:
        columns = (hits.time, hits.upper_from, hits.upper_to, hits.lower_from, hits.lower_to, hits.ticks)
        return [
            self._finding(hits.kind, time, (upper_from, upper_to), (lower_from, lower_to), ticks)
            for time, upper_from, upper_to, lower_from, lower_to, ticks in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ]

    def _finding(
        self, kind: Kind, time: int, upper: tuple[int, int], lower: tuple[int, int], ticks: int
    ) -> Finding:
        (upper_from, upper_to), (lower_from, lower_to) = upper, lower
        if lower_to == NO_NOTE:
            intervals = self._interval(upper_from, upper_to)
        elif kind == "voice crossing":
            intervals = self._interval(lower_to, upper_to)
        else:
            intervals = f"{self._interval(lower_from, upper_from)} → {self._interval(lower_to, upper_to)}"
        names, line = self._lines.names, self._lines.line
        return Finding(
            kind=kind,
            position=self._position(time),
            upper_voice=names[line[upper_to]],
            upper_from=self._name(upper_from),
            upper_to=self._note_name(upper_to),
            lower_voice=None if lower_to == NO_NOTE else names[line[lower_to]],
            lower_from=self._name(lower_from),
            lower_to=self._name(lower_to),
            intervals=intervals,
            lasts_quarters=round(ticks / self._ticks_per_quarter, 4) if kind == "voice crossing" else None,
        )

    def _name(self, note: int) -> str | None:
        return None if note == NO_NOTE else self._note_name(note)

    def _interval(self, one: int, other: int) -> str:
        lines = self._lines
        return interval_name(
            int(lines.place[other] - lines.place[one]), int(lines.cents[other] - lines.cents[one])
        )


def _rules(lines: Lines, direct: DirectPairs, chord_note: ChordNote) -> tuple[str, ...]:
    """Return by which rules the findings were made."""
    direct_rule = (
        "only between the highest and the lowest voice of the moment, where the upper one moves by more than "
        "a step"
        if direct == "outer"
        else "between all pairs of voices, leap or not"
    )
    crossing_rule = (
        "between all pairs of voices"
        if len(lines.names) <= MOST_FOR_ALL_PAIRS
        else f"only between voices at most {REACH} places apart in the score, because there are more than "
        f"{MOST_FOR_ALL_PAIRS}; name fewer voices to compare all their pairs"
    )
    return (
        f"Of a chord within one voice the {chord_note} note counts; {lines.left_out} other notes do not.",
        "Grace notes and cues do not count, tied notes are one note, and a rest ends a succession.",
        "Parallels are looked for between all pairs of voices that move at the same moment, also from simple "
        "to compound intervals; repeated notes are no motion.",
        f"Voices that make at least {RUN} moves in succession as one, in unison or octaves, double "
        "each other: this is no parallel, and what they do against others counts once.",
        f"Direct fifths and octaves are looked for {direct_rule}.",
        f"Crossings and overlaps are looked for {crossing_rule}; the upper voice of a pair is the one that "
        "is above for most of the time.",
    )
