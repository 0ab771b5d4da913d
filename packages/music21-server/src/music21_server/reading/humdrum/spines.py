"""Spines of a Humdrum document and their paths: splits, joins, exchanges, additions and ends.

Humdrum User Guide, chapter 5: a spine is a column of tokens that begins with an exclusive interpretation
(`**`). ``*^`` splits it, adjacent ``*v`` join, two ``*x`` change places, ``*+``
adds one, ``*-`` ends one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from typing import Final

NULL_TOKENS: Final = frozenset({"", ".", "*", "!"})
"""Tokens that say nothing of their spine."""

SPLIT, JOIN, EXCHANGE, ADD, END = "*^", "*v", "*x", "*+", "*-"
PATH_INDICATORS: Final = frozenset({SPLIT, JOIN, EXCHANGE, ADD, END})
"""Tokens that change the paths of spines."""


@dataclass
class Spine:
    """A spine: its kind without stars, such as ``kern``, and its number in order of appearance."""

    kind: str
    number: int


@dataclass
class Path:
    """A path of a spine; a spine that is split has several.

    Attributes:
        spine: Spine that it belongs to; None until an exclusive interpretation names it.
        end: Time at which its last note or rest ends, in quarter notes.
    """

    spine: Spine | None = None
    end: Fraction = Fraction(0)


@dataclass
class Paths:
    """Paths in the order of the columns."""

    paths: list[Path] = field(default_factory=list)
    spines: int = 0

    def tokens(self, line: str) -> list[str]:
        """Return a token for each path; those that a line lacks are null tokens, further ones are ignored."""
        tokens = line.split("\t")[: len(self.paths)]
        return tokens + ["."] * (len(self.paths) - len(tokens))

    def begin(self, tokens: Sequence[str]) -> None:
        """Take a line of exclusive interpretations: of all columns, or of those that `*+` has added."""
        if not self.paths:
            self.paths = [Path() for _ in tokens]
        for path, token in zip(self.paths, tokens, strict=False):
            if token.startswith("**"):
                path.spine = Spine(token[2:], self.spines)
                self.spines += 1

    def change(self, tokens: Sequence[str]) -> None:
        """Take a line with spine path indicators."""
        changed: list[Path] = []
        exchanged: int | None = None
        places = list(zip(self.paths, tokens, strict=True))
        for kind, group in groupby(places, key=lambda each: each[1] == JOIN):
            members = list(group)
            if kind:
                changed += _joined([path for path, _ in members])
                continue
            for path, token in members:
                if token == END:
                    continue
                changed.append(path)
                if token == SPLIT:
                    changed.append(Path(path.spine, path.end))
                elif token == ADD:
                    changed.append(Path(None, path.end))
                elif token == EXCHANGE and exchanged is None:
                    exchanged = len(changed) - 1
                elif token == EXCHANGE and exchanged is not None:
                    changed[exchanged], changed[-1] = changed[-1], changed[exchanged]
                    exchanged = None
        self.paths = changed

    def voices(self) -> Iterator[tuple[int, Path, int]]:
        """Yield the column of each path, the path, and its rank among the paths of its spine."""
        ranks: dict[int, int] = {}
        for column, path in enumerate(self.paths):
            if path.spine is not None:
                rank = ranks.get(path.spine.number, 0)
                ranks[path.spine.number] = rank + 1
                yield column, path, rank


def _joined(paths: list[Path]) -> Iterator[Path]:
    """Yield one path for each spine of adjacent paths that join."""
    for _, group in groupby(paths, key=lambda path: id(path.spine)):
        members = list(group)
        members[0].end = max(path.end for path in members)
        yield members[0]
