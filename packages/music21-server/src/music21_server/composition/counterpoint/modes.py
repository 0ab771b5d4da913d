"""Modes: their notes, which of these are raised or lowered in practice, and how to detect the mode of a
cantus.

A mode is seven successive places on the line of fifths, counted from its final: dorian goes from three below
to three above. The seventh degree is raised at the close where it lies a whole tone below the final, except
in the phrygian mode, whose final is approached from a semitone above (Jeppesen, *Counterpoint*, on the
modes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from music21_server.errors import ScoreError
from music21_server.score.table import STEPS
from music21_server.theory.pitch.names import Name, fifths_of, name_at, name_of, text_of

_LOWEST: Final[Mapping[str, int]] = {
    "lydian": 0, "ionian": -1, "mixolydian": -2, "dorian": -3, "aeolian": -4, "phrygian": -5,
    "major": -1, "minor": -4,
}  # fmt: skip
"""Place of each mode's flattest note on the line of fifths, counted from the final."""

MODES: Final = ("ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "major", "minor")
"""Names that `parse_mode` accepts."""

_DETECTABLE: Final = ("dorian", "phrygian", "lydian", "mixolydian", "aeolian", "ionian")
"""Modes that `detect_mode` returns; among modes with equally many signs the earlier one wins."""

_MOST_FIFTHS: Final = 7
_LEADING: Final = 5
_RAISED_SIXTH: Final = 3
_MODE: Final = re.compile(r"([A-Ga-g])(##?|--?|bb?|♯|♭)?(?:[\s_-]+([A-Za-z]+))?")
_SHORT: Final = {"maj": "major", "dur": "major", "min": "minor", "moll": "minor"}


@dataclass(frozen=True)
class Mode:
    """A mode or key.

    Attributes:
        final: Name of the final.
        kind: One of `MODES`.
    """

    final: Name
    kind: str

    @property
    def text(self) -> str:
        """Final and mode, such as ``D dorian``."""
        return f"{text_of(self.final)} {self.kind}"

    @property
    def _flattest(self) -> int:
        return fifths_of(self.final) + _LOWEST[self.kind]

    @property
    def signature_fifths(self) -> int:
        """Sharps of the key signature; flats are negative."""
        return self._flattest + 1

    @property
    def scale(self) -> frozenset[Name]:
        """The seven notes of the scale."""
        return frozenset(name_at(self._flattest + fifths) for fifths in range(7))

    @property
    def leading_note(self) -> Name:
        """The seventh degree as it is used at the close."""
        place = -2 if self.kind == "phrygian" else _LEADING
        return name_at(fifths_of(self.final) + place)

    @property
    def raised(self) -> frozenset[Name]:
        """Notes that only the close uses: the raised seventh, and the raised sixth that leads up to it."""
        names = {self.leading_note}
        if self.kind in ("aeolian", "minor"):
            names.add(self.raised_sixth)
        return frozenset(names - self.scale)

    @property
    def raised_sixth(self) -> Name:
        """The note a major sixth above the final."""
        return name_at(fifths_of(self.final) + _RAISED_SIXTH)

    @property
    def lowered(self) -> frozenset[Name]:
        """The note outside the scale that avoids its tritone: B flat if there is no key signature."""
        if self.kind in ("dorian", "lydian", "mixolydian"):
            return frozenset({name_at(self._flattest - 1)})
        return frozenset()


def parse_mode(text: str) -> Mode:
    """Return the mode that a text names, such as ``D dorian``, ``F# minor``, ``Bb major`` or ``g`` (minor).

    Raises:
        ScoreError: The text names no mode, or one with more than seven sharps or flats.
    """
    match = _MODE.fullmatch(text.strip()[:60])
    kind = (match[3] or ("minor" if match[1].islower() else "major")).lower() if match else ""
    kind = _SHORT.get(kind, kind)
    if match is None or kind not in MODES:
        hint = " Locrian has no perfect fifth on its final." if kind == "locrian" else ""
        raise ScoreError(
            f"Expected a key or mode such as `D dorian`, `F# minor` or `Bb major`, with one of "
            f"{', '.join(MODES)}; got {text[:40]!r}.{hint}"
        )
    sign = (match[2] or "").replace("b", "-").replace("♭", "-").replace("♯", "#")
    mode = Mode(name_of(match[1].upper() + sign), kind)
    if abs(mode.signature_fifths) > _MOST_FIFTHS:
        raise ScoreError(
            f"Expected a key of at most {_MOST_FIFTHS} sharps or flats, got {mode.text} with "
            f"{abs(mode.signature_fifths)}: respell it."
        )
    return mode


def detect_mode(names: Iterable[Name], final: Name, signature_fifths: int | None = None) -> Mode:
    """Return the mode of a cantus: the one nearest to its key signature, or else with the fewest signs.

    Args:
        names: Names of all notes.
        final: Name of the last note.
        signature_fifths: Sharps of the key signature, flats negative; None if there is none.

    Raises:
        ScoreError: No mode contains all notes.
    """
    used = set(names)
    modes = [
        mode
        for mode in (Mode(final, kind) for kind in _DETECTABLE)
        if abs(mode.signature_fifths) <= _MOST_FIFTHS
    ]
    fitting = [mode for mode in modes if used <= mode.scale] or [
        mode for mode in modes if used <= mode.scale | mode.lowered | mode.raised
    ]
    if not fitting:
        notes = ", ".join(text_of(name) for name in sorted(used, key=_order))
        raise ScoreError(
            f"Expected a cantus in one mode with {text_of(final)}, its last note, as the final, got {notes}: "
            "no mode but the locrian has them all. Leave accidentals out, or end on another note."
        )
    return min(fitting, key=lambda mode: abs(mode.signature_fifths - (signature_fifths or 0)))


def _order(name: Name) -> tuple[str, int]:
    return STEPS[name[0]], name[1]
