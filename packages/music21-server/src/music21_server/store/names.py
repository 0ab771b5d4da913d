"""Names of stored scores: validation, generation, and error messages."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from typing import Final

from music21_server.errors import ScoreError, UnknownScoreError

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_GENERATED_CHARACTERS: Final = 48
"""Longest name generated from a title, which leaves room for a number after it."""

_MAX_SUGGESTIONS: Final = 3
_MIN_SIMILARITY: Final = 0.4
"""Smallest similarity of a suggested name, from 0 to 1 (difflib's ratio)."""


class BadNameError(ScoreError):
    """A name has invalid characters or is too long."""


class TakenNameError(ScoreError):
    """The name belongs to another score."""


def check_name(name: str) -> None:
    """Raise BadNameError if `name` is invalid."""
    if not _NAME.fullmatch(name):
        raise BadNameError(
            f"Expected a name of 1 to 64 letters (a to z), digits, '.', '_' or '-', got {name[:80]!r}. "
            "Choose such a name, or omit it to get one made from the title."
        )


def name_from(title: str) -> str:
    """Return a name made from a title: `Ach-Gott` for ``Ach, Gott``."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._]+", "-", plain)[:_MAX_GENERATED_CHARACTERS].strip("-._") or "score"


def make_name(title: str, taken: Collection[str]) -> str:
    """Return an unused name made from a title, numbered if necessary: `Ach-Gott-2`."""
    base = name_from(title)
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def similar_names(name: str, names: Collection[str]) -> list[str]:
    """Return the names most similar to `name`, the most similar first."""
    folded = {other.casefold(): other for other in names}
    matches = difflib.get_close_matches(
        name[:80].casefold(), folded, n=_MAX_SUGGESTIONS, cutoff=_MIN_SIMILARITY
    )
    return [folded[other] for other in matches]


def taken_name(name: str) -> TakenNameError:
    """Return the error for a name that belongs to another score."""
    return TakenNameError(
        f"The name {name!r} belongs to another score: choose another name, or delete that score first "
        "(delete_score)."
    )


def unknown_score(name: str, names: Collection[str], reason: str | None, loss: str = "") -> UnknownScoreError:
    """Return the error for a missing score: why it is gone, or which similar names exist.

    Args:
        name: Requested name.
        names: All names of the owner.
        reason: Reason why the score is gone; None if it is not recorded.
        loss: Sentence about data that the store has lost, or "".
    """
    others = f"Call list_scores for all {len(names)} names" if names else "No score is stored"
    if reason is not None:
        return UnknownScoreError(
            f"The score {name!r} is no longer stored: {reason}. {others}; import_score stores it again."
        )
    suggestions = similar_names(name, names)
    similar = f" Similar names: {', '.join(map(repr, suggestions))}." if suggestions else ""
    lost = f" {loss}" if loss else ""
    return UnknownScoreError(
        f"Expected the name of a stored score, got {name[:80]!r}.{similar}{lost} {others}; import_score "
        "stores a score."
    )
