"""Accidentals that all ABC readers understand.

An accidental holds to the end of its measure: for its pitch in all octaves according to the standard (2.1,
11.3), only in its own octave in many programs; music21 remembers a double accidental as a single one, and
ignores accidentals from and for notes in chords. An accidental is written wherever one of these readers would
otherwise get the note wrong.
"""

from __future__ import annotations

from typing import Final

_SIGNS: Final = {0: "=", 100: "^", -100: "_", 200: "^^", -200: "__"}

_DOUBTFUL: Final = 10_000
"""Not an alteration; a note never equals it, and so is written with its accidental."""


class MeasureAccidentals:
    """Accidentals in force in one measure of one voice, as each kind of reader sees them.

    Args:
        key_alters: Alteration of each step by the key, in cents.
        is_doubtful: Whether readers differ about the key, so that every note needs its accidental.
    """

    def __init__(self, key_alters: list[int], *, is_doubtful: bool = False) -> None:
        self._key_alters = [_DOUBTFUL] * len(key_alters) if is_doubtful else key_alters
        self._by_step: dict[int, int] = {}
        self._by_pitch: dict[tuple[int, int], int] = {}
        self._in_music21: dict[int, int] = {}

    def sign(self, step: int, alter_cents: int, octave: int, *, in_chord: bool, grace: bool) -> str:
        """Return the accidental of the next note; empty for none.

        Args:
            step: Index in `table.STEPS`.
            alter_cents: Alteration in whole semitones, at most two.
            octave: Written octave.
            in_chord: Whether the note is in a chord.
            grace: Whether it is a grace note; readers differ about its accidental's effect on later notes.
        """
        key_alter = self._key_alters[step]
        in_music21 = key_alter if in_chord else self._in_music21.get(step, key_alter)
        if (
            self._by_step.get(step, key_alter)
            == self._by_pitch.get((step, octave), key_alter)
            == in_music21
            == alter_cents
        ):
            return ""
        self._by_step[step] = self._by_pitch[step, octave] = _DOUBTFUL if grace else alter_cents
        if not in_chord:
            self._in_music21[step] = max(-100, min(100, alter_cents))
        return _SIGNS[alter_cents]
