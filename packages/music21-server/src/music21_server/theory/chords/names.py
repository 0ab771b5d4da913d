"""What a sonority is called, found once per class of sonorities.

A class is what is left of a sonority in closed position: the bass and the steps and alterations of the other
names above it, all as seen from the tonic, with the mode. Neither octaves nor doublings nor the tonic itself
change a chord's root, quality, inversion, common name or numeral there, so the answer for one sonority of a
class is the answer for all of them, in every key. (Closed position as in music21's `Chord.closedPosition`.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any, Final, TypeVar

from music21_server.theory.chords.roman_numerals import described
from music21_server.theory.pitch.mode import Mode
from music21_server.theory.pitch.names import STEP_CENTS, Key, Name, name_of, seen_from, text_of

_Answer = TypeVar("_Answer")

_MOST_CENTS: Final = 400
"""Quadruple accidentals are the last that music21 knows."""

_SMALLEST_SET: Final = 3
_SPELLING_HAS_A_SAY: Final = frozenset(
    {"3-8A", "3-10", "3-11A", "3-11B", "3-12", "4-20", "4-25", "4-26", "4-27A", "4-27B", "4-28"}
    | {"5-27A", "5-27B", "5-34"}
)
"""Forte classes of triads, sevenths, ninths and augmented sixths: music21 asks how they are written."""

Above = tuple[int, int]
"""A name above a bass: how many steps, and its alteration in cents."""

NO_ROOT_INVERSION: Final = -1

UNNAMED: Final = "unnamed chord"
"""Common name of what music21 does not name."""


@dataclass(frozen=True)
class Shape:
    """A sonority in closed position, without its octave.

    Attributes:
        bass: Lowest name.
        above: The others in the order of their height; seven steps above the bass is its own step once more.
    """

    bass: Name
    above: tuple[Above, ...]

    @property
    def names(self) -> tuple[Name, ...]:
        """All names, the bass first."""
        return (self.bass, *(((self.bass[0] + steps) % 7, cents) for steps, cents in self.above))

    def seen_from(self, tonic: Name) -> Shape:
        """Return the same shape as it looks from a tonic, as if that were C."""
        bass, *others = (seen_from(tonic, name) for name in self.names)
        above = ((steps, cents) for (steps, _), (_, cents) in zip(self.above, others, strict=True))
        return Shape(bass, tuple(above))


@dataclass(frozen=True)
class SonorityClass:
    """Sonorities that are called the same.

    Attributes:
        mode: Of the key.
        shape: As seen from the tonic.
    """

    mode: Mode
    shape: Shape

    @property
    def text(self) -> str:
        """As ``major C E G``: the key of the packaged table.

        An apostrophe marks what closed position leaves an octave higher than its step would be.
        """
        bass = self.shape.bass
        others = (
            text_of(name) + ("'" if _is_raised(bass, name, steps) else "")
            for (steps, _), name in zip(self.shape.above, self.shape.names[1:], strict=True)
        )
        return " ".join((self.mode, text_of(bass), *others))


@dataclass(frozen=True)
class SonorityName:
    """What a class is called.

    Attributes:
        root: Seen from the tonic; None where music21 finds none.
        quality: ``major``, ``minor``, ``diminished``, ``augmented`` or ``other``.
        inversion: 0 for root position; -1 where there is no root.
        numeral: Roman numeral with figures, such as ``V65``; empty where music21 finds none.
        common_name: Such as ``dominant seventh chord``.
    """

    root: Name | None
    quality: str
    inversion: int
    numeral: str
    common_name: str

    @property
    def text(self) -> str:
        """As the packaged table keeps it."""
        root = "" if self.root is None else text_of(self.root)
        return "|".join((root, self.quality, str(self.inversion), self.numeral, self.common_name))

    @classmethod
    def from_text(cls, text: str) -> SonorityName:
        """Return what `text` stands for."""
        root, quality, inversion, numeral, common_name = text.split("|")
        return cls(name_of(root) if root else None, quality, int(inversion), numeral, common_name)


@lru_cache(maxsize=20_000)
def class_of(shape: Shape, key: Key) -> SonorityClass:
    """Return the class of a shape in a key."""
    return SonorityClass(key.mode, shape.seen_from(key.tonic))


def closed(pitches: Sequence[tuple[int, int, int]]) -> Shape:
    """Return the shape of pitches, given as step, alteration in cents and octave, as music21 closes them.

    The bass is the lowest as written. Every other pitch comes down by octaves until it sounds less than an
    octave above the bass, and goes back by one where it is then written below it.
    """
    heights = sorted(
        {
            (octave * 7 + step, octave * 1200 + STEP_CENTS[step] + cents, cents)
            for step, cents, octave in pitches
        }
    )
    bass_line, bass_height, bass_cents = heights[0]
    above = set()
    for line, height, cents in heights[1:]:
        octaves = max(0, (height - bass_height) // 1200)
        steps = line - bass_line - 7 * octaves
        above.add((steps + 7 if steps < 0 else steps, cents))
    above.discard((0, bass_cents))
    return Shape((bass_line % 7, bass_cents), tuple(sorted(above)))


def name_class(sonority: SonorityClass) -> SonorityName:
    """Return what a class is called: as `ask_music21`, some twenty times as fast."""
    shape = sonority.shape
    found = described(shape.bass, shape.above, sonority.mode)
    if found is None:
        return ask_music21(sonority)
    called = common_name(shape.seen_from(shape.bass))
    if called == UNNAMED:  # more accidentals than music21 has, seen from that bass
        called = common_name(shape)
    return SonorityName(found.root, found.quality, found.inversion, found.numeral, called)


@lru_cache(maxsize=20_000)
def common_name(shape: Shape) -> str:
    """Return the common name of a shape, which is the same on any bass."""
    from music21 import chord

    heights = [STEP_CENTS[step] + cents for step, cents in shape.names]
    if all(height % 100 == 0 for height in heights) and all(
        abs(cents) <= _MOST_CENTS for _, cents in shape.names
    ):
        found = _name_of_set(_transposed({height // 100 % 12 for height in heights}))
        if found is not None:
            return found
    return _tried(lambda: str(chord.Chord(_pitches(shape)).commonName), UNNAMED)


def _transposed(pitch_classes: set[int]) -> tuple[int, ...]:
    """Return one and the same set for all transpositions of a set."""
    return min(tuple(sorted((each - lowest) % 12 for each in pitch_classes)) for lowest in pitch_classes)


@cache
def _name_of_set(pitch_classes: tuple[int, ...]) -> str | None:
    """Return what music21 calls a set of pitch classes, None where the spelling has a say.

    There are 352 of them, and thousands of ways to spell them; to make a chord and to ask it takes 0.1 ms.
    """
    from music21 import chord

    if len(pitch_classes) < _SMALLEST_SET:
        return None
    tables: Any = chord.tables  # untyped there
    address = tables.seekChordTablesAddress(SimpleNamespace(orderedPitchClasses=list(pitch_classes)))
    forte_class = tables.addressToForteName(address, "tn")
    if forte_class in _SPELLING_HAS_A_SAY:
        return None
    names = tables.addressToCommonNames(address)
    return str(names[0]) if names else f"forte class {forte_class}"


def ask_music21(sonority: SonorityClass) -> SonorityName:
    """Return what music21 calls a class, in C, in closed position above a bass in the octave of middle C.

    Whatever music21 has no answer for is left out; nothing is raised.
    """
    # Loaded here: whoever finds all names in the table needs none of it, and it takes a second.
    from music21 import chord, roman

    made = _tried(lambda: chord.Chord(_pitches(sonority.shape)), None)
    if made is None:  # an alteration that music21 has no accidental for
        return SonorityName(None, "other", NO_ROOT_INVERSION, "", UNNAMED)
    tonic = _key(sonority.mode)
    root: Any = _tried(made.root, None)
    inversion = _tried(made.inversion, None) if root is not None else None
    return SonorityName(
        root=None if root is None else _name(root),
        quality=_tried(lambda: str(made.quality), "other"),
        inversion=NO_ROOT_INVERSION if inversion is None else int(inversion),
        numeral=_tried(lambda: str(roman.romanNumeralFromChord(made, tonic).figure), ""),
        common_name=_tried(lambda: str(made.commonName), UNNAMED),
    )


def _tried(ask: Callable[[], _Answer], otherwise: _Answer) -> _Answer:
    """Return an answer of music21, or another where it gives up; it does so with almost any exception."""
    from music21.exceptions21 import Music21Exception

    try:
        return ask()
    except (
        Music21Exception,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        AssertionError,
    ):
        return otherwise


@cache
def _key(mode: Mode) -> Any:
    from music21 import key

    return key.Key("C" if mode == "major" else "c")


def _pitches(shape: Shape) -> list[Any]:
    line = 4 * 7 + shape.bass[0]
    return [_pitch(line, shape.bass[1]), *(_pitch(line + steps, cents) for steps, cents in shape.above)]


def _pitch(line: int, cents: int) -> Any:
    from music21 import pitch

    octave, step = divmod(line, 7)
    made: Any = pitch.Pitch("CDEFGAB"[step])
    made.octave = octave
    quarter_tones, rest = divmod(cents + 25, 50)
    if quarter_tones:
        made.accidental = pitch.Accidental(quarter_tones / 2)
    if rest != 25:
        made.microtone = rest - 25
    return made


def _name(pitch: Any) -> Name:
    return "CDEFGAB".index(pitch.step), round(pitch.alter * 100)


def _is_raised(bass: Name, name: Name, steps: int) -> bool:
    usual = (name[0] - bass[0]) % 7
    if usual == 0 and name[1] < bass[1]:
        usual = 7
    return steps != usual
