"""Root, quality, inversion and Roman numeral of a shape, in whole numbers.

The rules are those of music21 10 (`Chord.root`, `quality`, `inversion`, `roman.romanNumeralFromChord`), which
takes milliseconds per chord where this takes some ten microseconds: an orchestral score has thousands of
shapes that no table knows. The tests compare the two. Quarter tones, augmented sixths and threefold
alterations, which are rare, are left to music21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from music21_server.theory.pitch.mode import Mode
from music21_server.theory.pitch.names import FIFTHS_OF_STEPS, STEP_CENTS, Name


@dataclass(frozen=True)
class Described:
    """What a shape is in C.

    Attributes:
        root: Its root.
        quality: ``major``, ``minor``, ``diminished``, ``augmented`` or ``other``.
        inversion: 0 for root position.
        numeral: Roman numeral with figures.
    """

    root: Name
    quality: str
    inversion: int
    numeral: str


def described(bass: Name, above: tuple[tuple[int, int], ...], mode: Mode) -> Described | None:
    """Return what a shape is in C major or C minor; None where music21 has to be asked.

    Args:
        bass: Lowest name.
        above: Steps above it and alteration in cents of the others, in their order.
        mode: Of the key.
    """
    if bass[1] % 100 or any(cents % 100 for _, cents in above):
        return None
    chord = _Chord(bass, above)
    if chord.spread > _WIDEST_SPREAD or chord.may_be_augmented_sixth_chord():
        return None
    root = chord.root
    numeral = _numeral(chord, mode)
    if "bbb" in numeral or "###" in numeral:  # music21 refuses some of these
        return None
    return Described(
        root=(chord.steps[root], chord.alterations[root] * 100),
        quality=_quality(chord),
        inversion=_INVERSIONS[(chord.steps[root] - chord.steps[0]) % 7],
        numeral=numeral,
    )


_WIDEST_SPREAD: Final = 18
"""Beyond triply augmented intervals music21 refuses some chords; this is well below."""

_INVERSIONS: Final = {0: 0, 5: 1, 3: 2, 1: 3, 6: 4, 4: 5, 2: 6}
"""By steps from the bass up to the root."""

_THIRDS_FIRST: Final = ((2, 1 / 6), (4, 1 / 7), (6, 1 / 8), (1, 1 / 9), (3, 1 / 10), (5, 1 / 11))
"""Steps above a root, and how much a note there speaks for it."""

_NATURAL: Final[Mapping[Mode, tuple[int, ...]]] = {
    "major": (0, 0, 0, 0, 0, 0, 0),
    "minor": (0, 0, -1, 0, 0, -1, -1),
}
"""Alterations of the scale on C, in semitones."""


class _Chord:
    """Pitches in closed position, by index; the bass is 0.

    Attributes:
        lines: Places on the staff.
        steps: 0 is C.
        alterations: In semitones.
        heights: In semitones.
        fifths: Places on the line of fifths.
        spread: Distance of the outermost of these.
        root: Index of the root.
        third: Index of the first third above it, and so on; None without one.
    """

    def __init__(self, bass: Name, above: tuple[tuple[int, int], ...]) -> None:
        self.lines = [bass[0], *(bass[0] + steps for steps, _ in above)]
        self.steps = [line % 7 for line in self.lines]
        self.alterations = [bass[1] // 100, *(cents // 100 for _, cents in above)]
        self.heights = [
            line // 7 * 12 + STEP_CENTS[line % 7] // 100 + alteration
            for line, alteration in zip(self.lines, self.alterations, strict=True)
        ]
        self.names = set(zip(self.steps, self.alterations, strict=True))
        self.fifths = {int(FIFTHS_OF_STEPS[step]) + 7 * alteration for step, alteration in self.names}
        self.spread = max(self.fifths) - min(self.fifths)
        self.root = _root(self.steps)
        self.third, self.fifth, self.seventh = self.first(2), self.first(4), self.first(6)

    def first(self, steps: int) -> int | None:
        """Return the first note that is so many steps above the root, octaves aside."""
        wanted = (self.steps[self.root] + steps) % 7
        return self.steps.index(wanted) if wanted in self.steps else None

    def semitones(self, index: int | None) -> int | None:
        """Return how far a note is above the root, octaves aside."""
        return None if index is None else (self.heights[index] - self.heights[self.root]) % 12

    def is_repeated(self, index: int) -> bool:
        """Return whether a step comes in two alterations."""
        return any(
            step == self.steps[index] and (height - self.heights[index]) % 12
            for step, height in zip(self.steps, self.heights, strict=True)
        )

    def is_seventh_of(self, kind: tuple[int, ...]) -> bool:
        """Return whether it is a seventh chord of these semitones above the root."""
        if len(self.names) != 4 or None in (self.third, self.fifth, self.seventh):
            return False
        return all(self.semitones(index) in kind for index in range(len(self.steps)))

    def may_be_augmented_sixth_chord(self) -> bool:
        """Return whether it has an augmented sixth, and as many names as such a chord."""
        if len(self.names) not in (3, 4):
            return False
        return any(place + 10 in self.fifths for place in self.fifths)


def _root(steps: list[int]) -> int:
    """Return the index of the root: that of a pile of thirds, or else what has most thirds above it."""
    unique = list(dict.fromkeys(steps))
    present = set(unique)
    if len(unique) in (1, 7):
        return 0
    for step in sorted(unique):
        if all((step + 2 * third) % 7 in present for third in range(len(unique))):
            return steps.index(step)
    weights = [
        sum(weight for above, weight in _THIRDS_FIRST if (step + above) % 7 in present) for step in unique
    ]
    return steps.index(unique[weights.index(max(weights))])


_QUALITIES: Final = {
    (4, None): "major", (3, None): "minor", (4, 7): "major", (3, 7): "minor", (4, 8): "augmented",
    (3, 6): "diminished",
}  # fmt: skip


def _quality(chord: _Chord) -> str:
    if chord.third is None or chord.is_repeated(chord.steps.index(chord.steps[chord.root])):
        return "other"
    if chord.is_repeated(chord.third) or (chord.fifth is not None and chord.is_repeated(chord.fifth)):
        return "other"
    return _QUALITIES.get((chord.semitones(chord.third) or 0, chord.semitones(chord.fifth)), "other")


def _numeral(chord: _Chord, mode: Mode) -> str:
    scale = _NATURAL[mode]
    step = chord.steps[chord.root]
    shift = chord.alterations[chord.root] - scale[step]
    prefix = _signs(shift)
    if mode == "minor" and step in (5, 6):  # vi and vii are the raised ones; the scale's own have a flat
        if shift < 0:
            prefix = "b" + prefix
        elif shift == 0:
            prefix = "b"
        else:
            shift, prefix = shift - 1, prefix[1:]
    has_major_third = chord.semitones(chord.third) == 4
    roman = _ROMAN[step] if has_major_third else _ROMAN[step].lower()
    figures = _figures(chord, [alteration + shift for alteration in scale])
    if not has_major_third:
        if figures in _MINOR_SEVENTHS and chord.is_seventh_of((0, 3, 7, 10)):
            figures = _MINOR_SEVENTHS[figures]
        elif figures in _MINOR_MAJOR_SEVENTHS and chord.is_seventh_of((0, 3, 7, 11)):
            figures = _MINOR_MAJOR_SEVENTHS[figures]
    return prefix + roman + figures


_ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII")
_SHORT: Final = {
    "53": "", "3": "", "63": "6", "753": "7", "75": "7", "73": "7", "9753": "9", "975": "9", "953": "9",
    "97": "9", "95": "9", "93": "9", "653": "65", "6b53": "6b5", "643": "43", "642": "42", "bb7b5b3": "o7",
    "b7b5b3": "ø7", "bb7b53": "o7", "b7b53": "ø7",
}  # fmt: skip
_MINOR_SEVENTHS: Final = {"b75b3": "7", "6b5": "65", "b64b3": "43", "6b42": "42"}
_MINOR_MAJOR_SEVENTHS: Final = {
    "75b3": "7[#7]", "65": "65[#7]", "b643": "43[#7]", "6b42": "42[#7]", "#753": "#7", "6#53": "65[#7]",
    "64#3": "43[#7]", "42": "42[#7]",
}  # fmt: skip
_TRIADS: Final = {(4, 7): True, (3, 7): True, (3, 6): False, (4, 8): False}
"""By third and fifth: whether it is a major or minor one."""


def _signs(alteration: int) -> str:
    return ("#" if alteration > 0 else "b") * abs(alteration)


def _figures(chord: _Chord, scale: list[int]) -> str:
    """Return the figures above the bass, with the alterations of a scale left out."""
    third, fifth = chord.semitones(chord.third), chord.semitones(chord.fifth)
    is_triad = len(chord.names) == 3 and len({height % 12 for height in chord.heights}) == 3
    kind = _TRIADS.get((third or 0, fifth or 0)) if is_triad else None
    altered = [
        alteration - scale[step] for step, alteration in zip(chord.steps, chord.alterations, strict=True)
    ]
    above = [(line - chord.lines[0]) % 7 + 1 for line in chord.lines]
    order = sorted(range(len(above)), key=lambda each: (-above[each], altered[each], chord.heights[each]))
    figures: list[str] = []
    for each in order:
        signs = _signs(altered[each])
        if above[each] == 1:
            figure = signs + "8"
            if altered[each] != altered[0] and signs and figure not in figures:
                figures.insert(0, figure)
            continue
        if (each == chord.third and kind) or (each == chord.fifth and kind is not None):
            signs = ""
        if signs + str(above[each]) not in figures:
            figures.append(signs + str(above[each]))
    text = "".join(figures)
    text = _SHORT.get(text, text)
    suffix = {6: "o", 8: "+"}.get(fifth or 0, "")
    if suffix == "o" and text.startswith(("o", "ø")):
        suffix = ""
    if suffix == "o" and chord.semitones(chord.seventh) == 10:
        suffix = "ø"
    return suffix + text
