"""Names of stored scores, and what is said when one is wrong."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from typing import Final

from music21_server.errors import ScoreError, UnknownScoreError

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONGEST_MADE: Final = 48
"""Of a name that is made from a title: there must be room for a number behind it."""

_MOST_NEAR: Final = 3
_NEAR: Final = 0.4
"""How alike names must be to be offered, from 0 to 1 (difflib's ratio)."""


class BadNameError(ScoreError):
    """A name has other characters than names may have, or is too long."""


class TakenNameError(ScoreError):
    """The name stands for another score."""


def check_name(name: str) -> None:
    """Refuse what cannot be a name.

    Raises:
        BadNameError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise BadNameError(
            f"Expected a name of 1 to 64 letters (a to z), digits, '.', '_' or '-', got {name[:80]!r}. "
            "Choose such a name, or give none: one is made from the title."
        )


def name_from(title: str) -> str:
    """Return a name made from a title: `Ach-Gott` of ``Ach, Gott``."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._]+", "-", plain)[:_LONGEST_MADE].strip("-._") or "score"


def make_name(title: str, taken: Collection[str]) -> str:
    """Return a name that is not taken, made from a title; numbered if need be: `Ach-Gott-2`."""
    base = name_from(title)
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def nearest(name: str, names: Collection[str]) -> list[str]:
    """Return those of the names that are most like one, the likest first."""
    folded = {other.casefold(): other for other in names}
    found = difflib.get_close_matches(name[:80].casefold(), folded, n=_MOST_NEAR, cutoff=_NEAR)
    return [folded[other] for other in found]


def taken_name(name: str) -> TakenNameError:
    """Return the error for a name that stands for another score."""
    return TakenNameError(
        f"The name {name!r} stands for another score: choose another name, or delete that score first "
        "(delete_score)."
    )


def unknown_score(name: str, names: Collection[str], reason: str | None, loss: str = "") -> UnknownScoreError:
    """Return the error that says what became of a score, or which ones there are.

    Args:
        name: That was asked for.
        names: The owner's.
        reason: Why it is gone, None when nothing is known of it.
        loss: A sentence about what the store has lost.
    """
    others = f"Call list_scores for all {len(names)} names" if names else "No score is stored now"
    if reason is not None:
        return UnknownScoreError(
            f"The score {name!r} is not stored any more: {reason}. {others}; import_score stores it again."
        )
    near = nearest(name, names)
    alike = f" The nearest: {', '.join(map(repr, near))}." if near else ""
    lost = f" {loss}" if loss else ""
    return UnknownScoreError(
        f"Expected the name of a stored score, got {name[:80]!r}.{alike}{lost} {others}; import_score stores "
        "a score."
    )
