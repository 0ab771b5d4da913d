"""How much the store may hold, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from music21_server.errors import TooMuchScoreError


@dataclass(frozen=True)
class StoreLimits:
    """Bounds of the store; each has a setting of the same name.

    Attributes:
        max_scores: Names, of all owners.
        max_scores_per_owner: Names of one owner.
        max_stored_bytes: Of all contents, as they are kept: compressed documents and columns.
        max_stored_bytes_per_owner: Of the contents of one owner.
        score_lifetime_s: After so long without use a score is freed.
        score_grace_s: For so long after its last use a score is not freed to make room for others.
        max_cached_bytes: Of contents that are in memory as well; where a folder keeps them.
    """

    max_scores: int = 2_000
    max_scores_per_owner: int = 200
    max_stored_bytes: int = 512_000_000
    max_stored_bytes_per_owner: int = 256_000_000
    score_lifetime_s: float = 24 * 3600.0
    score_grace_s: float = 3600.0
    max_cached_bytes: int = 128_000_000


def refuse_above(setting: str, what: str, came: int, most: int, advice: str) -> None:
    """Refuse what is beyond a limit.

    Args:
        setting: Its name.
        what: What is counted.
        came: How many there would be.
        most: How many there may be.
        advice: What to do.

    Raises:
        TooMuchScoreError: It is.
    """
    if came > most:
        raise TooMuchScoreError(
            f"With this score there would be {came:,} {what}, at most {most:,} are kept (setting {setting}): "
            f"{advice}."
        )


def duration_text(seconds: float) -> str:
    """Return a time as people say it: `24 hours`, `90 seconds`."""
    for unit, length_s in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.3g} {unit}"
    return f"{seconds:.3g} seconds"
