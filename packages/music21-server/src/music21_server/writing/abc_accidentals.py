"""Which notes of a bar need an accidental in ABC, whoever reads it.

An accidental counts to the end of its bar: for its pitch in all octaves, says the standard (2.1, 11.3); in
its own octave alone, say many programs; and music21 keeps one sign of a double accidental, and none from
within a chord or for its notes. A sign is written wherever one of them would read another note without it.
"""

from __future__ import annotations

from typing import Final

_SIGNS: Final = {0: "=", 100: "^", -100: "_", 200: "^^", -200: "__"}

_DOUBTFUL: Final = 10_000
"""No alteration: whatever the note is, it is written with its sign."""


class BarAccidentals:
    """The accidentals of one bar of one voice, from its first note on.

    Args:
        of_key: Alteration of each step in cents, as the key says.
        is_doubtful: Whether readers differ about the key, so that every note has its sign.
    """

    def __init__(self, of_key: list[int], *, is_doubtful: bool = False) -> None:
        self._of_key = [_DOUBTFUL] * len(of_key) if is_doubtful else of_key
        self._by_step: dict[int, int] = {}
        self._by_pitch: dict[tuple[int, int], int] = {}
        self._by_music21: dict[int, int] = {}

    def sign(self, step: int, alter_cents: int, octave: int, *, in_chord: bool, grace: bool) -> str:
        """Return the sign that the next note needs; empty for none.

        Args:
            step: Index in `notes.STEPS`.
            alter_cents: Whole semitones, at most two.
            octave: Written octave.
            in_chord: Whether it is one of several notes of a chord.
            grace: Whether it is a grace note; programs differ about what its accidental does to others.
        """
        of_key = self._of_key[step]
        of_music21 = of_key if in_chord else self._by_music21.get(step, of_key)
        if (
            self._by_step.get(step, of_key)
            == self._by_pitch.get((step, octave), of_key)
            == of_music21
            == alter_cents
        ):
            return ""
        said = _DOUBTFUL if grace else alter_cents
        self._by_step[step] = self._by_pitch[step, octave] = said
        if not in_chord:
            self._by_music21[step] = max(-100, min(100, alter_cents))
        return _SIGNS[alter_cents]
