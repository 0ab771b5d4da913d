"""A score as columns.

Times within a bar are whole numbers of ticks. A quarter note has `ticks_per_quarter` of them, a common
multiple of all divisions in the source, so every onset and duration is exact. Bars begin together in all
parts; a bar begins where the longest one before it ends.
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
        part: Index of the part; each staff of an instrument is a part.
        measure: Index of the bar in its part.
        onset: Ticks since the beginning of the bar.
        duration: Duration in ticks; 0 for grace notes.
        kind: `NOTE`, `REST` or `UNPITCHED`.
        step: Index into `STEPS` of the written step, or for unpitched notes of the staff position.
        alter_cents: Written alteration; 100 is a sharp.
        octave: Written octave; 4 begins with middle C.
        tie: One of `NO_TIE`, `TIE_START`, `TIE_STOP`, `TIE_CONTINUE`, `TIE_OTHER`.
        grace: Whether it is a grace note.
        cue: Whether it is a cue, which this part does not play.
        voice: Number of the voice within the part, in order of first appearance.
        node: Index among the `<note>` and `<forward>` elements of the document, from 0.
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
        """Written pitch in cents above the C of octave -1, as in MIDI; meaningless for rests."""
        semitones = (self.octave + 1) * 12 + STEP_SEMITONES[self.step]
        return semitones * 100 + self.alter_cents


@dataclass(frozen=True)
class Transposition:
    """Transposition of a part from a bar on.

    Attributes:
        measure: Index of the first bar.
        diatonic: Steps from written to sounding pitch.
        chromatic: Semitones from written to sounding pitch.
    """

    measure: int
    diatonic: int
    chromatic: int


@dataclass(frozen=True)
class DrumSound:
    """Drum at a place of a percussion staff.

    Attributes:
        place: Steps above the C of octave 0.
        key: Key in General MIDI's percussion channel.
    """

    place: int
    key: int


@dataclass(frozen=True)
class Part:
    """One staff of one instrument.

    Attributes:
        identity: Id of the part in the document, with a suffix such as ``-Staff2`` if it has several staves.
        name: Name as printed; may be empty.
        staff: Number of the staff within the document's part; 0 if there is only one.
        transpositions: Transpositions in order; empty for an instrument that sounds as written.
        program: General MIDI program from 0, if the document states one.
        drums: Sounds of unpitched notes, if the document states them.
    """

    identity: str
    name: str
    staff: int = 0
    transpositions: tuple[Transposition, ...] = ()
    program: int | None = None
    drums: tuple[DrumSound, ...] = ()


@dataclass(frozen=True)
class KeyChange:
    """A key signature of `fifths` sharps, negative for flats; `mode` is the source's and may be empty."""

    part: int
    measure: int
    onset: int
    fifths: int
    mode: str


@dataclass(frozen=True)
class TimeChange:
    """A time signature such as ``3/8+2/8``; `ticks` is the length of its bar, 0 if it is not fixed."""

    part: int
    measure: int
    onset: int
    text: str
    ticks: int


@dataclass(frozen=True)
class TempoChange:
    """A tempo in quarter notes per minute."""

    part: int
    measure: int
    onset: int
    quarters_per_minute: float


@dataclass(frozen=True)
class ChordSymbol:
    """A chord symbol above a staff, such as ``C#m7/G#``; it does not sound."""

    part: int
    measure: int
    onset: int
    text: str


@dataclass(frozen=True)
class Fermata:
    """A fermata over the notes or the rest of a part at one onset."""

    part: int
    measure: int
    onset: int


@dataclass(frozen=True)
class Score:
    """A score as columns.

    Attributes:
        title: Title; may be empty.
        composer: Composer; may be empty.
        parts: Parts in the order of the document.
        notes: Notes and rests of all parts.
        measure_numbers: Numbers of the bars of the longest part, as printed.
        measure_ticks: Length of each bar: the greatest among the parts, without parts that only rest.
        own_ticks: Length of each bar in each part, parts by bars; -1 where a part has no such bar.
        keys: Key signatures.
        times: Time signatures.
        tempos: Tempo marks with a number.
        chord_symbols: Chord symbols.
        fermatas: Fermatas as written; each note of a chord may have one.
        remarks: Sentences about what the reader had to guess, change or leave out.
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
    remarks: tuple[str, ...] = ()

    @property
    def measure_starts(self) -> Integers:
        """Ticks from the beginning of the score to each bar, and to the end: one entry more than bars."""
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.measure_ticks)])

    def quarters(self, ticks: int) -> Fraction:
        """Return a time in quarter notes, exactly."""
        return Fraction(int(ticks), self.notes.ticks_per_quarter)
