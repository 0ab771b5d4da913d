"""Cadences: harmonic endings of phrases.

The last chord before a pause (`phrases`) and the chord before it, both in the local key, make a cadence:

* authentic: dominant (V, V7, viio) to the tonic in root position; perfect if the dominant is V or V7 in root
  position and the highest voice ends on the tonic, otherwise imperfect;
* half: any other chord to V in root position; Phrygian half if it is the first inversion of iv in minor;
* plagal: IV or iv to the tonic in root position;
* deceptive: V or V7 to the sixth degree.

Definitions follow Aldwell and Schachter, *Harmony and Voice Leading*, and Caplin, *Classical Form* (1998),
who also considers the formal function of the phrase, which notes alone do not show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from music21_server.theory.chords.names import SonorityName
from music21_server.theory.harmony.functions import DOMINANT, LEADING, SUBDOMINANT, SUBMEDIANT, TONIC, degree
from music21_server.theory.time.phrases import Evidence
from music21_server.theory.time.positions import Position

CadenceKind = Literal[
    "perfect authentic", "imperfect authentic", "half", "Phrygian half", "plagal", "deceptive"
]


@dataclass(frozen=True)
class Cadence:
    """The end of a phrase."""

    position: Position
    """Beginning of the last chord."""
    kind: CadenceKind
    """Kind of cadence, such as `perfect authentic`."""
    key: str
    """Key of the cadence, such as `F# minor`."""
    numerals: tuple[str, ...]
    """Numerals of the two chords in that key."""
    evidence: Evidence
    """Reason why a phrase is taken to end here: `fermata`, `silence`, `held notes`, `melody rests`, `brief
    pause` or `end of the score`."""


def cadence_kind(
    before: SonorityName, last: SonorityName, *, ends_on_tonic: bool, is_minor: bool
) -> CadenceKind | None:
    """Return the kind of cadence that two chords make, or None.

    Args:
        before: The chord before the last.
        last: The last chord.
        ends_on_tonic: Whether the highest voice ends on the tonic.
        is_minor: Whether the key is minor.
    """
    degree_before, degree_last = degree(before), degree(last)
    is_dominant = (degree_before == DOMINANT and before.quality == "major") or (
        degree_before == LEADING and _is_leading(before)
    )
    if degree_last == TONIC and last.inversion == 0 and last.quality in _TONIC_QUALITIES:
        if is_dominant:
            is_perfect = degree_before == DOMINANT and before.inversion == 0 and ends_on_tonic
            return "perfect authentic" if is_perfect else "imperfect authentic"
        if degree_before == SUBDOMINANT and before.quality in _TONIC_QUALITIES:
            return "plagal"
    if (
        degree_last == DOMINANT
        and last.inversion == 0
        and last.quality == "major"
        and degree_before not in (DOMINANT, -1)
    ):
        is_phrygian = (
            is_minor and degree_before == SUBDOMINANT and before.inversion == 1 and before.quality == "minor"
        )
        return "Phrygian half" if is_phrygian else "half"
    if degree_last == SUBMEDIANT and last.inversion == 0 and degree_before == DOMINANT and is_dominant:
        return "deceptive"
    return None


_TONIC_QUALITIES: Final = ("major", "minor")


def _is_leading(name: SonorityName) -> bool:
    """Return whether a chord on the seventh degree is on the leading tone, and not on the subtonic."""
    return name.root == (6, 0) and name.quality == "diminished"
