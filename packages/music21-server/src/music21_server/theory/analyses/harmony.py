"""The harmony of a score: chords with their functions, cadences, harmonic rhythm and progressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from music21_server.score.table import Integers, Score
from music21_server.theory.analyses.chords import Tally, what_sounds
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
from music21_server.theory.pitch.names import Key, Name, spelled_from, text_of
from music21_server.theory.pitch.transposition import SpelledPitches
from music21_server.theory.time.phrases import phrase_ends
from music21_server.theory.time.positions import Clock, Position


@dataclass(frozen=True, slots=True)
class Harmony:
    """A chord that a score goes through, with its passing notes and arpeggios.

    Attributes:
        position: Where it begins.
        duration_quarters: Until the next one begins or the music stops, in quarter notes.
        key: That the numeral is in, such as ``F# minor``.
        numeral: Roman numeral with figures, such as ``V65``.
        function: ``tonic``, ``subdominant``, ``dominant``, ``applied dominant`` or ``other``.
        applied: The numeral of an applied dominant, such as ``V65/V``; else empty.
        root: Name of the root; ``B-`` is B flat; None where there is none.
        quality: ``major``, ``minor``, ``diminished``, ``augmented`` or ``other``.
        inversion: 0 root position, 1 first inversion, and so on; -1 where there is no root.
        common_name: Such as ``dominant seventh chord``.
    """

    position: Position
    duration_quarters: float
    key: str
    numeral: str
    function: Function
    applied: str
    root: str | None
    quality: str
    inversion: int
    common_name: str


@dataclass(frozen=True)
class HarmonyAnalysis:
    """The harmony of a score.

    Attributes:
        key: Of the whole score.
        numerals_in: ``the key of the whole score`` or ``local keys``.
        harmony_count: Number of harmonies in the whole score.
        functions: How often each function occurs, the longest-lasting first.
        cadences: In the order of time, each in its local key.
        rhythm: How often harmonies change.
        pairs: The most common progressions of two chords, without figures.
        triples: The most common progressions of three chords.
        harmonies: In the order of time.
    """

    key: str
    numerals_in: str
    harmony_count: int
    functions: tuple[Tally, ...]
    cadences: tuple[Cadence, ...]
    rhythm: HarmonicRhythm
    pairs: tuple[Progression, ...]
    triples: tuple[Progression, ...]
    harmonies: tuple[Harmony, ...]


GLOBAL, LOCAL = "the key of the whole score", "local keys"


def harmony_analysis(
    score: Score,
    pitches: SpelledPitches,
    key: Key | None = None,
    *,
    in_local_keys: bool = False,
    table: NameTable | None = None,
) -> HarmonyAnalysis:
    """Analyse the harmony of a score.

    How sonorities become harmonies: `harmonies`; how phrases end: `phrases`; what cadences are: `cadences`.

    Args:
        score: All parts.
        pitches: Of its rows, sounding or written.
        key: For the numerals; the most likely one if None.
        in_local_keys: Whether numerals are in the local keys instead.
        table: Where names are looked up; that of the process if None.

    Raises:
        ScoreError: There is nothing that sounds.
    """
    found = what_sounds(score, pitches)
    key = key or likely_key(score, pitches)
    clock = Clock(score)
    path = chord_path(score, found, clock)
    local = local_keys(score, found, path, clock)
    chords = harmonies_of(found, path, local, clock)
    named = _Named(chords, local, shared_names() if table is None else table)
    keys = named.local_keys if in_local_keys else [key] * len(chords)
    positions = [clock.at_tick(tick) for tick in chords.start.tolist()]
    rows = _rows(chords, named, keys, positions, score.notes.ticks_per_quarter)
    changes = np.flatnonzero(chords.is_change).tolist()
    numerals = [plain(rows[each].numeral) for each in changes]
    change_positions = [positions[each] for each in changes]
    return HarmonyAnalysis(
        key=key.text,
        numerals_in=LOCAL if in_local_keys else GLOBAL,
        harmony_count=len(chords),
        functions=_functions(rows),
        cadences=_cadences(score, clock, found, chords, named),
        rhythm=_rhythm(score, chords, changes),
        pairs=progressions(numerals, change_positions, 2),
        triples=progressions(numerals, change_positions, 3),
        harmonies=tuple(rows),
    )


class _Named:
    """Harmonies with their names in any keys.

    Attributes:
        local_keys: Of each harmony.
        shapes: Of each harmony.
        table: Where names are looked up.
    """

    def __init__(self, chords: Harmonies, local: LocalKeys, table: NameTable) -> None:
        self.local_keys = [local.keys[each] for each in local.index_at(chords.start).tolist()]
        self.shapes = chords.shapes
        self.table = table

    def names(self, keys: Sequence[Key]) -> list[SonorityName]:
        """Return what each is called in its key."""
        return [self.table.name(class_of(shape, key)) for shape, key in zip(self.shapes, keys, strict=True)]

    def name(self, which: int, key: Key) -> SonorityName:
        """Return what one is called in a key."""
        return self.table.name(class_of(self.shapes[which], key))


def _rows(
    chords: Harmonies,
    named: _Named,
    keys: Sequence[Key],
    positions: Sequence[Position],
    ticks_per_quarter: int,
) -> list[Harmony]:
    names = named.names(keys)
    durations = np.round((chords.end - chords.start) / ticks_per_quarter, 4).tolist()
    rows = []
    for which, (key, name) in enumerate(zip(keys, names, strict=True)):
        following = names[which + 1] if which + 1 < len(names) and keys[which + 1] == key else None
        applied = ""
        if which + 1 < len(names):
            after = named.name(which + 1, key) if following is None else following
            root = None if after.root is None else spelled_from(key.tonic, after.root)
            applied = applied_to(named.shapes[which], root, after.quality, key, named.table)
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
    return None if root is None else text_of(spelled_from(key.tonic, root))


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
    found: Sonorities,
    chords: Harmonies,
    named: _Named,
) -> tuple[Cadence, ...]:
    """Return the cadences at the ends of phrases; after a brief pause only perfect ones count."""
    highest = _highest(found)
    cadences: list[Cadence] = []
    taken: set[int] = set()
    for end in phrase_ends(score, clock):
        last = int(np.searchsorted(chords.start, end.tick, side="right")) - 1
        before = _change_before(chords, last)
        if before < 0 or last in taken:
            continue
        key = named.local_keys[last]
        sounding = int(np.searchsorted(found.start, end.tick, side="right")) - 1
        names = [named.name(each, key) for each in range(before, last + 1)]
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


def _highest(found: Sonorities) -> list[Name]:
    rows = found.first[1:] - 1
    return list(zip(found.step[rows].tolist(), found.alter_cents[rows].tolist(), strict=True))


def _change_before(chords: Harmonies, last: int) -> int:
    """Return the harmony right before the chord that one belongs to; -1 if it is the first."""
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
