"""Names of sonorities, computed once per class of sonorities.

A class is a sonority in closed position: the bass, and the steps and alterations of the other names above it,
all relative to the tonic, together with the mode. Octaves, doublings and the tonic itself do not change a
chord's root, quality, inversion, common name or numeral, so one answer serves all sonorities of a class in
every key. (Closed position as in music21's `Chord.closedPosition`.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any, Final, TypeVar

from music21_server.theory.chords.roman_numerals import describe
from music21_server.theory.pitch.mode import Mode
from music21_server.theory.pitch.names import STEP_CENTS, Key, Name, name_of, relative_name, text_of

_Answer = TypeVar("_Answer")

_MOST_CENTS: Final = 400
"""Quadruple accidentals are the largest that music21 supports."""

LARGEST_REMEMBERED: Final = 24
"""Most names above the bass of a sonority that is remembered. Music has fewer; a document can have clusters
of thousands of microtones, each a class of its own."""

_SMALLEST_SET: Final = 3
_NAMED_BY_SPELLING: Final = frozenset(
    {"3-8A", "3-10", "3-11A", "3-11B", "3-12", "4-20", "4-25", "4-26", "4-27A", "4-27B", "4-28"}
    | {"5-27A", "5-27B", "5-34"}
)
"""Forte classes of triads, sevenths, ninths and augmented sixths, whose names in music21 depend on the
spelling."""

Above = tuple[int, int]
"""A name above a bass: steps above it, and alteration in cents."""

NO_ROOT_INVERSION: Final = -1

UNNAMED: Final = "unnamed chord"
"""Common name of a chord that music21 cannot name."""


@dataclass(frozen=True)
class Shape:
    """A sonority in closed position, without its octave.

    Attributes:
        bass: Lowest name.
        above: Other names in order of height; seven steps above the bass is its own step, altered.
    """

    bass: Name
    above: tuple[Above, ...]

    @property
    def names(self) -> tuple[Name, ...]:
        """All names, the bass first."""
        return (self.bass, *(((self.bass[0] + steps) % 7, cents) for steps, cents in self.above))

    def relative_to(self, tonic: Name) -> Shape:
        """Return the same shape relative to a tonic, as if the tonic were C."""
        bass, *others = (relative_name(tonic, name) for name in self.names)
        above = ((steps, cents) for (steps, _), (_, cents) in zip(self.above, others, strict=True))
        return Shape(bass, tuple(above))


@dataclass(frozen=True)
class SonorityClass:
    """A class of sonorities that share one name.

    Attributes:
        mode: Mode of the key.
        shape: Shape relative to the tonic.
    """

    mode: Mode
    shape: Shape

    @property
    def text(self) -> str:
        """Key in the packaged table, such as ``major C E G``.

        An apostrophe marks a name that closed position leaves an octave higher than its step alone would.
        """
        bass = self.shape.bass
        others = (
            text_of(name) + ("'" if _is_raised(bass, name, steps) else "")
            for (steps, _), name in zip(self.shape.above, self.shape.names[1:], strict=True)
        )
        return " ".join((self.mode, text_of(bass), *others))


@dataclass(frozen=True)
class SonorityName:
    """The name of a class.

    Attributes:
        root: Root relative to the tonic; None if music21 has none.
        quality: ``major``, ``minor``, ``diminished``, ``augmented`` or ``other``.
        inversion: 0 for root position; -1 without a root.
        numeral: Roman numeral with figures, such as ``V65``; empty if music21 has none.
        common_name: Common name, such as ``dominant seventh chord``.
    """

    root: Name | None
    quality: str
    inversion: int
    numeral: str
    common_name: str

    @property
    def text(self) -> str:
        """The name as a text for the packaged table."""
        root = "" if self.root is None else text_of(self.root)
        return "|".join((root, self.quality, str(self.inversion), self.numeral, self.common_name))

    @classmethod
    def from_text(cls, text: str) -> SonorityName:
        """Return the name for a text of the packaged table."""
        root, quality, inversion, numeral, common_name = text.split("|")
        return cls(name_of(root) if root else None, quality, int(inversion), numeral, common_name)


def class_of(shape: Shape, key: Key) -> SonorityClass:
    """Return the class of a shape in a key."""
    return _remembered_class(shape, key) if _is_usual(shape) else _class_of(shape, key)


def _class_of(shape: Shape, key: Key) -> SonorityClass:
    return SonorityClass(key.mode, shape.relative_to(key.tonic))


_remembered_class = lru_cache(maxsize=20_000)(_class_of)


def _is_usual(shape: Shape) -> bool:
    return len(shape.above) <= LARGEST_REMEMBERED


def closed_shape(pitches: Sequence[tuple[int, int, int]]) -> Shape:
    """Return the shape of pitches in closed position, as music21 closes them.

    The bass is the lowest pitch as written. Every other pitch moves down by octaves until it sounds less than
    an octave above the bass; if it is then written below the bass, it moves back up by one.

    Args:
        pitches: Step, alteration in cents and octave of each.
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
    """Return the name of a class: the same as `ask_music21`, about twenty times as fast."""
    shape = sonority.shape
    description = describe(shape.bass, shape.above, sonority.mode)
    if description is None:
        return ask_music21(sonority)
    common = common_name(shape.relative_to(shape.bass))
    if common == UNNAMED:  # relative to that bass it needs more accidentals than music21 has
        common = common_name(shape)
    return SonorityName(
        description.root, description.quality, description.inversion, description.numeral, common
    )


def common_name(shape: Shape) -> str:
    """Return the common name of a shape, which is the same on any bass."""
    return _remembered_name(shape) if _is_usual(shape) else _common_name(shape)


def _common_name(shape: Shape) -> str:
    from music21 import chord

    heights = [STEP_CENTS[step] + cents for step, cents in shape.names]
    if all(height % 100 == 0 for height in heights) and all(
        abs(cents) <= _MOST_CENTS for _, cents in shape.names
    ):
        name = _name_of_set(_transposition_class({height // 100 % 12 for height in heights}))
        if name is not None:
            return name
    return _or_default(lambda: str(chord.Chord(_pitches(shape)).commonName), UNNAMED)


_remembered_name = lru_cache(maxsize=20_000)(_common_name)


def _transposition_class(pitch_classes: set[int]) -> tuple[int, ...]:
    """Return the same set for all transpositions of a set of pitch classes."""
    return min(tuple(sorted((each - lowest) % 12 for each in pitch_classes)) for lowest in pitch_classes)


@cache
def _name_of_set(pitch_classes: tuple[int, ...]) -> str | None:
    """Return music21's name for a set of pitch classes; None if the spelling decides.

    There are 352 such sets and thousands of spellings, and each music21 chord takes 0.1 ms to create and
    name.
    """
    from music21 import chord

    if len(pitch_classes) < _SMALLEST_SET:
        return None
    tables: Any = chord.tables  # untyped there
    address = tables.seekChordTablesAddress(SimpleNamespace(orderedPitchClasses=list(pitch_classes)))
    forte_class = tables.addressToForteName(address, "tn")
    if forte_class in _NAMED_BY_SPELLING:
        return None
    names = tables.addressToCommonNames(address)
    return str(names[0]) if names else f"forte class {forte_class}"


def ask_music21(sonority: SonorityClass) -> SonorityName:
    """Return music21's name for a class, in C, in closed position above a bass in the octave of middle C.

    Whatever music21 cannot answer is left empty; nothing is raised.
    """
    # Imported here because it takes a second and is not needed if all names are in the table.
    from music21 import chord, roman

    chord_in_c = _or_default(lambda: chord.Chord(_pitches(sonority.shape)), None)
    if chord_in_c is None:  # an alteration that music21 has no accidental for
        return SonorityName(None, "other", NO_ROOT_INVERSION, "", UNNAMED)
    tonic = _key(sonority.mode)
    root: Any = _or_default(chord_in_c.root, None)
    inversion = _or_default(chord_in_c.inversion, None) if root is not None else None
    return SonorityName(
        root=None if root is None else _name(root),
        quality=_or_default(lambda: str(chord_in_c.quality), "other"),
        inversion=NO_ROOT_INVERSION if inversion is None else int(inversion),
        numeral=_or_default(lambda: str(roman.romanNumeralFromChord(chord_in_c, tonic).figure), ""),
        common_name=_or_default(lambda: str(chord_in_c.commonName), UNNAMED),
    )


def _or_default(ask: Callable[[], _Answer], default: _Answer) -> _Answer:
    """Return an answer of music21, or `default` if it fails; it does so with almost any exception."""
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
        return default


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
    result: Any = pitch.Pitch("CDEFGAB"[step])
    result.octave = octave
    quarter_tones, rest = divmod(cents + 25, 50)
    if quarter_tones:
        result.accidental = pitch.Accidental(quarter_tones / 2)
    if rest != 25:
        result.microtone = rest - 25
    return result


def _name(pitch: Any) -> Name:
    return "CDEFGAB".index(pitch.step), round(pitch.alter * 100)


def _is_raised(bass: Name, name: Name, steps: int) -> bool:
    usual = (name[0] - bass[0]) % 7
    if usual == 0 and name[1] < bass[1]:
        usual = 7
    return steps != usual
