"""Voice-leading analysis: parallels, direct intervals, crossings, overlaps, leaps and doublings."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.melody.lines import ChordNote, Lines, chord_rule, melodic_lines
from music21_server.theory.pitch.intervals import interval_name
from music21_server.theory.pitch.transposition import SpelledPitches
from music21_server.theory.time.positions import Clock, Position
from music21_server.theory.voice_leading.crossings import MOST_FOR_ALL_PAIRS, REACH, crossings
from music21_server.theory.voice_leading.motions import RUN, Moves, doubled_pairs, moves_of
from music21_server.theory.voice_leading.occurrences import KINDS, NO_NOTE, Hits, Kind
from music21_server.theory.voice_leading.parallels import DirectPairs, direct_intervals, leaps, parallels


@dataclass(frozen=True)
class Finding:
    """One occurrence of a kind of voice leading."""

    kind: Kind
    """Kind of finding, such as `parallel fifths`."""
    position: Position
    """Beginning of the second interval, or of the note that is leapt to."""
    upper_voice: str
    """Upper voice (in a crossing, the usually upper one); for a leap, the voice that leaps."""
    upper_from: str | None
    """Its note before, such as `F#4`; null if its note did not change or followed a rest."""
    upper_to: str
    """Its note at the position."""
    lower_voice: str | None
    """Other voice; null for a leap."""
    lower_from: str | None
    """Its note before."""
    lower_to: str | None
    """Its note at the position."""
    intervals: str
    """Intervals between the voices before and after, such as `P5 → P12`; for a leap, its size; for a
    crossing, the interval between the crossed voices."""
    lasts_quarters: float | None
    """Duration of a crossing in quarter notes; null for other kinds."""


@dataclass(frozen=True)
class KindCount:
    """The number of findings of one kind."""

    kind: Kind
    """Kind of finding."""
    count: int
    """Exact number in the score."""
    listed: int
    """Number of these, in order of time, among the findings."""


@dataclass(frozen=True)
class Doubling:
    """Two voices that play the same line for a while, in unison or octaves."""

    first_voice: str
    """Voice that is first in the score."""
    second_voice: str
    """Other voice."""
    moves: int
    """Number of moves from note to note that they make together."""
    share_of_first: float
    """Share of the first voice's moves, 0 to 1."""
    share_of_second: float
    """Share of the second voice's moves, 0 to 1."""
    begins: Position
    """Beginning of the first doubled passage."""


@dataclass(frozen=True)
class VoiceLeading:
    """The voice leading of a score."""

    voices: tuple[str, ...]
    """Names of the voices compared."""
    pairs: int
    """Number of pairs of voices."""
    counts: tuple[KindCount, ...]
    """Exact number of findings of each requested kind."""
    findings: tuple[Finding, ...]
    """Findings by kind, in the order of the counts, and then by time."""
    doublings_found: int
    """Exact number of pairs of voices that double each other anywhere."""
    doublings: tuple[Doubling, ...]
    """Those pairs, the ones with the most moves first."""
    rules: tuple[str, ...]
    """Rules of the analysis."""


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
        pitches: Pitches of its rows, written or sounding.
        kinds: Kinds to look for, from `occurrences.KINDS`; None for all.
        voices: Names of voices or parts, or numbers of parts from 1; None for all.
        direct: ``outer`` for direct fifths and octaves between the outer voices where the upper one leaps,
            ``all`` for those between any two voices, leap or not.
        chord_note: Note that counts of a chord within one voice.
        most: Most findings of each kind, and most doublings, to return; all are counted.

    Raises:
        ScoreError: A kind or a voice is unknown.
    """
    requested = _checked_kinds(kinds)
    lines = melodic_lines(score, pitches, voices=voices, chord_note=chord_note)
    moves = moves_of(lines)
    hits = _hits(lines, moves, requested, direct, most)
    clock = Clock(score)
    doublings_found, doublings = _doublings(lines, moves, clock, most)
    builder = _FindingBuilder(lines, clock, score.notes.ticks_per_quarter)
    return VoiceLeading(
        voices=lines.names,
        pairs=len(lines.names) * (len(lines.names) - 1) // 2,
        counts=tuple(KindCount(each.kind, each.total, len(each.time)) for each in hits),
        findings=tuple(finding for each in hits for finding in builder.findings(each)),
        doublings_found=doublings_found,
        doublings=doublings,
        rules=_rules(lines, direct, chord_note),
    )


def _checked_kinds(kinds: Collection[str] | None) -> frozenset[str]:
    unknown = sorted(set(kinds or ()) - set(KINDS))
    if unknown:
        raise ScoreError(f"Expected kinds from {', '.join(KINDS)}; got {unknown[0]!r}.")
    return frozenset(KINDS if kinds is None else kinds)


def _hits(
    lines: Lines, moves: Moves, requested: frozenset[str], direct: DirectPairs, most: int
) -> list[Hits]:
    """Return the hits of the requested kinds, in the order of `KINDS`."""
    all_hits: list[Hits] = []
    if any(kind.startswith(("parallel", "fifths", "octaves")) for kind in requested):
        all_hits += parallels(lines, moves, most)
    if any(kind.startswith("direct") for kind in requested):
        all_hits += direct_intervals(lines, moves, direct, most)
    if any(kind.startswith("voice") for kind in requested):
        all_hits += crossings(lines, moves, most)
    if any("leap" in kind for kind in requested):
        all_hits += leaps(lines, moves, most)
    return [hits for hits in all_hits if hits.kind in requested]


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


class _FindingBuilder:
    """Builds findings from columns."""

    def __init__(self, lines: Lines, clock: Clock, ticks_per_quarter: int) -> None:
        self._lines = lines
        self._ticks_per_quarter = ticks_per_quarter
        # Many findings share their moments and notes.
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
    """Return the rules of the analysis, for the reader of the result."""
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
        chord_rule(lines, chord_note),
        "Parallels are counted between all pairs of voices that move at the same moment, including motion "
        "from simple to compound intervals; a repeated note is not motion, and a rest interrupts a voice.",
        f"Voices that make at least {RUN} successive moves together, in unison or octaves, double each "
        "other: these are not parallels, and their parallels with other voices count once.",
        f"Direct fifths and octaves are counted {direct_rule}.",
        f"Crossings and overlaps are counted {crossing_rule}; the upper voice of a pair is the one that is "
        "above for most of the time.",
    )
