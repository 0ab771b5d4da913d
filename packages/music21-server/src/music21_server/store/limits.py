"""Limits of the score store, its figures, and the messages about both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from music21_server.errors import TooMuchScoreError


@dataclass(frozen=True)
class StoreLimits:
    """Limits of the store; each has a setting of the same name.

    Attributes:
        max_scores: Number of names of all owners.
        max_scores_per_owner: Number of names of one owner.
        max_stored_bytes: Size of all contents as stored: compressed documents and columns.
        max_stored_bytes_per_owner: Size of one owner's contents.
        score_lifetime_s: Time without use after which a score is freed.
        score_grace_s: Time after its last use during which a score is not freed to make room for others.
        max_cached_bytes: Size of the contents cached in memory by a store in a folder or in Redis.
    """

    max_scores: int = 2_000
    max_scores_per_owner: int = 200
    max_stored_bytes: int = 512_000_000
    max_stored_bytes_per_owner: int = 256_000_000
    score_lifetime_s: float = 24 * 3600.0
    score_grace_s: float = 3600.0
    max_cached_bytes: int = 32_000_000

    @property
    def touch_s(self) -> float:
        """Shortest time between two recorded uses of a score, so that few uses cost a write."""
        return self.score_grace_s / 60


@dataclass(frozen=True)
class StoredScore:
    """Description of a stored score.

    Attributes:
        name: Name that its owner uses.
        content_id: Id of the content, equal for identical imports.
        kind: Format of the document.
        info: Title, number of parts, and similar facts.
        size_bytes: Size as stored.
        created_s: Time of storing, seconds since the epoch.
        used_s: Time of the last recorded use, seconds since the epoch.
    """

    name: str
    content_id: str
    kind: str
    info: Mapping[str, Any]
    size_bytes: int
    created_s: float
    used_s: float


Eviction = Literal["lifetime", "room", "damaged"]
"""Reason for freeing a score: lifetime exceeded; room needed for others; content damaged or missing."""


@dataclass(frozen=True)
class StoreFigures:
    """Counts of the store, for all processes that share it.

    Attributes:
        names: Number of names of all owners.
        contents: Number of distinct contents.
        owners: Number of owners with at least one score.
        size_bytes: Size of all contents.
    """

    names: int
    contents: int
    owners: int
    size_bytes: int


LimitName = Literal["max_scores", "max_scores_per_owner", "max_stored_bytes", "max_stored_bytes_per_owner"]
"""The limits that a new score may exceed."""

_LIMITED_QUANTITIES: Final[Mapping[LimitName, str]] = {
    "max_scores": "scores of all clients",
    "max_scores_per_owner": "scores of this client",
    "max_stored_bytes": "bytes of all scores",
    "max_stored_bytes_per_owner": "bytes of scores of this client",
}


def check_limit(limit: LimitName, count: int, limits: StoreLimits) -> None:
    """Raise TooMuchScoreError if `count`, the new score included, exceeds a limit.

    Args:
        limit: Name of the limit and of its setting.
        count: Number of what the limit counts.
        limits: All limits.
    """
    most = getattr(limits, limit)
    if count <= most:
        return
    if limit.endswith("per_owner"):
        advice = "Delete a score that is no longer needed (delete_score)."
    else:
        advice = (
            "All others were used within "
            f"{duration_text(limits.score_grace_s)} (setting score_grace_s), so none is freed. Delete scores "
            "that are no longer needed (delete_score), or try again later."
        )
    raise TooMuchScoreError(
        f"Expected at most {most:,} {_LIMITED_QUANTITIES[limit]} (setting {limit}), got {count:,} with this "
        f"one. {advice}"
    )


DELETED: Final = "it was deleted"
DAMAGED: Final = "it was damaged or removed"
"""Reasons why a score is gone; the others depend on the limits."""


def lifetime_reason(limits: StoreLimits) -> str:
    """Return the reason for a score freed after its lifetime."""
    return f"it had not been used for {duration_text(limits.score_lifetime_s)} (setting score_lifetime_s)"


def room_reason(limits: StoreLimits) -> str:
    """Return the reason for a score freed to make room."""
    return (
        f"room was needed, and it had not been used for {duration_text(limits.score_grace_s)} (settings "
        "max_scores, max_stored_bytes and score_grace_s)"
    )


def duration_text(seconds: float) -> str:
    """Return a duration in a fitting unit: `24 hours`, `90 seconds`."""
    for unit, length_s in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.3g} {unit}"
    return f"{seconds:.3g} seconds"
