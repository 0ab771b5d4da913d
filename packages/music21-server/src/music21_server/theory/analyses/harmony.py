"""Harmony analysis: chords with their functions, cadences, harmonic rhythm and progressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from music21_server.score.table import Integers, Score
from music21_server.theory.analyses.chords import Tally, nonempty_sonorities
from music21_server.theory.chords.assignment import chord_path
from music21_server.theory.chords.name_table import NameTable, shared_names
from music21_server.theory.chords.names import SonorityName, class_of
from music21_server.theory.chords.sonorities import Sonorities
from music21_server.theory.harmony.cadences import Cadence, cadence_kind
from music21_server.theory.harmony.functions import Function, applied_to, function_of, plain
from music21_server.theory.harmony.harmonies import Harmonies, harmonies_of
from music21_server.theory.harmony.local_keys import LocalKeys, local_keys
from music21_server.theory.harmony.rhythm import HarmonicRhythm, Progression, harmonic_rhythm, progressions
from music21_server.theory.keys.estimate import likely_key
from music21_server.theory.pitch.names import Key, Name, absolute_name, text_of
from music21_server.theory.pitch.transposition import SpelledPitches
from music21_server.theory.time.phrases import phrase_ends
from music21_server.theory.time.positions import Clock, Position


@dataclass(frozen=True, slots=True)
class Harmony:
    """A chord of a score, including its passing notes and arpeggios."""

    position: Position
    """Beginning of the harmony."""
    duration_quarters: float
    """Time until the next harmony begins or the music stops, in quarter notes."""
    key: str
    """Key of the numeral, such as `F# minor`."""
    numeral: str
    """Roman numeral with figures, such as `V65`."""
    function: Function
    """`tonic`, `subdominant`, `dominant`, `applied dominant` or `other`."""
    applied: str
    """Numeral of an applied dominant, such as `V65/V`; otherwise empty."""
    root: str | None
    """Name of the root; `B-` is B flat; null without one."""
    quality: str
    """`major`, `minor`, `diminished`, `augmented` or `other`."""
    inversion: int
    """0 root position, 1 first inversion, and so on; -1 without a root."""
    common_name: str
    """Common name, such as `dominant seventh chord`."""


@dataclass(frozen=True)
class HarmonyAnalysis:
    """The harmony of a score."""

    key: str
    """Key of the whole score."""
    numerals_in: str
    """`the key of the whole score` or `local keys`."""
    harmony_count: int
    """Number of harmonies in the whole score."""
    functions: tuple[Tally, ...]
    """Harmonic functions, in order of total duration."""
    cadences: tuple[Cadence, ...]
    """Cadences in order of time, each in its local key."""
    rhythm: HarmonicRhythm
    """Harmonic rhythm."""
    pairs: tuple[Progression, ...]
    """Most common progressions of two chords, without figures."""
    triples: tuple[Progression, ...]
    """Most common progressions of three chords, without figures."""
    harmonies: tuple[Harmony, ...]
    """Harmonies in order of time."""


GLOBAL, LOCAL = "the key of the whole score", "local keys"


def harmony_analysis(
    score: Score,
    pitches: SpelledPitches,
    key: Key | None = None,
    *,
    in_local_keys: bool = False,
    table: NameTable | None = None,
) -> HarmonyAnalysis:
    """Analyse the harmony of a score; see `harmonies`, `phrases` and `cadences` for the rules.

    Args:
        pitches: Pitches of its rows, sounding or written.
        key: Key of the numerals; the most likely one if None.
        in_local_keys: Whether numerals are in the local keys instead.
        table: Table of names; that of the process if None.

    Raises:
        ScoreError: Nothing sounds.
    """
    sonorities = nonempty_sonorities(score, pitches)
    key = key or likely_key(score, pitches)
    clock = Clock(score)
    path = chord_path(score, sonorities, clock)
    local = local_keys(score, sonorities, path, clock)
    chords = harmonies_of(sonorities, path, local, clock)
    chord_names = _ChordNames(chords, local, shared_names() if table is None else table)
    keys = chord_names.local_keys if in_local_keys else [key] * len(chords)
    positions = [clock.at_tick(tick) for tick in chords.start.tolist()]
    rows = _rows(chords, chord_names, keys, positions, score.notes.ticks_per_quarter)
    changes = np.flatnonzero(chords.is_change).tolist()
    numerals = [plain(rows[each].numeral) for each in changes]
    change_positions = [positions[each] for each in changes]
    return HarmonyAnalysis(
        key=key.text,
        numerals_in=LOCAL if in_local_keys else GLOBAL,
        harmony_count=len(chords),
        functions=_functions(rows),
        cadences=_cadences(score, clock, sonorities, chords, chord_names),
        rhythm=_rhythm(score, chords, changes),
        pairs=progressions(numerals, change_positions, 2),
        triples=progressions(numerals, change_positions, 3),
        harmonies=tuple(rows),
    )


class _ChordNames:
    """Names of harmonies in any key.

    Attributes:
        local_keys: Local key of each harmony.
        shapes: Shape of each harmony.
        table: Table of names.
    """

    def __init__(self, chords: Harmonies, local: LocalKeys, table: NameTable) -> None:
        self.local_keys = [local.keys[each] for each in local.index_at(chords.start).tolist()]
        self.shapes = chords.shapes
        self.table = table

    def names(self, keys: Sequence[Key]) -> list[SonorityName]:
        """Return the name of each harmony in its key."""
        return [self.table.name(class_of(shape, key)) for shape, key in zip(self.shapes, keys, strict=True)]

    def name(self, which: int, key: Key) -> SonorityName:
        """Return the name of one harmony in a key."""
        return self.table.name(class_of(self.shapes[which], key))


def _rows(
    chords: Harmonies,
    chord_names: _ChordNames,
    keys: Sequence[Key],
    positions: Sequence[Position],
    ticks_per_quarter: int,
) -> list[Harmony]:
    names = chord_names.names(keys)
    durations = np.round((chords.end - chords.start) / ticks_per_quarter, 4).tolist()
    rows = []
    for which, (key, name) in enumerate(zip(keys, names, strict=True)):
        following = names[which + 1] if which + 1 < len(names) and keys[which + 1] == key else None
        applied = ""
        if which + 1 < len(names):
            after = chord_names.name(which + 1, key) if following is None else following
            root = None if after.root is None else absolute_name(key.tonic, after.root)
            applied = applied_to(chord_names.shapes[which], root, after.quality, key, chord_names.table)
        rows.append(
            Harmony(
                position=positions[which],
                duration_quarters=durations[which],
                key=key.text,
                numeral=name.numeral,
                function="applied dominant" if applied else function_of(name, following),
                applied=applied,
                root=_text(key, name.root),
                quality=name.quality,
                inversion=name.inversion,
                common_name=name.common_name,
            )
        )
    return rows


def _text(key: Key, root: Name | None) -> str | None:
    return None if root is None else text_of(absolute_name(key.tonic, root))


def _functions(rows: Sequence[Harmony]) -> tuple[Tally, ...]:
    counts: dict[str, int] = {}
    quarters: dict[str, float] = {}
    for row in rows:
        counts[row.function] = counts.get(row.function, 0) + 1
        quarters[row.function] = quarters.get(row.function, 0.0) + row.duration_quarters
    tallies = [Tally(name, count, round(quarters[name], 4)) for name, count in counts.items()]
    return tuple(sorted(tallies, key=lambda tally: (-tally.quarters, tally.name)))


def _cadences(
    score: Score,
    clock: Clock,
    sonorities: Sonorities,
    chords: Harmonies,
    chord_names: _ChordNames,
) -> tuple[Cadence, ...]:
    """Return the cadences at the ends of phrases; after a brief pause only perfect ones count."""
    highest = _highest(sonorities)
    cadences: list[Cadence] = []
    taken: set[int] = set()
    for end in phrase_ends(score, clock):
        last = int(np.searchsorted(chords.start, end.tick, side="right")) - 1
        before = _change_before(chords, last)
        if before < 0 or last in taken:
            continue
        key = chord_names.local_keys[last]
        sounding = int(np.searchsorted(sonorities.start, end.tick, side="right")) - 1
        names = [chord_names.name(each, key) for each in range(before, last + 1)]
        kind = cadence_kind(
            names[0], names[-1], ends_on_tonic=highest[sounding] == key.tonic, is_minor=key.mode == "minor"
        )
        if kind is not None and (kind == "perfect authentic" or end.evidence != "brief pause"):
            taken.add(last)
            numerals = (names[0].numeral, names[-1].numeral)
            cadences.append(
                Cadence(clock.at_tick(int(chords.start[last])), kind, key.text, numerals, end.evidence)
            )
    return tuple(cadences)


def _highest(sonorities: Sonorities) -> list[Name]:
    rows = sonorities.first[1:] - 1
    return list(zip(sonorities.step[rows].tolist(), sonorities.alter_cents[rows].tolist(), strict=True))


def _change_before(chords: Harmonies, last: int) -> int:
    """Return the last harmony of the chord before the one that `last` belongs to; -1 if there is none."""
    while last > 0 and not chords.is_change[last]:
        last -= 1
    return last - 1


def _rhythm(score: Score, chords: Harmonies, changes: Sequence[int]) -> HarmonicRhythm:
    unit = score.notes.ticks_per_quarter
    starts: Integers = chords.start[np.array(changes, dtype=np.int64)]
    measures = np.searchsorted(score.measure_starts, starts, side="right") - 1
    return harmonic_rhythm(
        measures.tolist(), (starts / unit).tolist(), float(chords.end[-1] / unit), score.measure_numbers
    )
