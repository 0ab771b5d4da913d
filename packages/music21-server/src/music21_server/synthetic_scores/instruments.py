"""The instruments of an orchestra, and the players of an ensemble of a given size.

Ranges are written ones, for professional players; Adler, *The Study of Orchestration*.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain, cycle, islice
from typing import Final

from music21_server.score.table import STEPS

TREBLE, ALTO, BASS, PERCUSSION = ("G", 2, 0), ("C", 3, 0), ("F", 4, 0), ("percussion", 0, 0)
TENOR_VOICE: Final = ("G", 2, -1)

Clef = tuple[str, int, int]
"""Sign, line and octave change."""


@dataclass(frozen=True)
class InstrumentLine:
    """Music for one hand or one voice of an instrument.

    Attributes:
        staff: Number of its staff, from 1.
        lowest: Lowest written pitch in steps above C0.
        highest: Highest written pitch in steps above C0.
        figures: Names from `figuration.FIGURES`: the first for the first phrase, the others for later ones.
    """

    staff: int
    lowest: int
    highest: int
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Instrument:
    """A kind of instrument.

    Attributes:
        name: Printed name in the singular.
        program: General MIDI program, from 1.
        clefs: One clef per staff.
        lines: Simultaneous lines; several on one staff become voices.
        diatonic: Steps from written to sounding pitch, without octaves.
        chromatic: Semitones from written to sounding pitch, without octaves.
        octaves: Octaves from written to sounding pitch.
        sings: Whether it has lyrics.
        is_unpitched: Whether its notes are staff positions without pitch.
    """

    name: str
    program: int
    clefs: tuple[Clef, ...]
    lines: tuple[InstrumentLine, ...]
    diatonic: int = 0
    chromatic: int = 0
    octaves: int = 0
    sings: bool = False
    is_unpitched: bool = False

    @property
    def fifths(self) -> int:
        """Distance from sounding to written pitch on the line of fifths."""
        return 12 * self.diatonic - 7 * self.chromatic


@dataclass(frozen=True)
class Player:
    """One part of the score.

    Attributes:
        instrument: Instrument that is played.
        number: Number among the players of this instrument, from 1.
        total: Number of players of this instrument.
    """

    instrument: Instrument
    number: int
    total: int

    @property
    def name(self) -> str:
        """Printed name such as ``Violin 3``."""
        return self.instrument.name if self.total == 1 else f"{self.instrument.name} {self.number}"


def steps(name: str) -> int:
    """Return a pitch such as ``G3`` in steps above C0."""
    return int(name[1:]) * 7 + STEPS.index(name[0])


_SUSTAINED: Final = ("hold", "hold", "suspension", "silence", "sighs")
_WIND: Final = (
    "melody", "hold", "repeated eighths", "triplet arpeggio", "eighth arpeggio", "suspension", "scale",
    "silence", "sighs", "syncopation", "turns", "melody", "sixteenth arpeggio", "scale",
)  # fmt: skip
_BRASS: Final = (
    "hold", "hold", "suspension", "repeated eighths", "off-beats", "silence", "syncopation",
    "repeated triplets", "melody",
)  # fmt: skip
_STRING: Final = (
    "melody", "repeated eighths", "scale", "sixteenth arpeggio", "triplet arpeggio", "hold", "pizzicato",
    "sighs", "syncopation", "double stops", "sextuplet scale", "turns", "repeated sixteenths",
    "sixteenth arpeggio", "repeated sixteenths", "scale",
)  # fmt: skip
_LOW: Final = (
    "bass", "walking bass", "running bass", "bass on beats", "pedal", "running bass", "pizzicato bass",
    "walking bass", "repeated bass",
)  # fmt: skip


def _one(low: str, high: str, *figures: str) -> tuple[InstrumentLine, ...]:
    return (_line(1, low, high, *figures),)


def _line(staff: int, low: str, high: str, *figures: str) -> InstrumentLine:
    return InstrumentLine(staff, steps(low), steps(high), figures)


_SCORE_ORDER: Final = (
    Instrument("Piccolo", 73, (TREBLE,), _one("D4", "A6", "scale", "thirty-second scale", *_WIND), octaves=1),
    Instrument("Flute", 74, (TREBLE,), _one("C4", "A6", "melody", "sextuplet scale", *_WIND)),
    Instrument("Oboe", 69, (TREBLE,), _one("B3", "E6", *_WIND)),
    Instrument("English Horn", 70, (TREBLE,), _one("B3", "D6", *_WIND), diatonic=-4, chromatic=-7),
    Instrument(
        "Clarinet in B♭", 72, (TREBLE,), _one("E3", "E6", "triplet arpeggio", *_WIND),
        diatonic=-1, chromatic=-2,
    ),
    Instrument(
        "Bass Clarinet in B♭", 72, (TREBLE,), _one("E3", "C5", *_LOW, "eighth arpeggio"),
        diatonic=-1, chromatic=-2, octaves=-1,
    ),
    Instrument("Bassoon", 71, (BASS,), _one("B1", "G4", "eighth arpeggio", *_LOW, *_SUSTAINED)),
    Instrument("Contrabassoon", 71, (BASS,), _one("B1", "C4", *_LOW, "silence"), octaves=-1),
    Instrument("Horn in F", 61, (TREBLE,), _one("F3", "A5", *_BRASS), diatonic=-4, chromatic=-7),
    Instrument("Trumpet in B♭", 57, (TREBLE,), _one("G3", "A5", *_BRASS), diatonic=-1, chromatic=-2),
    Instrument("Trombone", 58, (BASS,), _one("E2", "G4", *_BRASS)),
    Instrument("Tuba", 59, (BASS,), _one("F1", "C4", *_LOW, "silence")),
    Instrument("Timpani", 48, (BASS,), _one("E2", "A3", "pizzicato bass", "roll", "silence")),
    Instrument(
        "Snare Drum", 1, (PERCUSSION,), _one("E4", "E4", "roll", "pizzicato", "off-beats", "silence"),
        is_unpitched=True,
    ),
    Instrument(
        "Harp", 47, (TREBLE, BASS),
        (
            _line(1, "C4", "C7", "sixteenth arpeggio", "chords", "triplet arpeggio", "silence"),
            _line(2, "C2", "B3", "bass", "eighth arpeggio", "chords", "silence"),
        ),
    ),
    Instrument(
        "Piano", 1, (TREBLE, BASS),
        (
            _line(1, "C5", "C7", "melody", "scale", "sixteenth arpeggio", "sextuplet scale"),
            _line(1, "C4", "B4", "chords", "off-beat chords", "repeated chords"),
            _line(2, "A1", "B3", "eighth arpeggio", "bass", "walking bass", "triplet arpeggio"),
        ),
    ),
    Instrument("Soprano", 53, (TREBLE,), _one("C4", "G5", "melody", "hold", "suspension"), sings=True),
    Instrument("Alto", 53, (TREBLE,), _one("G3", "D5", *_SUSTAINED, "syncopation"), sings=True),
    Instrument("Tenor", 53, (TENOR_VOICE,), _one("C3", "G4", *_SUSTAINED, "melody"), sings=True),
    Instrument("Bass", 53, (BASS,), _one("F2", "D4", "bass", "bass on beats", "hold", "silence"), sings=True),
    Instrument("Violin", 41, (TREBLE,), _one("G3", "A6", *_STRING, "thirty-second scale")),
    Instrument("Viola", 42, (ALTO,), _one("C3", "A5", "off-beat chords", *_STRING)),
    Instrument("Violoncello", 43, (BASS,), _one("C2", "G4", *_LOW, *_STRING)),
    Instrument("Double Bass", 44, (BASS,), _one("E2", "G4", *_LOW), octaves=-1),
)  # fmt: skip

_CORE: Final = (
    "Violin", "Violoncello", "Clarinet in B♭", "Piano", "Soprano", "Horn in F", "Flute", "Viola",
    "Double Bass", "Oboe", "Bassoon", "Trumpet in B♭", "Timpani", "Trombone", "Alto", "Tenor", "Bass", "Harp",
    "Tuba", "Snare Drum", "Violin", "Violin", "Viola", "Violoncello", "Flute", "Oboe", "Clarinet in B♭",
    "Bassoon",
    "Horn in F", "Horn in F", "Horn in F", "Trumpet in B♭", "Trombone", "Trombone", "Piccolo", "English Horn",
    "Bass Clarinet in B♭", "Contrabassoon", "Violin", "Double Bass",
)  # fmt: skip
"""A full orchestra with choir, most important players first."""

_REINFORCEMENT: Final = (
    "Violin", "Violin", "Viola", "Violoncello", "Violin", "Flute", "Clarinet in B♭", "Violin", "Horn in F",
    "Soprano", "Double Bass", "Oboe", "Viola", "Alto", "Bassoon", "Violin", "Trumpet in B♭", "Tenor",
    "Violoncello", "Bass", "Trombone", "Violin", "Harp",
)  # fmt: skip
"""Players beyond the full orchestra, repeated as often as needed."""


def players(count: int) -> tuple[Player, ...]:
    """Return an ensemble of `count` players in score order."""
    totals = Counter(islice(chain(_CORE, cycle(_REINFORCEMENT)), count))
    return tuple(
        Player(instrument, number, totals[instrument.name])
        for instrument in _SCORE_ORDER
        for number in range(1, totals[instrument.name] + 1)
    )
