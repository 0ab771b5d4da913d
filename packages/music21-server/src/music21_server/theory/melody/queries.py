"""What to search for: a melody, a rhythm or a contour as text.

Notes ``C4 D4 E-4 F#4`` (without octaves ``C D E`` any octave does; ``b`` and ``-`` are flats; a length in
quarter notes may follow: ``C4:1 D4:1/2``), intervals in semitones ``+2 +2 -4``, intervals by name ``M2 m3
-P5``, steps ``+1 +1 -2`` where asked for, lengths in quarter notes ``1 0.5 1/3`` (``r1`` is a rest), contours
``U D R``.
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

Notation = Literal["notes", "semitones", "intervals", "steps", "rhythm", "contour"]
"""How a query is written."""

MOST_WORDS: Final = 200

_NOTE: Final = re.compile(
    r"([A-Ga-g])(##?|bb?|--?|♯|♭)?(-?\d{1,2})?(?::(\d{1,6}(?:\.\d{1,6})?(?:/\d{1,6})?))?"
)
_SEMITONES: Final = re.compile(r"[+-]?\d{1,3}")
_INTERVAL: Final = re.compile(r"([+-]?)(P|M|m|A|AA|d|dd)([1-9]\d?)")
_LENGTH: Final = re.compile(r"([rR]?)((?:\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})(?:/\d{1,6})?)")
_CONTOUR: Final = re.compile(r"\*?[UDRSudrs]+")

_PERFECT: Final = (0, 3, 4)
_WAYS: Final = {"U": 1, "D": -1, "R": 0, "S": 0}

FORMS_OF_QUERIES: Final = (
    "notes `C4 D4 E-4 F#4` (or `C D E` in any octave, or with lengths in quarter notes `C4:1 D4:0.5`), "
    "intervals in semitones `+2 +2 -4`, intervals by name `M2 m3 -P5`, steps `+1 +1 -2` (with notation "
    "`steps`), a rhythm in quarter notes `1 0.5 1/3 r1`, or a contour `U D R` (up, down, repeat)"
)


@dataclass(frozen=True)
class Query:
    """A succession of notes to search for; what is None does not matter.

    Attributes:
        notation: How it was written.
        intervals: Between the notes; None for a rhythm.
        notes: Of a query in notes, each as step, alteration in cents, and octave (None: any); else None.
        lengths: Of each note in quarter notes (None: any); None where no length matters.
        rests: Rest after each note, in quarter notes; None where none matters.
    """

    notation: Notation
    intervals: tuple[WantedInterval, ...] | None
    notes: tuple[tuple[int, int, int | None], ...] | None = None
    lengths: tuple[Fraction | None, ...] | None = None
    rests: tuple[Fraction, ...] | None = None

    @property
    def size(self) -> int:
        """How many notes it has."""
        if self.intervals is not None:
            return len(self.intervals) + 1
        return len(self.lengths or ())


@dataclass(frozen=True)
class WantedInterval:
    """An interval to search for; what is None does not matter.

    Attributes:
        steps: On the staff, upwards; above 0 is up.
        cents: Likewise.
        way: 1 up, -1 down, 0 the same pitch.
        any_octave: Whether octaves may be added or taken away.
    """

    steps: int | None = None
    cents: int | None = None
    way: int | None = None
    any_octave: bool = False


def read_query(text: str, notation: str | None = None) -> Query:
    """Read a query.

    Args:
        text: Words with blanks or commas between them.
        notation: How it is written; None to tell from the words. (Steps look like semitones.)

    Raises:
        ScoreError: It is none of the forms, or too short or long.
    """
    words = text.replace(",", " ").split()
    if notation is not None and notation not in get_args(Notation):
        raise ScoreError(f"Expected notation out of: {', '.join(get_args(Notation))}; got {notation!r}.")
    if not words:
        raise ScoreError(f"Expected something to search for: {FORMS_OF_QUERIES}; got an empty text.")
    if len(words) > MOST_WORDS:
        raise ScoreError(
            f"Expected at most {MOST_WORDS} words in a query, got {len(words)}: search for its beginning."
        )
    for form, reader in _READERS.items():
        if form not in ([notation] if notation else _told(words)):
            continue
        query = reader(words)
        if query is not None:
            if query.size < 2:
                raise ScoreError(f"Expected at least two notes to search for, got {text!r}.")
            return query
    raise ScoreError(_wrong(text, words, notation))


def _told(words: list[str]) -> list[Notation]:
    """Return what the words may be, if the notation is not said: numbers without a sign are a rhythm."""
    is_signed = any(word[0] in "+-" or word == "0" for word in words)
    return ["notes", "semitones" if is_signed else "rhythm", "intervals", "contour"]


def _wrong(text: str, words: list[str], notation: str | None) -> str:
    shown = text if len(text) <= 60 else text[:57] + "..."
    wanted = FORMS_OF_QUERIES if notation is None else f"{notation}, out of these forms: {FORMS_OF_QUERIES}"
    readers = [_READERS[notation]] if notation in _READERS else list(_READERS.values())
    odd = next((word for word in words if all(reader([word, word]) is None for reader in readers)), None)
    hint = f" (`{odd}` is none of them)" if odd is not None else " (its words are of several forms)"
    return f"Expected one of: {wanted}; got {shown!r}{hint}."


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
) -> WantedInterval:
    octaves = 0 if any_octave else (other[2] or 0) - (one[2] or 0)
    steps = other[0] - one[0] + 7 * octaves
    natural = int(STEP_SEMITONES[other[0]] - STEP_SEMITONES[one[0]]) * 100 + 1200 * octaves
    return WantedInterval(steps, natural + other[1] - one[1], any_octave=any_octave)


def _read_semitones(words: list[str]) -> Query | None:
    if not all(_SEMITONES.fullmatch(word) for word in words):
        return None
    return Query("semitones", tuple(WantedInterval(cents=100 * int(word)) for word in words))


def _read_steps(words: list[str]) -> Query | None:
    if not all(_SEMITONES.fullmatch(word) for word in words):
        return None
    return Query("steps", tuple(WantedInterval(steps=int(word)) for word in words))


def _read_intervals(words: list[str]) -> Query | None:
    intervals = []
    for word in words:
        match = _INTERVAL.fullmatch(word)
        if match is None:
            return None
        steps = int(match[3]) - 1
        qualities = (
            {"dd": -200, "d": -100, "P": 0, "A": 100, "AA": 200}
            if steps % 7 in _PERFECT
            else {"dd": -300, "d": -200, "m": -100, "M": 0, "A": 100, "AA": 200}
        )
        if match[2] not in qualities:
            return None
        cents = int(STEP_SEMITONES[steps % 7]) * 100 + steps // 7 * 1200 + qualities[match[2]]
        sign = -1 if match[1] == "-" else 1
        intervals.append(WantedInterval(sign * steps, sign * cents))
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
            return None  # a rhythm begins with a note
    return Query("rhythm", None, lengths=tuple(lengths), rests=tuple(rests))


def _read_contour(words: list[str]) -> Query | None:
    if not all(_CONTOUR.fullmatch(word) or (word == "*" and not index) for index, word in enumerate(words)):
        return None
    ways = "".join(words).lstrip("*").upper()
    if "*" in ways:
        return None
    return Query("contour", tuple(WantedInterval(way=_WAYS[way]) for way in ways))


def _fraction(text: str | None) -> Fraction | None:
    """Return a number such as ``1``, ``0.5``, ``1/3``; None for nothing, or for what is no number above 0."""
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
