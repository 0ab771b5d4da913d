"""Root, quality, inversion and Roman numeral of a shape, computed in whole numbers.

The rules are those of music21 10 (`Chord.root`, `quality`, `inversion`, `roman.romanNumeralFromChord`), which
takes milliseconds per chord; this takes about ten microseconds. An orchestral score has thousands of shapes
that no table knows. The tests compare both. Quarter tones, augmented sixths and triple alterations are rare
and left to music21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from music21_server.theory.pitch.mode import Mode
from music21_server.theory.pitch.names import FIFTHS_OF_STEPS, STEP_CENTS, Name


@dataclass(frozen=True)
class ChordDescription:
    """Description of a shape relative to C.

    Attributes:
        root: Root of the chord.
        quality: ``major``, ``minor``, ``diminished``, ``augmented`` or ``other``.
        inversion: 0 for root position.
        numeral: Roman numeral with figures.
    """

    root: Name
    quality: str
    inversion: int
    numeral: str


def describe(bass: Name, above: tuple[tuple[int, int], ...], mode: Mode) -> ChordDescription | None:
    """Return the description of a shape in C major or C minor; None if it is left to music21.

    Args:
        bass: Lowest name.
        above: Steps above the bass and alteration in cents of the others, in order of height.
        mode: Mode of the key.
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
    return ChordDescription(
        root=(chord.steps[root], chord.alterations[root] * 100),
        quality=_quality(chord),
        inversion=_INVERSIONS[(chord.steps[root] - chord.steps[0]) % 7],
        numeral=numeral,
    )


_WIDEST_SPREAD: Final = 18
"""Most fifths between two names; music21 refuses some chords beyond triply augmented intervals, and this is
well below."""

_INVERSIONS: Final = {0: 0, 5: 1, 3: 2, 1: 3, 6: 4, 4: 5, 2: 6}
"""Inversion by the steps from the bass up to the root."""

_ROOT_WEIGHTS: Final = ((2, 1 / 6), (4, 1 / 7), (6, 1 / 8), (1, 1 / 9), (3, 1 / 10), (5, 1 / 11))
"""Steps above a candidate root, and the weight of a note there."""

_NATURAL: Final[Mapping[Mode, tuple[int, ...]]] = {
    "major": (0, 0, 0, 0, 0, 0, 0),
    "minor": (0, 0, -1, 0, 0, -1, -1),
}
"""Alterations of the scale on C, in semitones."""


class _Chord:
    """Pitches in closed position, by index; the bass is 0.

    Attributes:
        lines: Places on the staff.
        steps: Steps; 0 is C.
        alterations: Alterations in semitones.
        heights: Heights in semitones.
        fifths: Places on the line of fifths.
        spread: Distance between the outermost of these.
        root: Index of the root.
        third: Index of the first third above the root, and likewise for `fifth` and `seventh`; None without
            one.
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
        """Return the index of the first note `steps` above the root, octaves aside."""
        step = (self.steps[self.root] + steps) % 7
        return self.steps.index(step) if step in self.steps else None

    def semitones(self, index: int | None) -> int | None:
        """Return the distance of a note from the root, octaves aside."""
        return None if index is None else (self.heights[index] - self.heights[self.root]) % 12

    def is_repeated(self, index: int) -> bool:
        """Return whether a note's step occurs with another alteration."""
        return any(
            step == self.steps[index] and (height - self.heights[index]) % 12
            for step, height in zip(self.steps, self.heights, strict=True)
        )

    def is_seventh_of(self, kind: tuple[int, ...]) -> bool:
        """Return whether this is a seventh chord with these semitones above the root."""
        if len(self.names) != 4 or None in (self.third, self.fifth, self.seventh):
            return False
        return all(self.semitones(index) in kind for index in range(len(self.steps)))

    def may_be_augmented_sixth_chord(self) -> bool:
        """Return whether it has an augmented sixth and as many names as an augmented sixth chord."""
        if len(self.names) not in (3, 4):
            return False
        return any(place + 10 in self.fifths for place in self.fifths)


def _root(steps: list[int]) -> int:
    """Return the index of the root: the root of a stack of thirds, or else the note with the most thirds
    above it."""
    unique = list(dict.fromkeys(steps))
    present = set(unique)
    if len(unique) in (1, 7):
        return 0
    for step in sorted(unique):
        if all((step + 2 * third) % 7 in present for third in range(len(unique))):
            return steps.index(step)
    weights = [
        sum(weight for above, weight in _ROOT_WEIGHTS if (step + above) % 7 in present) for step in unique
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
    # In minor, vi and vii are the raised degrees; those of the scale have a flat.
    if mode == "minor" and step in (5, 6):
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
"""Whether a triad is a major or minor one, by its third and fifth."""


def _signs(alteration: int) -> str:
    return ("#" if alteration > 0 else "b") * abs(alteration)


def _figures(chord: _Chord, scale: list[int]) -> str:
    """Return the figures above the bass, without the alterations of a scale."""
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
