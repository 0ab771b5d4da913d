"""Names of stored scores."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from typing import Final

from music21_server.errors import ScoreError

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONGEST_MADE: Final = 48
"""Of a name that is made from a title: there must be room for a number behind it."""

_MOST_NEAR: Final = 3
_NEAR: Final = 0.4
"""How alike names must be to be offered, from 0 to 1 (difflib's ratio)."""


class BadNameError(ScoreError):
    """A name has other characters than names may have, or is too long."""


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


def make_name(title: str, taken: Collection[str]) -> str:
    """Return a name that is not taken, made from a title: `Ach-Gott` of ``Ach, Gott``."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    base = re.sub(r"[^A-Za-z0-9._]+", "-", plain)[:_LONGEST_MADE].strip("-._") or "score"
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
