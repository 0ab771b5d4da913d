"""The works of music21's corpus that represent each style."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from music21_server.composition.imitation.pieces import Piece, piece_of
from music21_server.errors import ScoreError
from music21_server.reading.abc.tunes import tunes
from music21_server.reading.formats import read
from music21_server.reading.locations import corpus_works, from_corpus
from music21_server.reading.music21_formats import as_text
from music21_server.score.document import Document
from music21_server.score.limits import Limits


@dataclass(frozen=True)
class Style:
    """Works of the corpus that represent a style.

    Attributes:
        title: Name of the style in titles.
        works: Regular expression for the names of the works.
        required_content: Regular expression that documents must contain, which skips works in other metres;
            empty if any content will do.
    """

    title: str
    works: str
    required_content: bytes = b""


STYLES: Final[Mapping[str, Style]] = {
    "bach": Style("Bach's chorales", r"bach/bwv\d.*"),
    "beethoven": Style("Beethoven's quartets", r"beethoven/.+/movement.*"),
    "haydn": Style("Haydn's quartets", r"haydn/.*"),
    "monteverdi": Style("Monteverdi's madrigals", r"monteverdi/madrigal.*"),
    "mozart": Style("Mozart's quartets", r"mozart/.*"),
    "palestrina": Style(
        "Palestrina's masses",
        r"palestrina/(kyrie|agnus|benedictus|hosanna|sanctus).*",
        rb"(?m)^(\*\*kern\t){3}\*\*kern$(?s:.{0,400})^\*M4/2",
    ),
    "trecento": Style("the Italian trecento", r"trecento/.*"),
    "jigs": Style(
        "Irish and American jigs", r"(ryansmammoth|oneills1850|airdsairs)/.*jig.*", rb"(?m)^M: *6/8"
    ),
    "reels": Style("Irish and American reels", r"ryansmammoth/.*reel.*", rb"(?m)^M: *2/4"),
    "folk-songs": Style("German folk songs", r"essenfolksong/(erk|kinder)\d*"),
}
"""Styles by name."""

_MOST_NOTES: Final = 15_000
_MOST_CONVERTED_NOTES: Final = 900
"""Limits on the notes read for a style; lower for works that music21 converts, which takes far longer."""


@functools.lru_cache(maxsize=3)
def pieces_of(style: str) -> tuple[Piece, ...]:
    """Return works of a style, a name in `STYLES`, evenly spread over all of them."""
    pieces: list[Piece] = []
    share = 0.0
    for name in _spread(works_of(style)):
        document = _document(name)
        if not re.search(STYLES[style].required_content, document.content):
            continue
        try:
            score = read(document, Limits())
            pieces.append(piece_of(name, score))
        except ScoreError:
            continue
        is_converted = document.kind not in ("musicxml", "mxl")
        share += len(score.notes) / (_MOST_CONVERTED_NOTES if is_converted else _MOST_NOTES)
        if share >= 1:
            break
    return tuple(pieces)


def works_of(style: str) -> list[str]:
    """Return the names of all works of a style; books of tunes yield one name for each tune."""
    pattern = re.compile(STYLES[style].works)
    names: list[str] = []
    for name in sorted(name for name in corpus_works() if pattern.fullmatch(name)):
        numbers = _numbers(name) if name.startswith(_BOOKS) else ()
        names += [f"{name}#{number}" for number in numbers] or [name]
    return names


_BOOKS: Final = "essenfolksong/"


@functools.lru_cache(maxsize=64)
def _book(name: str) -> dict[int, str]:
    return {tune.number: tune.text for tune in tunes(as_text(corpus_works()[name].read_bytes()))}


def _numbers(name: str) -> list[int]:
    return sorted(_book(name))


def _document(name: str) -> Document:
    book, _, number = name.partition("#")
    return Document("abc", _book(book)[int(number)].encode()) if number else from_corpus(name)


def _spread(names: list[str]) -> Iterator[str]:
    """Yield names in van der Corput order, of which every prefix is spread evenly over all names."""
    bits = len(names).bit_length()
    order = sorted(range(len(names)), key=lambda index: int(f"{index:0{bits}b}"[::-1], 2))
    yield from (names[index] for index in order)
