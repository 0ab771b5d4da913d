"""Key analysis by one profile or by all of them, with alternatives, local keys and modulations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.chords.assignment import chord_path
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.harmony.local_keys import KeySegment, Modulation, local_keys
from music21_server.theory.keys.estimate import durations_of, key_of_candidate
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
"""Other names of algorithms. Schmuckler's algorithm and Kessler's weights are the same in music21, so they
have one vote in the consensus."""

ALGORITHMS: Final = (*PROFILES, CONSENSUS)

_MOST_ALTERNATIVES: Final = 5


@dataclass(frozen=True)
class KeyFit:
    """A key and how well it fits."""

    key: str
    """Key, such as `F# minor`; `B-` is B flat."""
    coefficient: float
    """Pearson's correlation with the key's profile, -1 to 1; in a consensus the mean over the profiles."""
    votes: int
    """Number of profiles for which this key is the best."""


@dataclass(frozen=True)
class ProfileVote:
    """The result of one profile."""

    algorithm: str
    """Name of the profile."""
    key: str
    """Best key."""
    coefficient: float
    """Pearson's correlation, -1 to 1."""


@dataclass(frozen=True)
class KeyAnalysis:
    """The key of a score."""

    key: str
    """Best key, such as `F# minor`; `B-` is B flat."""
    tonic: str
    """Tonic of the key."""
    mode: Mode
    """`major` or `minor`."""
    algorithm: str
    """Algorithm that found the key."""
    pitch: Pitch
    """Whether `sounding` or `written` pitch was analysed."""
    coefficient: float
    """Pearson's correlation with the key's profile, -1 to 1; in a consensus the mean over the profiles."""
    confidence: float
    """Share of the profiles for which this key is the best, 0 to 1."""
    alternatives: tuple[KeyFit, ...]
    """Next best keys, the best first."""
    votes: tuple[ProfileVote, ...]
    """Result of each profile."""
    local_keys: tuple[KeySegment, ...]
    """Keys that the score passes through."""
    modulations: tuple[Modulation, ...]
    """Changes between these keys."""


def key_report(score: Score, algorithm: str = DEFAULT_PROFILE, pitch: Pitch = "sounding") -> KeyAnalysis:
    """Find the key of a score and its local keys.

    Args:
        algorithm: One of `ALGORITHMS` or an alias.
        pitch: Sounding pitch, or written pitch for transposing instruments.

    Raises:
        ScoreError: The algorithm is unknown, or there are no notes.
    """
    name = parse_algorithm(algorithm)
    pitches = sounding_pitches(score) if pitch == "sounding" else written_pitches(score)
    durations = durations_of(score, pitches)
    by_profile = {profile: key_candidates(durations, profile) for profile in PROFILES}
    ranked = consensus(by_profile) if name == CONSENSUS else by_profile[name]
    bests = [(candidates[0].tonic, candidates[0].mode) for candidates in by_profile.values()]
    fifths = mean_fifths(score, pitches)
    key = key_of_candidate(ranked[0], fifths)
    clock = Clock(score)
    sounding = sonorities(score, pitches)
    local = local_keys(score, sounding, chord_path(score, sounding, clock), clock)
    fits = [
        KeyFit(
            key_of_candidate(candidate, fifths).text,
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
            ProfileVote(profile, key_of_candidate(best, fifths).text, round(best.coefficient, 6))
            for profile, (best, *_) in by_profile.items()
        ),
        local_keys=local.segments(clock, score.notes.ticks_per_quarter),
        modulations=local.modulations(clock),
    )


def parse_algorithm(text: str) -> str:
    """Return the algorithm for a name or an alias.

    Raises:
        ScoreError: The name is unknown.
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
    """Return the 24 keys with their mean coefficients, ranked by votes and then by coefficient.

    Args:
        by_profile: The 24 keys of each profile, the best first; the best one has the profile's vote.
    """
    sums: dict[tuple[str, Mode], float] = {}
    votes: dict[tuple[str, Mode], int] = {}
    for candidates in by_profile.values():
        best = (candidates[0].tonic, candidates[0].mode)
        votes[best] = votes.get(best, 0) + 1
        for candidate in candidates:
            key = (candidate.tonic, candidate.mode)
            sums[key] = sums.get(key, 0.0) + candidate.coefficient
    means = [KeyCandidate(tonic, mode, total / len(by_profile)) for (tonic, mode), total in sums.items()]
    return sorted(means, key=lambda each: (-votes.get((each.tonic, each.mode), 0), -each.coefficient))
