"""Search queries as text: a melody, a rhythm or a contour.

Notes are ``C4 D4 E-4 F#4``. Without octaves, ``C D E`` matches in any octave; ``b`` and ``-`` are flats; a
length in quarter notes may follow: ``C4:1 D4:1/2``. Other forms are intervals in semitones ``+2 +2 -4``,
intervals by name ``M2 m3 -P5``, steps ``+1 +1 -2`` if requested, lengths in quarter notes ``1 0.5 1/3``
(``r1`` is a rest), and contours ``U D R``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final, Literal, get_args

from music21_server.errors import ScoreError
from music21_server.score.table import STEP_SEMITONES, STEPS
from music21_server.theory.pitch.intervals import qualities

Notation = Literal["notes", "semitones", "intervals", "steps", "rhythm", "contour"]
"""The notation of a query."""

MOST_WORDS: Final = 200

_NOTE: Final = re.compile(
    r"([A-Ga-g])(##?|bb?|--?|♯|♭)?(-?\d{1,2})?(?::(\d{1,6}(?:\.\d{1,6})?(?:/\d{1,6})?))?"
)
_SEMITONES: Final = re.compile(r"[+-]?\d{1,3}")
_INTERVAL: Final = re.compile(r"([+-]?)(P|M|m|A|AA|d|dd)([1-9]\d?)")
_LENGTH: Final = re.compile(r"([rR]?)((?:\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})(?:/\d{1,6})?)")
_CONTOUR: Final = re.compile(r"\*?[UDRSudrs]+")

_DIRECTIONS: Final = {"U": 1, "D": -1, "R": 0, "S": 0}

QUERY_FORMS: Final = (
    "notes `C4 D4 E-4 F#4` (or `C D E` in any octave, or with lengths in quarter notes `C4:1 D4:0.5`), "
    "intervals in semitones `+2 +2 -4`, intervals by name `M2 m3 -P5`, steps `+1 +1 -2` (with notation "
    "`steps`), a rhythm in quarter notes `1 0.5 1/3 r1`, or a contour `U D R` (up, down, repeat)"
)


@dataclass(frozen=True)
class Query:
    """A series of notes to search for; whatever is None does not matter.

    Attributes:
        notation: Notation of the query.
        intervals: Intervals between the notes; None for a rhythm.
        notes: Step, alteration in cents and octave (None for any) of each note in a query of notes; otherwise
            None.
        lengths: Length of each note in quarter notes (None for any); None if no length matters.
        rests: Rest after each note in quarter notes; None if rests do not matter.
    """

    notation: Notation
    intervals: tuple[QueryInterval, ...] | None
    notes: tuple[tuple[int, int, int | None], ...] | None = None
    lengths: tuple[Fraction | None, ...] | None = None
    rests: tuple[Fraction, ...] | None = None

    @property
    def size(self) -> int:
        """Number of notes."""
        if self.intervals is not None:
            return len(self.intervals) + 1
        return len(self.lengths or ())


@dataclass(frozen=True)
class QueryInterval:
    """An interval to search for; whatever is None does not matter.

    Attributes:
        steps: Steps on the staff; positive is up.
        cents: Distance in cents; positive is up.
        direction: 1 up, -1 down, 0 the same pitch.
        any_octave: Whether octaves may be added or removed.
    """

    steps: int | None = None
    cents: int | None = None
    direction: int | None = None
    any_octave: bool = False


def read_query(text: str, notation: str | None = None) -> Query:
    """Parse a query.

    Args:
        text: Words separated by blanks or commas.
        notation: Notation of the query; None to recognise it by the words (steps are then read as semitones).

    Raises:
        ScoreError: The text is not a query, or it is too short or too long.
    """
    words = text.replace(",", " ").split()
    if notation is not None and notation not in get_args(Notation):
        raise ScoreError(f"Expected a notation from {', '.join(get_args(Notation))}; got {notation!r}.")
    if not words:
        raise ScoreError(f"Expected something to search for: {QUERY_FORMS}; got an empty text.")
    if len(words) > MOST_WORDS:
        raise ScoreError(
            f"Expected at most {MOST_WORDS} words in a query, got {len(words)}: search for its beginning."
        )
    for form, reader in _READERS.items():
        if form not in ([notation] if notation else _possible_notations(words)):
            continue
        query = reader(words)
        if query is not None:
            if query.size < 2:
                raise ScoreError(f"Expected at least two notes to search for, got {text!r}.")
            return query
    raise ScoreError(_error_text(text, words, notation))


def _possible_notations(words: list[str]) -> list[Notation]:
    """Return the notations that the words may have; numbers without a sign are a rhythm."""
    is_signed = any(word[0] in "+-" or word == "0" for word in words)
    return ["notes", "semitones" if is_signed else "rhythm", "intervals", "contour"]


def _error_text(text: str, words: list[str], notation: str | None) -> str:
    shown = text if len(text) <= 60 else text[:57] + "..."
    expected = QUERY_FORMS if notation is None else f"{notation} (of the forms {QUERY_FORMS})"
    readers = [_READERS[notation]] if notation in _READERS else list(_READERS.values())
    odd = next((word for word in words if all(reader([word, word]) is None for reader in readers)), None)
    hint = f" (`{odd}` is none of them)" if odd is not None else " (its words are of several forms)"
    return f"Expected one of: {expected}; got {shown!r}{hint}."


def _read_notes(words: list[str]) -> Query | None:
    notes, lengths = [], []
    for word in words:
        match = _NOTE.fullmatch(word)
        length = None if match is None else _fraction(match[4])
        if match is None or (match[4] and not length):
            return None
        sign = (match[2] or "").replace("♯", "#").replace("♭", "-").replace("b", "-")
        # `B-3` is B flat 3, as music21 writes it; octaves below 0 are not needed.
        alter = 100 * (sign.count("#") - sign.count("-"))
        octave = None if match[3] is None else int(match[3])
        notes.append((STEPS.index(match[1].upper()), alter, octave))
        lengths.append(length)
    any_octave = any(octave is None for _, _, octave in notes)
    return Query(
        "notes",
        tuple(_between(one, other, any_octave=any_octave) for one, other in pairwise(notes)),
        notes=tuple(notes),
        lengths=tuple(lengths) if any(lengths) else None,
    )


def _between(
    one: tuple[int, int, int | None], other: tuple[int, int, int | None], *, any_octave: bool
) -> QueryInterval:
    octaves = 0 if any_octave else (other[2] or 0) - (one[2] or 0)
    steps = other[0] - one[0] + 7 * octaves
    natural = int(STEP_SEMITONES[other[0]] - STEP_SEMITONES[one[0]]) * 100 + 1200 * octaves
    return QueryInterval(steps, natural + other[1] - one[1], any_octave=any_octave)


def _read_semitones(words: list[str]) -> Query | None:
    if not all(_SEMITONES.fullmatch(word) for word in words):
        return None
    return Query("semitones", tuple(QueryInterval(cents=100 * int(word)) for word in words))


def _read_steps(words: list[str]) -> Query | None:
    if not all(_SEMITONES.fullmatch(word) for word in words):
        return None
    return Query("steps", tuple(QueryInterval(steps=int(word)) for word in words))


def _read_intervals(words: list[str]) -> Query | None:
    intervals = []
    for word in words:
        match = _INTERVAL.fullmatch(word)
        if match is None:
            return None
        steps = int(match[3]) - 1
        off_cents = {quality: cents for cents, quality in qualities(steps).items()}.get(match[2])
        if off_cents is None:
            return None
        cents = int(STEP_SEMITONES[steps % 7]) * 100 + steps // 7 * 1200 + off_cents
        sign = -1 if match[1] == "-" else 1
        intervals.append(QueryInterval(sign * steps, sign * cents))
    return Query("intervals", tuple(intervals))


def _read_rhythm(words: list[str]) -> Query | None:
    lengths: list[Fraction | None] = []
    rests: list[Fraction] = []
    for word in words:
        match = _LENGTH.fullmatch(word)
        length = None if match is None else _fraction(match[2])
        if match is None or not length:
            return None
        if not match[1]:
            lengths.append(length)
            rests.append(Fraction(0))
        elif rests:
            rests[-1] += length
        else:
            return None  # a rhythm must begin with a note
    return Query("rhythm", None, lengths=tuple(lengths), rests=tuple(rests))


def _read_contour(words: list[str]) -> Query | None:
    if not all(_CONTOUR.fullmatch(word) or (word == "*" and not index) for index, word in enumerate(words)):
        return None
    directions = "".join(words).lstrip("*").upper()
    if "*" in directions:
        return None
    return Query(
        "contour", tuple(QueryInterval(direction=_DIRECTIONS[direction]) for direction in directions)
    )


def _fraction(text: str | None) -> Fraction | None:
    """Return a number such as ``1``, ``0.5`` or ``1/3``; None without one or if it is 0."""
    if not text:
        return None
    number, _, divisor = text.partition("/")
    if divisor and not int(divisor):
        return None
    return Fraction(number) / int(divisor or 1) or None


_READERS: Final[dict[Notation, Callable[[list[str]], Query | None]]] = {
    "notes": _read_notes,
    "semitones": _read_semitones,
    "steps": _read_steps,
    "intervals": _read_intervals,
    "rhythm": _read_rhythm,
    "contour": _read_contour,
}
