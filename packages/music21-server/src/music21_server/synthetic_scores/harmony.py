"""Functional chord progressions, spelled on the line of fifths.

On that line C is 0, G 1, F -1, F sharp 6 and B flat -2, so that transposing means adding, and every tone
keeps its correct name. Chords and successions follow common-practice textbooks such as Aldwell and Schachter,
*Harmony and Voice Leading*: tonic, predominant, dominant, tonic, with applied dominants, mixture, the
Neapolitan and the German sixth.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Mode = Literal["major", "minor"]


@dataclass(frozen=True)
class Key:
    """A key.

    Attributes:
        fifths: Sharps of its signature; flats are negative.
        mode: Major or minor.
    """

    fifths: int
    mode: Mode

    @property
    def tonic(self) -> int:
        """The tonic on the line of fifths."""
        return self.fifths + (3 if self.mode == "minor" else 0)


@dataclass(frozen=True)
class Chord:
    """A chord.

    Attributes:
        numeral: Roman numeral in its key.
        tones: Tones on the line of fifths, root first.
        bass: The lowest tone.
    """

    numeral: str
    tones: tuple[int, ...]
    bass: int

    def transposed(self, fifths: int) -> Chord:
        """Return the chord moved along the line of fifths."""
        return Chord(self.numeral, tuple(tone + fifths for tone in self.tones), self.bass + fifths)


@dataclass(frozen=True)
class _Entry:
    """A chord over a tonic of 0, and the numerals that may follow it."""

    tones: tuple[int, ...]
    bass: int
    followers: tuple[str, ...]


_MAJOR: Final[Mapping[str, _Entry]] = {
    "I": _Entry(
        (0, 4, 1), 0, ("I6", "IV", "ii6", "vi", "V", "V65", "V7/IV", "iii", "viio6", "V65/vi", "IV7", "bVI")
    ),
    "I6": _Entry((0, 4, 1), 4, ("IV", "ii65", "viio6", "V43")),
    "I64": _Entry((0, 4, 1), 1, ("V7", "V")),
    "ii": _Entry((2, -1, 3), 2, ("V", "V7", "V65/V")),
    "ii6": _Entry((2, -1, 3), -1, ("V", "V7", "I64", "viio7/V")),
    "ii65": _Entry((2, -1, 3, 0), -1, ("V7", "I64", "V65/V")),
    "ii7": _Entry((2, -1, 3, 0), 2, ("V7", "V9", "V43")),
    "iii": _Entry((4, 1, 5), 4, ("vi", "IV")),
    "iii7": _Entry((4, 1, 5, 2), 4, ("vi7",)),
    "IV": _Entry((-1, 3, 0), -1, ("I64", "V", "V42", "ii6", "I", "iv")),
    "IV7": _Entry((-1, 3, 0, 4), -1, ("viiø7", "V7", "ii65")),
    "iv": _Entry((-1, -4, 0), -1, ("I64", "V7", "I")),
    "V": _Entry((1, 5, 2), 1, ("I", "vi", "V42", "V7")),
    "V7": _Entry((1, 5, 2, -1), 1, ("I", "vi")),
    "V9": _Entry((1, 5, 2, -1, 3), 1, ("I",)),
    "V65": _Entry((1, 5, 2, -1), 5, ("I",)),
    "V43": _Entry((1, 5, 2, -1), 2, ("I", "I6")),
    "V42": _Entry((1, 5, 2, -1), -1, ("I6",)),
    "vi": _Entry((3, 0, 4), 3, ("ii6", "IV", "ii65", "V65/V", "V7/ii", "Ger65")),
    "vi7": _Entry((3, 0, 4, 1), 3, ("ii7", "ii65")),
    "bVI": _Entry((-4, 0, -3), -4, ("iv", "Ger65", "N6")),
    "N6": _Entry((-5, -1, -4), -1, ("V7", "I64")),
    "viio6": _Entry((5, 2, -1), 2, ("I", "I6")),
    "viiø7": _Entry((5, 2, -1, 3), 5, ("I", "iii7", "V65")),
    "V7/ii": _Entry((3, 7, 4, 1), 3, ("ii",)),
    "V7/IV": _Entry((0, 4, 1, -2), 0, ("IV",)),
    "V65/V": _Entry((2, 6, 3, 0), 6, ("V", "V7")),
    "V65/vi": _Entry((4, 8, 5, 2), 8, ("vi",)),
    "viio7/V": _Entry((6, 3, 0, -3), 6, ("V", "I64")),
    "Ger65": _Entry((6, -4, 0, -3), -4, ("I64",)),
}
_MINOR: Final[Mapping[str, _Entry]] = {
    "i": _Entry(
        (0, -3, 1), 0, ("i6", "iv", "iio6", "VI", "V65", "viio7", "III", "V7/iv", "VII", "iv7", "IV")
    ),
    "i6": _Entry((0, -3, 1), -3, ("iiø65", "iv", "V43")),
    "i64": _Entry((0, -3, 1), 1, ("V7", "V")),
    "iio6": _Entry((2, -1, -4), -1, ("V", "V7", "i64")),
    "iiø65": _Entry((2, -1, -4, 0), -1, ("V7", "i64")),
    "III": _Entry((-3, 1, -2), -3, ("VI", "iv")),
    "III7": _Entry((-3, 1, -2, 2), -3, ("VI7",)),
    "IV": _Entry((-1, 3, 0), -1, ("VII", "V7")),
    "iv": _Entry((-1, -4, 0), -1, ("V", "V7", "iio6", "i64", "VII")),
    "iv7": _Entry((-1, -4, 0, -3), -1, ("VII7", "V7")),
    "iv6": _Entry((-1, -4, 0), -4, ("V",)),
    "N6": _Entry((-5, -1, -4), -1, ("V7", "i64")),
    "V": _Entry((1, 5, 2), 1, ("i", "VI", "V42", "iv6")),
    "V7": _Entry((1, 5, 2, -1), 1, ("i", "VI")),
    "V65": _Entry((1, 5, 2, -1), 5, ("i",)),
    "V43": _Entry((1, 5, 2, -1), 2, ("i", "i6")),
    "V42": _Entry((1, 5, 2, -1), -1, ("i6",)),
    "VI": _Entry((-4, 0, -3), -4, ("iio6", "iv", "N6", "Ger65")),
    "VI7": _Entry((-4, 0, -3, 1), -4, ("iiø65",)),
    "VII": _Entry((-2, 2, -1), -2, ("III",)),
    "VII7": _Entry((-2, 2, -1, -4), -2, ("III7", "III")),
    "viio7": _Entry((5, 2, -1, -4), 5, ("i", "V65")),
    "V7/iv": _Entry((0, 4, 1, -2), 0, ("iv",)),
    "Ger65": _Entry((6, -4, 0, -3), -4, ("i64", "V")),
}
_CHORDS: Final[Mapping[Mode, Mapping[str, _Entry]]] = {"major": _MAJOR, "minor": _MINOR}
_TONIC: Final[Mapping[Mode, str]] = {"major": "I", "minor": "i"}
_CLOSING: Final = frozenset({"V", "V7"})


def chord(key: Key, numeral: str) -> Chord:
    """Return a chord of a key."""
    entry = _CHORDS[key.mode][numeral]
    return Chord(numeral, entry.tones, entry.bass).transposed(key.tonic)


def dominant_seventh(key: Key) -> Chord:
    """Return the dominant seventh chord of a key, which leads into it."""
    return chord(key, "V7")


def progression(key: Key, length: int, rng: random.Random, usage: Counter[str]) -> list[Chord]:
    """Return chords that begin on the tonic, if there are enough of them, and end with an authentic cadence.

    Args:
        key: Key of the chords.
        length: Number of chords, at least one.
        rng: Source of the choices among possible followers.
        usage: Number of uses of each numeral so far, updated in place; rarely used ones are preferred.
    """
    entries = _CHORDS[key.mode]
    tonic = _TONIC[key.mode]
    # From the end backwards: the numerals at each position from which the cadence can still be reached.
    allowed: list[set[str]] = [{tonic}]
    while len(allowed) < length:
        predecessors = {name for name, entry in entries.items() if allowed[0] & set(entry.followers)}
        allowed.insert(0, predecessors & _CLOSING if len(allowed) == 1 else predecessors)
    numeral = tonic if tonic in allowed[0] else rng.choice(sorted(allowed[0]))
    chords = [chord(key, numeral)]
    for names in allowed[1:]:
        followers = [name for name in entries[numeral].followers if name in names]
        (numeral,) = rng.choices(followers, [1 / (1 + usage[name]) ** 2 for name in followers])
        usage[numeral] += 1
        chords.append(chord(key, numeral))
    return chords


def related_key(key: Key, rng: random.Random, *, max_signature: int, new_signature: bool) -> Key:
    """Return a random related key to modulate to.

    Args:
        key: Present key.
        rng: Source of the choice.
        max_signature: Most sharps or flats of the new key.
        new_signature: Whether the new key must have another signature.
    """
    fifths = key.fifths
    if key.mode == "major":
        choices = [
            Key(fifths + 1, "major"), Key(fifths - 1, "major"), Key(fifths + 4, "major"),
            Key(fifths - 4, "major"), Key(fifths, "minor"), Key(fifths - 1, "minor"),
            Key(fifths + 1, "minor"), Key(fifths - 3, "minor"),
        ]  # fmt: skip
    else:
        choices = [
            Key(fifths + 1, "minor"), Key(fifths - 1, "minor"), Key(fifths, "major"),
            Key(fifths + 3, "major"), Key(fifths - 1, "major"),
        ]  # fmt: skip
    return rng.choice(
        [
            each
            for each in choices
            if abs(each.fifths) <= max_signature and not (new_signature and each.fifths == fifths)
        ]
    )
