"""Lines of an ABC tune: fields and music, without comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from music21_server.errors import TooMuchScoreError

_FIELD: Final = re.compile(r"([A-Za-z+]):(.*)", re.DOTALL)
_BODY_FIELDS: Final = frozenset("IKLMmNPQRrsTUVWw+")
"""Fields that may stand among the music; other letters with a colon are notes before a repeat sign."""

_COMMENT: Final = re.compile(r"(?<!\\)%")
_MACRO: Final = re.compile(r"\s*([^\s=][^=]*?)\s*=\s*(.*)", re.DOTALL)
_NOTE: Final = "n"
_MOST_MACROS: Final = 100
_LONGEST_LINE: Final = 200_000
_MOST_MARKS: Final = 8
"""Most octave marks of a note that a macro stands for; so many characters may each placeholder become."""

_LONGEST_MACRO: Final = 2_000


@dataclass(frozen=True)
class Line:
    """A line: a field by its letter, a directive (`%%`), or music with the letter empty.

    Attributes:
        letter: Letter of a field, ``%`` for a directive, empty for music.
        text: Content.
        continues: Whether the music goes on in the next line without a break.
    """

    letter: str
    text: str
    continues: bool = False


def lines(text: str) -> Iterator[Line]:
    """Yield the lines of a tune, with continued fields joined."""
    is_body = False
    held: Line | None = None
    for raw in text.splitlines():
        line = _line(raw, is_body=is_body)
        if line is None:
            continue
        if line.letter == "+" and held is not None:
            held = Line(held.letter, f"{held.text} {line.text}")
            continue
        if held is not None:
            yield held
        held = line
        is_body = is_body or line.letter == "K"
    if held is not None:
        yield held


def _line(raw: str, *, is_body: bool) -> Line | None:
    if raw.startswith("%%"):
        return Line("%", raw[2:].strip())
    text = _COMMENT.split(raw, maxsplit=1)[0].rstrip()
    if not text:
        return None
    field = _FIELD.match(text)
    if field is not None and (not is_body or field[1] in _BODY_FIELDS):
        return Line(field[1], field[2].strip())
    if not is_body:
        return None  # free text between the fields
    continues = text.endswith("\\")
    return Line("", text.removesuffix("\\"), continues)


class Macros:
    """Macros (`m:`): texts that stand for others, or with an ``n`` for any note (standard, section 9)."""

    def __init__(self) -> None:
        self._plain: dict[str, str] = {}
        self._of_notes: list[tuple[re.Pattern[str], str]] = []

    def add(self, field: str) -> None:
        """Take a field such as ``~g2 = {a}g{f}g``.

        Raises:
            TooMuchScoreError: It is too long.
        """
        if len(field) > _LONGEST_MACRO:
            raise TooMuchScoreError(
                f"Expected macros (m:) of at most {_LONGEST_MACRO:,} characters, got {len(field):,}: write "
                "the notes themselves."
            )
        match = _MACRO.fullmatch(field)
        if match is None or len(self._plain) + len(self._of_notes) >= _MOST_MACROS:
            return
        target, text = match[1].strip(), match[2].strip()
        if re.search(rf"(?<![a-z]){_NOTE}(?![a-z])", target):
            pattern = re.escape(target).replace(_NOTE, rf"([A-Ga-g][,']{{0,{_MOST_MARKS}}})", 1)
            self._of_notes.append((re.compile(pattern), text))
        else:
            self._plain[target] = text

    def applied(self, music: str) -> str:
        """Return music with all macros replaced, once.

        Raises:
            TooMuchScoreError: The line would become too long; each macro may multiply what others have made.
        """
        for target, text in self._plain.items():
            _check_length(len(music) + music.count(target) * len(text))
            music = music.replace(target, text)
        for pattern, text in self._of_notes:
            matches = sum(1 for _ in pattern.finditer(music))
            _check_length(len(music) + matches * _MOST_MARKS * len(text))
            music = pattern.sub(partial(_expanded, text), music)
        return music


def _check_length(characters: int) -> None:
    if characters > _LONGEST_LINE:
        raise TooMuchScoreError(
            f"Expected macros (m:) that make a line of at most {_LONGEST_LINE:,} characters, got about "
            f"{characters:,}: write the notes themselves."
        )


_LETTERS: Final = "CDEFGABcdefgab"
_PLACEHOLDER: Final = re.compile(r"(?<![!])([h-z])(?![!])")


def _expanded(text: str, match: re.Match[str]) -> str:
    """Return a macro's text for a note: ``n`` is the note, ``o`` the next above, ``m`` the next below."""
    letter, marks = match[1][0], match[1][1:]
    place = _LETTERS.index(letter) + 7 * (marks.count("'") - marks.count(","))

    def name(placeholder: re.Match[str]) -> str:
        return _abc_name(place + ord(placeholder[1]) - ord(_NOTE))

    return _PLACEHOLDER.sub(name, text)


def _abc_name(place: int) -> str:
    """Return the ABC name of a place on the staff, from 0 for `C`."""
    if place < 0:
        octaves = -(place // 7)
        return _LETTERS[place % 7] + "," * octaves
    if place >= len(_LETTERS):
        octaves = (place - 7) // 7
        return _LETTERS[7 + place % 7] + "'" * octaves
    return _LETTERS[place]
