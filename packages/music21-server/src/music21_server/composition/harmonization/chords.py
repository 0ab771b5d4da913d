"""Chords in a key: their notes, names and tendency tones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from music21_server.composition.harmonization.tonality import Tonality, name_in_key, pitch_class
from music21_server.theory.harmony.functions import Function
from music21_server.theory.pitch.names import Name, fifths_of, name_at, name_of, text_of

TRIAD_FIGURES: Final = ("", "6", "64")
SEVENTH_FIGURES: Final = ("7", "65", "43", "42")

DEGREES: Final = ("I", "II", "III", "IV", "V", "VI", "VII")


@dataclass(frozen=True)
class Chord:
    """A chord in a key and an inversion.

    Attributes:
        numeral: Roman numeral with figures, such as ``V65/V``.
        degree: Key for tables of progressions: the degree of the root, such as ``V``, or of an applied
            dominant, such as ``V/V``.
        function: Harmonic function in the key.
        names: Notes from the root upwards by thirds.
        bass: Index of the lowest note.
        colour: Additional cost compared with the plainest chords of the style.
        suffix: Suffix of the chord symbol, such as ``m7``.
        lead: Pitch class of the leading note, which resolves up by a semitone.
        seventh: Pitch class of the seventh, which resolves down by step.
        tensions: Pitch classes that the melody may have above the chord without being dissonant.
    """

    numeral: str
    degree: str
    function: Function
    names: tuple[Name, ...]
    bass: int = 0
    colour: float = 0.0
    suffix: str = ""
    lead: int | None = None
    seventh: int | None = None
    tensions: tuple[int, ...] = ()

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes of the notes, root first."""
        return tuple(pitch_class(name) for name in self.names)

    def name_of(self, pitch_class: int) -> Name:
        """Return the name of the note with a pitch class.

        Raises:
            ValueError: No note of the chord has it.
        """
        return self.names[self.pitch_classes.index(pitch_class)]

    @property
    def root(self) -> int:
        """Pitch class of the root."""
        return pitch_class(self.names[0])

    @property
    def bass_class(self) -> int:
        """Pitch class of the lowest note."""
        return pitch_class(self.names[self.bass])

    @property
    def is_diminished(self) -> bool:
        """Whether the triad on the root is diminished."""
        root, third, fifth = self.pitch_classes[:3]
        return ((third - root) % 12, (fifth - root) % 12) == (3, 6)

    @property
    def is_root_position(self) -> bool:
        """Whether the root is the lowest note."""
        return self.bass == 0

    @property
    def symbol(self) -> str:
        """Chord symbol, such as ``Bbmaj7`` or ``C/E``."""
        bass = "" if self.is_root_position else f"/{_symbol_name(self.names[self.bass])}"
        return f"{self.symbol_with(self.suffix)}{bass}"

    def symbol_with(self, suffix: str) -> str:
        """Return the symbol with another suffix, such as ``m9`` for ``m7``, without the bass."""
        return f"{_symbol_name(self.names[0])}{suffix}"


def _symbol_name(name: Name) -> str:
    return text_of(name).replace("-", "b")


def chord(
    key: Tonality,
    numeral: str,
    degree: str,
    function: Function,
    notes: str,
    *,
    figures: Sequence[str] = ("",),
    bass: int = 0,
    colour: float = 0.0,
    suffix: str = "",
    lead: str = "",
    seventh: str = "",
    tensions: str = "",
) -> Chord:
    """Return a chord in a key; notes are given as if the tonic were C.

    Args:
        key: Key of the chord.
        numeral: Roman numeral without figures, such as ``V/V``.
        degree: Key for tables of progressions.
        function: Harmonic function.
        notes: Notes from the root upwards, such as ``G B- D F``; ``B-`` is B flat.
        figures: Figures for each inversion.
        bass: Index of the lowest note.
        colour: Additional cost of the chord.
        suffix: Suffix of the chord symbol.
        lead: Leading note.
        tensions: Further notes that the melody may have.
    """
    plain, slash, target = numeral.partition("/")

    def class_of(text: str) -> int:
        return pitch_class(name_in_key(key.tonic, text))

    return Chord(
        numeral=f"{plain}{figures[bass]}{slash}{target}",
        degree=degree,
        function=function,
        names=tuple(name_in_key(key.tonic, text) for text in notes.split()),
        bass=bass,
        colour=colour,
        suffix=suffix,
        lead=class_of(lead) if lead else None,
        seventh=class_of(seventh) if seventh else None,
        tensions=tuple(class_of(text) for text in tensions.split()),
    )


def transpose_notes(notes: str, target: str) -> str:
    """Return notes transposed from C to another tonic: ``G B D`` becomes ``D F# A`` for G."""
    shift = fifths_of(name_of(target))
    return " ".join(text_of(name_at(fifths_of(name_of(text)) + shift)) for text in notes.split())


def stacked_thirds(key: Tonality, degree: int, size: int) -> str:
    """Return `size` stacked thirds on a degree, from 0, of a key's scale, as if the tonic were C."""
    return " ".join(text_of(key.scale[(degree + 2 * third) % 7]) for third in range(size))


def numeral_of(key: Tonality, degree: int) -> str:
    """Return the numeral of the triad on a degree of a scale, such as ``bVII`` or ``iio``.

    As in music21, degrees that differ from the major scale get a sign, except for the lowered third, sixth
    and seventh of minor keys.
    """
    notes = [name_in_key((0, 0), text) for text in stacked_thirds(key, degree, 3).split()]
    root, third, fifth = (pitch_class(name) for name in notes)
    is_minor, is_diminished = (third - root) % 12 == 3, (fifth - root) % 12 == 6
    cents = key.scale[degree][1]
    is_usual = key.is_minor and degree in (2, 5, 6)
    sign = "" if cents == 0 or (is_usual and cents < 0) else "#" if cents > 0 else "b"
    numeral = DEGREES[degree].lower() if is_minor else DEGREES[degree]
    return f"{sign}{numeral}{'o' if is_diminished else ''}"
