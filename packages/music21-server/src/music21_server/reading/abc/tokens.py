"""Tokens of ABC music (standard 2.1, section 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from music21_server.errors import UnreadableScoreError

_LENGTH: Final = r"\d*(?:/+\d*)?"
_NOTE: Final = (
    rf"(?P<accidental>\^\^|\^/|\^|__|_/|_|=)?(?P<letter>[A-Ga-g])(?P<octave>[,']{{0,8}})(?P<length>{_LENGTH})"
)
_TOKEN: Final = re.compile(
    rf"""
    (?P<space>[\s`\\$*;]+)
  | "(?P<quoted>[^"]*)(?:"|\Z)
  | !(?P<decoration>[^!\s|\[\]]{{1,60}})!
  | \+(?P<plus>[^+!\s|\[\]]{{1,60}})\+
  | \[(?P<field>[A-Za-z]):(?P<value>[^\]]{{0,500}})\]
  | \[?(?P<bar>(?:\[\||:*\.?\|)[|\]:]*|::+|:\])(?:\[?(?P<ending>\d[\d,.\-]*))?
  | \[(?P<late_ending>\d[\d,.\-]*)
  | \((?P<tuplet>\d)(?::(?P<time>\d{{0,2}}))?(?::(?P<count>\d{{0,2}}))?
  | (?P<overlay>\(&|&+\)?)
  | (?P<grace>\{{/?)
  | (?P<grace_end>\}})
  | (?P<slur>\.?[()])
  | (?P<chord>\[)
  | \](?P<chord_length>{_LENGTH})
  | {_NOTE}
  | (?P<rest>[zx])(?P<rest_length>{_LENGTH})
  | (?P<bars>[ZX])(?P<bar_count>\d{{0,4}})
  | y(?P<spacer>\d{{0,4}})
  | (?P<tie>\.?-)
  | (?P<broken><+|>+)
  | (?P<symbol>[.~H-Wh-w])
  | (?P<unknown>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_OTHER_NAMES: Final = {"plus": "decoration", "late_ending": "ending"}
_MOST_DIGITS: Final = 6
_MOST_SLASHES: Final = 10
_ACCIDENTALS: Final = {"^^": 200, "^": 100, "^/": 50, "=": 0, "_/": -50, "_": -100, "__": -200}


@dataclass(frozen=True)
class Token:
    """A token.

    Attributes:
        kind: Name of the group that matched: ``note``, ``rest``, ``bar``, ``quoted`` and so on.
        text: What matched, or its main part.
        length: Length of a note, rest or chord in units.
        alteration: Accidental of a note in cents; None without one.
        octave: Octave of a note, 4 for `C`.
        numbers: Numbers of a tuplet; 0 where omitted.
    """

    kind: str
    text: str = ""
    length: Fraction = Fraction(1)
    alteration: int | None = None
    octave: int = 4
    numbers: tuple[int, int, int] = (0, 0, 0)


def tokens(music: str) -> Iterator[Token]:
    """Yield the tokens of a line of music.

    Raises:
        UnreadableScoreError: A length is out of range.
    """
    for match in _TOKEN.finditer(music):
        if match["letter"]:
            yield _note(match)
        elif match["bar"]:
            yield Token("bar", match["bar"])
            if match["ending"]:
                yield Token("ending", match["ending"])
        elif match["space"] is None and match["spacer"] is None:
            yield _other(match)


def _other(match: re.Match[str]) -> Token:
    """Return a token that is neither a note nor a barline."""
    if match["field"]:
        return Token("field", match["field"] + match["value"].strip())
    if match["tuplet"]:
        time, count = (int(match[name] or 0) for name in ("time", "count"))
        return Token("tuplet", numbers=(int(match["tuplet"]), time, count))
    if match["rest"]:
        return Token("rest", match["rest"], _length(match["rest_length"]))
    if match["bars"]:
        return Token("bars", match["bars"], Fraction(int(match["bar_count"] or 1)))
    if match["chord_length"] is not None:
        return Token("chord_end", length=_length(match["chord_length"]))
    group = str(match.lastgroup)
    return Token(_OTHER_NAMES.get(group, group), match[group])


def _note(match: re.Match[str]) -> Token:
    letter, marks = match["letter"], match["octave"]
    octave = 4 + letter.islower() + marks.count("'") - marks.count(",")
    accidental = match["accidental"]
    return Token(
        "note",
        letter.upper(),
        _length(match["length"]),
        None if accidental is None else _ACCIDENTALS[accidental],
        octave,
    )


def _length(text: str) -> Fraction:
    """Return a length such as ``3``, ``3/2``, ``/``, ``//`` or empty, in units."""
    whole, slash, part = text.partition("/")
    slashes = 1 + len(part) - len(part.lstrip("/")) if slash else 0
    part = part.lstrip("/")
    is_in_range = max(len(whole), len(part)) <= _MOST_DIGITS and slashes <= _MOST_SLASHES
    divisor = (int(part) if part else 2**slashes) if is_in_range else 0
    if divisor == 0:
        raise UnreadableScoreError(f"Expected a length such as 3/2 in ABC, got {text[:40]!r}.")
    return Fraction(int(whole) if whole else 1, divisor)
