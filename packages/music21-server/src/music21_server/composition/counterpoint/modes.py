"""Modes: which notes they have, which of them are raised or lowered in use, and how they are told.

Seen from its final on the line of fifths a mode is seven places in a row: dorian from three below to three
above. The seventh is raised at the close where it lies a whole tone below the final, the phrygian mode
excepted, whose final is approached from a semitone above (Jeppesen, *Counterpoint*, on the modes).
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
"""Place of each mode's flattest note, seen from the final on the line of fifths."""

MODES: Final = ("ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "major", "minor")
"""Names that are understood."""

_TOLD: Final = ("dorian", "phrygian", "lydian", "mixolydian", "aeolian", "ionian")
"""Modes that a cantus may be told to be in, those before others where both are as near to no signature."""

_MOST_FIFTHS: Final = 7
_LEADING: Final = 5
_RAISED_SIXTH: Final = 3
_MODE: Final = re.compile(r"([A-Ga-g])(##?|--?|bb?|♯|♭)?(?:[\s_-]+([A-Za-z]+))?")
_SHORT: Final = {"maj": "major", "dur": "major", "min": "minor", "moll": "minor"}


@dataclass(frozen=True)
class Mode:
    """A mode or key on a final.

    Attributes:
        final: Its name.
        kind: One of `MODES`.
    """

    final: Name
    kind: str

    @property
    def text(self) -> str:
        """As ``D dorian``."""
        return f"{text_of(self.final)} {self.kind}"

    @property
    def _flattest(self) -> int:
        return fifths_of(self.final) + _LOWEST[self.kind]

    @property
    def signature_fifths(self) -> int:
        """Sharps of the signature, flats below zero."""
        return self._flattest + 1

    @property
    def scale(self) -> frozenset[Name]:
        """Its seven notes."""
        return frozenset(name_at(self._flattest + fifths) for fifths in range(7))

    @property
    def leading_note(self) -> Name:
        """The seventh as it is used at the close."""
        place = -2 if self.kind == "phrygian" else _LEADING
        return name_at(fifths_of(self.final) + place)

    @property
    def raised(self) -> frozenset[Name]:
        """Notes that only the close has: the raised seventh, and the sixth that leads up to it."""
        names = {self.leading_note}
        if self.kind in ("aeolian", "minor"):
            names.add(self.raised_sixth)
        return frozenset(names - self.scale)

    @property
    def raised_sixth(self) -> Name:
        """The sixth that is a major sixth above the final."""
        return name_at(fifths_of(self.final) + _RAISED_SIXTH)

    @property
    def lowered(self) -> frozenset[Name]:
        """The note beyond the scale that avoids its tritone: B flat where there are no signs."""
        if self.kind in ("dorian", "lydian", "mixolydian"):
            return frozenset({name_at(self._flattest - 1)})
        return frozenset()


def parse_mode(text: str) -> Mode:
    """Return the mode that is meant by ``D dorian``, ``F# minor``, ``Bb major`` or ``g`` (minor).

    Raises:
        ScoreError: It is none, or has no signature.
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


def told_mode(names: Iterable[Name], final: Name, signature_fifths: int | None = None) -> Mode:
    """Return the mode that notes are in: with the signature, if they have one, else with the fewest signs.

    Args:
        names: Of all notes.
        final: The last one.
        signature_fifths: Sharps of a signature, flats below zero; None without one.

    Raises:
        ScoreError: No mode has them all.
    """
    found = set(names)
    modes = [Mode(final, kind) for kind in _TOLD]
    fitting = [mode for mode in modes if found <= mode.scale and abs(mode.signature_fifths) <= _MOST_FIFTHS]
    if not fitting:
        fitting = [
            mode
            for mode in modes
            if found <= mode.scale | mode.lowered | mode.raised and abs(mode.signature_fifths) <= _MOST_FIFTHS
        ]
    if not fitting:
        notes = ", ".join(text_of(name) for name in sorted(found, key=_order))
        raise ScoreError(
            f"Expected a cantus in one mode with {text_of(final)}, its last note, as the final, got {notes}: "
            "no mode but the locrian has them all. Leave accidentals out, or end on another note."
        )
    wanted = signature_fifths or 0
    return min(fitting, key=lambda mode: abs(mode.signature_fifths - wanted))


def _order(name: Name) -> tuple[str, int]:
    return STEPS[name[0]], name[1]
