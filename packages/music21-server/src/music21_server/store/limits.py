"""How much the store may hold, how much it holds, and what it says when that would be too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

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
        max_cached_bytes: Of contents that are in memory as well; where a folder or Redis keeps them.
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
        """A use is written down when the last one was so long ago: few cost a write."""
        return self.score_grace_s / 60


@dataclass(frozen=True)
class StoredScore:
    """A score in a list.

    Attributes:
        name: By which its owner calls it.
        content_id: Equal for identical imports.
        kind: Format of the document.
        info: A few facts.
        size_bytes: What it costs to keep.
        created_s: Since the epoch.
        used_s: Last use since the epoch, to about a minute.
    """

    name: str
    content_id: str
    kind: str
    info: Mapping[str, Any]
    size_bytes: int
    created_s: float
    used_s: float


Eviction = Literal["lifetime", "room", "damaged"]
"""Why a score was freed: not used for its lifetime; others needed its room; it was damaged or removed."""


@dataclass(frozen=True)
class StoreFigures:
    """How full the store is, for all who share it.

    Attributes:
        names: Of all owners.
        contents: Different ones.
        owners: Who have at least one score.
        size_bytes: Of all contents.
    """

    names: int
    contents: int
    owners: int
    size_bytes: int


LimitName = Literal["max_scores", "max_scores_per_owner", "max_stored_bytes", "max_stored_bytes_per_owner"]
"""The bounds that a new score may be beyond."""

_COUNTED: Final[Mapping[LimitName, str]] = {
    "max_scores": "scores of all clients",
    "max_scores_per_owner": "scores of this client",
    "max_stored_bytes": "bytes of all scores",
    "max_stored_bytes_per_owner": "bytes of scores of this client",
}


def refuse_above(limit: LimitName, came: int, limits: StoreLimits) -> None:
    """Refuse a score with which there would be more than there may be.

    Args:
        limit: Name of the bound, and of its setting.
        came: How many there would be of what it counts.
        limits: The bounds.

    Raises:
        TooMuchScoreError: There would be.
    """
    most = getattr(limits, limit)
    if came <= most:
        return
    if limit.endswith("per_owner"):
        advice = "delete one that is not needed any more (delete_score)"
    else:
        advice = (
            f"all others have been used in the last {duration_text(limits.score_grace_s)} (setting "
            "score_grace_s), so none is freed for it; delete scores that are not needed any more, or try "
            "again later"
        )
    raise TooMuchScoreError(
        f"With this score there would be {came:,} {_COUNTED[limit]}, at most {most:,} are kept (setting "
        f"{limit}): {advice}."
    )


DELETED: Final = "it was deleted"
DAMAGED: Final = "it was damaged or removed"
"""Why a score is gone; the other reasons depend on the bounds."""


def lifetime_reason(limits: StoreLimits) -> str:
    """Return why a score is gone that nobody used."""
    return f"it had not been used for {duration_text(limits.score_lifetime_s)} (setting score_lifetime_s)"


def room_reason(limits: StoreLimits) -> str:
    """Return why a score is gone whose room was needed."""
    return (
        f"room was needed, and it had not been used for {duration_text(limits.score_grace_s)} (settings "
        "max_scores, max_stored_bytes and score_grace_s)"
    )


def duration_text(seconds: float) -> str:
    """Return a time as people say it: `24 hours`, `90 seconds`."""
    for unit, length_s in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.3g} {unit}"
    return f"{seconds:.3g} seconds"
