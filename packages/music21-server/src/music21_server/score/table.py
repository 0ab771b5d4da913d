"""A score as columns.

Times within a bar are whole numbers of ticks; a quarter note has `ticks_per_quarter` of them, a common
multiple of everything that the source divides a quarter into, so that every onset and duration is exact. Bars
begin together in all parts; where in the score a bar begins follows from the longest one before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

NOTE, REST, UNPITCHED = 0, 1, 2
"""Values of the column `kind`."""

NO_TIE, TIE_START, TIE_STOP, TIE_CONTINUE, TIE_OTHER = 0, 1, 2, 3, 4
"""Values of the column `tie`."""

STEPS: Final = "CDEFGAB"
STEP_SEMITONES: Final = np.array([0, 2, 4, 5, 7, 9, 11], dtype=np.int16)

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class NoteTable:
    """Notes and rests, one row each, ordered by part, bar and place in the document.

    Attributes:
        part: Index of the part, staves of one instrument counted apart.
        measure: Index of the bar in its part.
        onset: Ticks since the beginning of the bar.
        duration: In ticks; 0 for grace notes.
        kind: `NOTE`, `REST` or `UNPITCHED`.
        step: Index of the written step in `STEPS`; of the line it stands on, for unpitched notes.
        alter_cents: Written alteration; 100 is a sharp.
        octave: Written octave; 4 begins with middle C.
        tie: One of `NO_TIE` and the others.
        grace: Whether it is a grace note.
        cue: Whether it is a cue, which is not played here.
        voice: Number of the voice within the part; voices are numbered as they first appear.
        node: Which `<note>` or `<forward>` of the document it was made from, counted from 0.
        ticks_per_quarter: Length of a quarter note.
    """

    part: Integers
    measure: Integers
    onset: Integers
    duration: Integers
    kind: Integers
    step: Integers
    alter_cents: Integers
    octave: Integers
    tie: Integers
    grace: Booleans
    cue: Booleans
    voice: Integers
    node: Integers
    ticks_per_quarter: int

    def __len__(self) -> int:
        return len(self.part)

    @property
    def written_cents(self) -> Integers:
        """Written pitch in cents above the C of octave -1, as MIDI counts; meaningless for rests."""
        semitones = (self.octave + 1) * 12 + STEP_SEMITONES[self.step]
        return semitones * 100 + self.alter_cents


@dataclass(frozen=True)
class Transposition:
    """How a part sounds from a bar on.

    Attributes:
        measure: First bar.
        diatonic: Steps from written to sounding.
        chromatic: Semitones from written to sounding.
    """

    measure: int
    diatonic: int
    chromatic: int


@dataclass(frozen=True)
class Part:
    """One staff of one instrument.

    Attributes:
        identity: The document's id of the part; with ``-Staff2`` and so on where it has several.
        name: As printed; may be empty.
        staff: Number of the staff within the document's part; 0 where there is one.
        transpositions: In order; none for an instrument that sounds as written.
    """

    identity: str
    name: str
    staff: int = 0
    transpositions: tuple[Transposition, ...] = ()


@dataclass(frozen=True)
class KeyChange:
    """A key signature: `fifths` sharps, or flats below zero; `mode` as the source says, may be empty."""

    part: int
    measure: int
    onset: int
    fifths: int
    mode: str


@dataclass(frozen=True)
class TimeChange:
    """A time signature, such as ``3/8+2/8``; `ticks` is the length of its bar, 0 without a fixed one."""

    part: int
    measure: int
    onset: int
    text: str
    ticks: int


@dataclass(frozen=True)
class TempoChange:
    """A tempo: quarter notes per minute."""

    part: int
    measure: int
    onset: int
    quarters_per_minute: float


@dataclass(frozen=True)
class ChordSymbol:
    """A chord symbol above a staff, which does not sound; `text` such as ``C#m7/G#``."""

    part: int
    measure: int
    onset: int
    text: str


@dataclass(frozen=True)
class Fermata:
    """A fermata over the notes or the rest of a part that begin there."""

    part: int
    measure: int
    onset: int


@dataclass(frozen=True)
class Score:
    """What was read.

    Attributes:
        title: May be empty.
        composer: May be empty.
        parts: In the order of the document.
        notes: Of all parts.
        measure_numbers: Of each bar of the longest part, as printed.
        measure_ticks: Length of each bar: that of the part where it is longest, those apart that just rest.
        own_ticks: Length of each bar in each part, parts by bars; -1 where a part has no such bar.
        keys: Key signatures.
        times: Time signatures.
        tempos: Tempo marks with a number.
        chord_symbols: Chord symbols.
        fermatas: Fermatas, as often as they are written: notes of a chord may have one each.
    """

    title: str
    composer: str
    parts: tuple[Part, ...]
    notes: NoteTable
    measure_numbers: tuple[str, ...]
    measure_ticks: Integers
    own_ticks: Integers
    keys: tuple[KeyChange, ...] = ()
    times: tuple[TimeChange, ...] = ()
    tempos: tuple[TempoChange, ...] = ()
    chord_symbols: tuple[ChordSymbol, ...] = field(default=(), repr=False)
    fermatas: tuple[Fermata, ...] = field(default=(), repr=False)

    @property
    def measure_starts(self) -> Integers:
        """Ticks from the beginning of the score to that of each bar, and to the end: one more than bars."""
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.measure_ticks)])

    def quarters(self, ticks: int) -> Fraction:
        """Return a time in quarter notes."""
        return Fraction(int(ticks), self.notes.ticks_per_quarter)
