"""The key of a score: by one profile or by all of them, with alternatives, local keys and modulations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.chords.assignment import chord_path
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.harmony.local_keys import KeySegment, Modulation, local_keys
from music21_server.theory.keys.estimate import as_spelled, durations_of
from music21_server.theory.keys.profiles import DEFAULT_PROFILE, PROFILES, KeyCandidate, key_candidates
from music21_server.theory.pitch.mode import Mode
from music21_server.theory.pitch.names import mean_fifths
from music21_server.theory.pitch.transposition import sounding_pitches, written_pitches
from music21_server.theory.time.positions import Clock

Pitch = Literal["sounding", "written"]

CONSENSUS: Final = "consensus"

_ALIASES: Final[Mapping[str, str]] = {
    "aarden": "aarden-essen",
    "krumhansl-schmuckler": "krumhansl",
    "krumhansl-kessler": "krumhansl",
    "bellman": "bellman-budge",
    "temperley": "temperley-kostka-payne",
}
"""Schmuckler's algorithm and Kessler's weights are one in music21, so they have one vote in the consensus."""

ALGORITHMS: Final = (*PROFILES, CONSENSUS)

_MOST_ALTERNATIVES: Final = 5


@dataclass(frozen=True)
class KeyFit:
    """A key and how well it fits.

    Attributes:
        key: Such as ``F# minor``; ``B-`` is B flat.
        coefficient: Pearson's correlation with the key's profile, -1 to 1; its mean over the profiles in a
            consensus.
        votes: How many of the distinct profiles have this key as their best.
    """

    key: str
    coefficient: float
    votes: int


@dataclass(frozen=True)
class ProfileVote:
    """What one profile says.

    Attributes:
        algorithm: Its name.
        key: Its best key.
        coefficient: Pearson's correlation, -1 to 1.
    """

    algorithm: str
    key: str
    coefficient: float


@dataclass(frozen=True)
class KeyAnalysis:
    """The key of a score.

    Attributes:
        key: The best one, such as ``F# minor``; ``B-`` is B flat.
        tonic: Its tonic.
        mode: ``major`` or ``minor``.
        algorithm: How it was found.
        pitch: Whether ``sounding`` or ``written`` pitch was analysed.
        coefficient: Pearson's correlation with the key's profile, -1 to 1; its mean over the profiles in a
            consensus.
        confidence: Share of the distinct profiles that have this key as their best, 0 to 1.
        alternatives: The next best keys, the best first.
        votes: What each distinct profile says.
        local_keys: The keys that the score passes through.
        modulations: The changes between them.
    """

    key: str
    tonic: str
    mode: Mode
    algorithm: str
    pitch: Pitch
    coefficient: float
    confidence: float
    alternatives: tuple[KeyFit, ...]
    votes: tuple[ProfileVote, ...]
    local_keys: tuple[KeySegment, ...]
    modulations: tuple[Modulation, ...]


def key_report(score: Score, algorithm: str = DEFAULT_PROFILE, pitch: Pitch = "sounding") -> KeyAnalysis:
    """Find the key of a whole score, and those of its stretches.

    Args:
        score: All parts.
        algorithm: One of `ALGORITHMS`, or another name of one.
        pitch: As it sounds, or as it is written for transposing instruments.

    Raises:
        ScoreError: The algorithm is unknown, or there are no notes.
    """
    name = algorithm_named(algorithm)
    pitches = sounding_pitches(score) if pitch == "sounding" else written_pitches(score)
    durations = durations_of(score, pitches)
    by_profile = {profile: key_candidates(durations, profile) for profile in PROFILES}
    ranked = consensus(by_profile) if name == CONSENSUS else by_profile[name]
    bests = [(candidates[0].tonic, candidates[0].mode) for candidates in by_profile.values()]
    fifths = mean_fifths(score, pitches)
    key = as_spelled(ranked[0], fifths)
    clock = Clock(score)
    sounding = sonorities(score, pitches)
    local = local_keys(score, sounding, chord_path(score, sounding, clock), clock)
    fits = [
        KeyFit(
            as_spelled(candidate, fifths).text,
            round(candidate.coefficient, 6),
            bests.count((candidate.tonic, candidate.mode)),
        )
        for candidate in ranked[: 1 + _MOST_ALTERNATIVES]
    ]
    return KeyAnalysis(
        key=key.text,
        tonic=key.text.split()[0],
        mode=key.mode,
        algorithm=name,
        pitch=pitch,
        coefficient=fits[0].coefficient,
        confidence=round(fits[0].votes / len(bests), 4),
        alternatives=tuple(fits[1:]),
        votes=tuple(
            ProfileVote(profile, as_spelled(found[0], fifths).text, round(found[0].coefficient, 6))
            for profile, found in by_profile.items()
        ),
        local_keys=local.segments(clock, score.notes.ticks_per_quarter),
        modulations=local.modulations(clock),
    )


def algorithm_named(text: str) -> str:
    """Return the algorithm that a name stands for.

    Raises:
        ScoreError: It stands for none.
    """
    name = text.strip().lower().replace("_", "-").replace(" ", "-")
    name = _ALIASES.get(name, name)
    if name not in ALGORITHMS:
        raise ScoreError(
            f"Expected a key algorithm, one of {', '.join(ALGORITHMS)} "
            f"(or krumhansl-schmuckler, krumhansl-kessler, which are krumhansl), got {text[:40]!r}."
        )
    return name


def consensus(by_profile: Mapping[str, list[KeyCandidate]]) -> list[KeyCandidate]:
    """Return the keys by how many profiles have them as their best, then by their mean coefficient.

    Args:
        by_profile: The 24 keys of each profile, the best first.

    Returns:
        The 24 keys with their mean coefficients.
    """
    sums: dict[tuple[str, Mode], float] = {}
    votes: dict[tuple[str, Mode], int] = {}
    for candidates in by_profile.values():
        best = (candidates[0].tonic, candidates[0].mode)
        votes[best] = votes.get(best, 0) + 1
        for candidate in candidates:
            key = (candidate.tonic, candidate.mode)
            sums[key] = sums.get(key, 0.0) + candidate.coefficient
    found = [KeyCandidate(tonic, mode, total / len(by_profile)) for (tonic, mode), total in sums.items()]
    return sorted(found, key=lambda each: (-votes.get((each.tonic, each.mode), 0), -each.coefficient))
