"""Chords in a key: their notes, what they are called, and what in them wants to move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from music21_server.composition.harmonization.tonality import Tonality, pitch_class, spelled
from music21_server.theory.harmony.functions import Function
from music21_server.theory.pitch.names import Name, fifths_of, name_at, name_of, text_of

TRIAD_FIGURES: Final = ("", "6", "64")
SEVENTH_FIGURES: Final = ("7", "65", "43", "42")

DEGREES: Final = ("I", "II", "III", "IV", "V", "VI", "VII")

Quality = Literal["major", "minor", "diminished", "augmented", "other"]


@dataclass(frozen=True)
class Chord:
    """A chord in a certain key and inversion.

    Attributes:
        numeral: With figures, such as ``V65/V``.
        degree: What it is in tables of progressions: its root's degree, such as ``V``, or that with what it
            is applied to, such as ``V/V``.
        function: What it does in the key.
        names: Its notes, the root first, then upwards by thirds.
        bass: Index of the lowest one.
        colour: What it costs beside the plainest chords of its style.
        suffix: Of its chord symbol, such as ``m7``.
        lead: Pitch class that wants to go up a semitone.
        seventh: Pitch class that wants to go down a step.
        tensions: Pitch classes that a melody may have above it without being dissonant.
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
        """Of its notes, in their order."""
        return tuple(pitch_class(name) for name in self.names)

    def name_of(self, pitch_class: int) -> Name:
        """Return the name of one of its notes.

        Raises:
            ValueError: It has none of that pitch class.
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
    def quality(self) -> Quality:
        """Of the triad on its root."""
        root, *others = self.pitch_classes
        sizes = tuple((other - root) % 12 for other in others[:2])
        qualities: dict[tuple[int, ...], Quality] = {
            (4, 7): "major", (3, 7): "minor", (3, 6): "diminished", (4, 8): "augmented",
        }  # fmt: skip
        return qualities.get(sizes, "other")

    @property
    def is_root_position(self) -> bool:
        """Whether the root is the lowest note."""
        return self.bass == 0

    @property
    def symbol(self) -> str:
        """As above a lead sheet, such as ``Bbmaj7`` or ``C/E``."""
        bass = "" if self.bass == 0 else f"/{_symbol_name(self.names[self.bass])}"
        return f"{_symbol_name(self.names[0])}{self.suffix}{bass}"


def _symbol_name(name: Name) -> str:
    return text_of(name).replace("-", "b")


def symbol(chord: Chord, suffix: str) -> str:
    """Return a chord's symbol with another suffix than its own, such as ``m9`` for ``m7``."""
    return f"{_symbol_name(chord.names[0])}{suffix}"


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
    """Return a chord that is given in C.

    Args:
        key: That it is to be in.
        numeral: Without figures; such as ``V/V``.
        degree: In tables of progressions.
        function: What it does.
        notes: As in C, such as ``G B D F``, the root first; ``B-`` is B flat.
        figures: For each inversion.
        bass: Which of the notes is the lowest.
        colour: What it costs.
        suffix: Of its symbol.
        lead: Which note wants to go up, as in C.
        seventh: Which note wants to go down, as in C.
        tensions: Further notes that the melody may have, as in C.
    """
    plain, slash, target = numeral.partition("/")

    def class_of(text: str) -> int:
        return pitch_class(spelled(key.tonic, text))

    return Chord(
        numeral=f"{plain}{figures[bass]}{slash}{target}",
        degree=degree,
        function=function,
        names=tuple(spelled(key.tonic, text) for text in notes.split()),
        bass=bass,
        colour=colour,
        suffix=suffix,
        lead=class_of(lead) if lead else None,
        seventh=class_of(seventh) if seventh else None,
        tensions=tuple(class_of(text) for text in tensions.split()),
    )


def moved(notes: str, target: str) -> str:
    """Return notes as they are seen from another tonic than C: ``G B D`` from G is ``D F# A``."""
    shift = fifths_of(name_of(target))
    return " ".join(text_of(name_at(fifths_of(name_of(text)) + shift)) for text in notes.split())


def stacked(key: Tonality, degree: int, size: int) -> str:
    """Return a chord of thirds on a degree of a key's scale, as it is seen from C.

    Args:
        key: Whose scale.
        degree: From 0.
        size: Number of notes.
    """
    return " ".join(text_of(key.scale[(degree + 2 * third) % 7]) for third in range(size))


def numeral_of(key: Tonality, degree: int) -> str:
    """Return the numeral of the triad on a degree of a scale, such as ``bVII`` or ``iio``.

    Lowered and raised degrees have a sign where they differ from the major scale, lowered third, sixth and
    seventh of minor keys excepted, as music21 writes numerals.
    """
    notes = [spelled((0, 0), text) for text in stacked(key, degree, 3).split()]
    root, third, fifth = (pitch_class(name) for name in notes)
    is_minor, is_diminished = (third - root) % 12 == 3, (fifth - root) % 12 == 6
    cents = key.scale[degree][1]
    is_usual = key.is_minor and degree in (2, 5, 6)
    sign = "" if cents == 0 or (is_usual and cents < 0) else "#" if cents > 0 else "b"
    numeral = DEGREES[degree].lower() if is_minor else DEGREES[degree]
    return f"{sign}{numeral}{'o' if is_diminished else ''}"
