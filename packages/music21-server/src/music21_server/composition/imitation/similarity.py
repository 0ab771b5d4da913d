"""Distance between two bodies of music, by the distributions of their features.

The distance is that of Jensen and Shannon, the square root of the divergence in bits: 0 for equal
distributions, 1 for distributions with nothing in common (Endres & Schindelin, "A new metric for probability
distributions", *IEEE Transactions on Information Theory* 49, 2003).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from music21_server.composition.imitation.notation import Tone, tones
from music21_server.composition.imitation.pieces import REST, TICKS, Beat

FEATURES: Final = ("intervals", "durations", "sonorities", "pitch_classes")
"""Melodic intervals in semitones; note values in quarter notes; intervals above the bass on each beat;
semitones above the tonic, weighted by duration."""

Distribution = Mapping[str, float]
"""Shares by name; they add up to 1."""

_LARGEST_INTERVAL: Final = 12


@dataclass(frozen=True)
class Passage:
    """Successive beats without a gap.

    Attributes:
        beats: Beats with all voices.
        beat_ticks: Length of a beat.
        tonic: Pitch class of the tonic.
    """

    beats: tuple[Beat, ...]
    beat_ticks: int
    tonic: int


def profile(passages: Iterable[Passage]) -> dict[str, Distribution]:
    """Return the distributions of a body of music, by the names in `FEATURES`."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in FEATURES}
    for passage in passages:
        for voice in range(len(passage.beats[0])):
            _count(counts, tones(passage.beats, voice, passage.beat_ticks), passage.tonic)
        for beat in passage.beats:
            sounding = sorted({cell[0].pitch for cell in beat if cell[0].pitch != REST})
            if sounding:
                above = sorted({(pitch - sounding[0]) % 12 for pitch in sounding})
                counts["sonorities"][" ".join(map(str, above))] += 1
    return {name: _shares(counter) for name, counter in counts.items()}


def _count(counts: dict[str, Counter[str]], line: Sequence[Tone], tonic: int) -> None:
    before = REST
    for tone in line:
        if tone.pitch != REST:
            counts["durations"][f"{tone.length / TICKS:.4g}"] += 1
            counts["pitch_classes"][str((tone.pitch - tonic) % 12)] += tone.length
            if before != REST:
                counts["intervals"][
                    str(max(-_LARGEST_INTERVAL, min(_LARGEST_INTERVAL, tone.pitch - before)))
                ] += 1
        before = tone.pitch


def _shares(counts: Counter[str]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: count / total for name, count in sorted(counts.items())}


def distance(one: Distribution, other: Distribution) -> float:
    """Return the Jensen-Shannon distance of two distributions, from 0 to 1."""
    divergence = 0.0
    for name in sorted({*one, *other}):
        p, q = one.get(name, 0.0), other.get(name, 0.0)
        mean = (p + q) / 2
        divergence += sum(share / 2 * math.log2(share / mean) for share in (p, q) if share > 0)
    return math.sqrt(max(0.0, divergence))


def distances(one: Mapping[str, Distribution], other: Mapping[str, Distribution]) -> dict[str, float]:
    """Return the distances by feature, and their mean as ``mean``."""
    by_feature = {name: distance(one[name], other[name]) for name in FEATURES}
    return {**by_feature, "mean": sum(by_feature.values()) / len(by_feature)}
