"""Cadences: how phrases end harmonically.

The last chord before a pause (`phrases`) and the chord before it, both in the local key, make a cadence:

* authentic: dominant (V, V7, viio) to the tonic in root position; perfect if the dominant is V or V7 in root
  position and the highest voice ends on the tonic, else imperfect;
* half: any other chord to V in root position; Phrygian half if it is the first inversion of iv, in minor;
* plagal: IV or iv to the tonic in root position;
* deceptive: V or V7 to the sixth degree.

As in Aldwell and Schachter, *Harmony and Voice Leading*, and Caplin, *Classical Form* (1998), who would add
the formal function of a phrase, which cannot be told from notes alone.
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
    """The end of a phrase.

    Attributes:
        position: Where its last chord begins.
        kind: Such as ``perfect authentic``.
        key: That it is in, such as ``F# minor``.
        numerals: Of its chords in that key, the last one last.
        evidence: Why a phrase is taken to end here: ``fermata``, ``silence``, ``held notes``, ``melody
            rests``, ``brief pause`` or ``end of the score``.
    """

    position: Position
    kind: CadenceKind
    key: str
    numerals: tuple[str, ...]
    evidence: Evidence


def cadence_kind(
    before: SonorityName, last: SonorityName, *, ends_on_tonic: bool, is_minor: bool
) -> CadenceKind | None:
    """Return what kind of cadence two chords make; None for none.

    Args:
        before: The chord before the last.
        last: The last chord.
        ends_on_tonic: Whether the highest voice ends on the tonic.
        is_minor: Whether the key is minor.
    """
    came, went = degree(before), degree(last)
    is_dominant = (came == DOMINANT and before.quality == "major") or (
        came == LEADING and _is_leading(before)
    )
    if went == TONIC and last.inversion == 0 and last.quality in _TONIC_QUALITIES:
        if is_dominant:
            is_perfect = came == DOMINANT and before.inversion == 0 and ends_on_tonic
            return "perfect authentic" if is_perfect else "imperfect authentic"
        if came == SUBDOMINANT and before.quality in _TONIC_QUALITIES:
            return "plagal"
    if went == DOMINANT and last.inversion == 0 and last.quality == "major" and came not in (DOMINANT, -1):
        is_phrygian = is_minor and came == SUBDOMINANT and before.inversion == 1 and before.quality == "minor"
        return "Phrygian half" if is_phrygian else "half"
    if went == SUBMEDIANT and last.inversion == 0 and came == DOMINANT and is_dominant:
        return "deceptive"
    return None


_TONIC_QUALITIES: Final = ("major", "minor")


def _is_leading(name: SonorityName) -> bool:
    """Return whether a chord on the seventh degree is one on the leading tone: diminished, not subtonic."""
    return name.root == (6, 0) and name.quality == "diminished"
