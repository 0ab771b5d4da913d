"""The works with a published analysis: 20 chorales by Bach and 48 madrigals by Monteverdi.

Both the scores and the analyses (RomanText) ship with music21. The analyses of the chorales are by Andrew
Jones, Dmitri Tymoczko and Hamish Robb, those of the madrigals by Steve Taylor, Dmitri Tymoczko and others, as
their headers say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import music21
from lxml import etree

from music21_server.reading.mxl_archive import unpack
from music21_server.score.limits import Limits

Collection = Literal["chorales", "madrigals"]
COLLECTIONS: Final[tuple[Collection, ...]] = ("chorales", "madrigals")

_SCORE_OF_BWV: Final[Mapping[str, str]] = {"248(2).12": "248.12-2", "41.6s": "41.6"}
"""File names that differ from the catalogue number in the analysis."""


@dataclass(frozen=True)
class Passage:
    """Bars of an analysis, and their place in the score.

    Attributes:
        first: Number of the first bar in the analysis.
        last: Number of the last bar in the analysis.
        in_score: Number of the first bar in the score.
    """

    first: int
    last: int
    in_score: int


_PASSAGES: Final[Mapping[str, tuple[Passage, ...]]] = {
    # The score is that of the cantata, with trumpet interludes.
    "riemenschneider011": (Passage(0, 4, 0), Passage(5, 8, 6), Passage(9, 32, 11)),
    # The score writes out the repeat of the first phrases.
    "riemenschneider015": (Passage(0, 4, 0), Passage(0, 0, 4), Passage(1, 4, 5), Passage(5, 12, 9)),
}
"""Passages of works whose analysis and score number their bars differently."""

_SEMITONES: Final[Mapping[str, int]] = {"riemenschneider014": -5, "riemenschneider017": 2}
"""Semitones from the key of the analysis to that of the score."""

_WHOLE: Final = (Passage(0, 9999, 0),)


@dataclass(frozen=True)
class Work:
    """A work with an analysis.

    Attributes:
        name: Name of the analysis, such as ``madrigal.3.1``.
        collection: Collection that it belongs to.
        number: Number within its collection or book. Even numbers tuned the parameters, odd ones evaluate
            them.
        score: MusicXML file, compressed or not.
        analysis: RomanText file.
        passages: Places of the analysis' bars in the score.
        semitones: Semitones from the key of the analysis up to that of the score.
    """

    name: str
    collection: Collection
    number: int
    score: Path
    analysis: Path
    passages: tuple[Passage, ...] = _WHOLE
    semitones: int = 0

    @property
    def is_judged(self) -> bool:
        """Whether the work is used for evaluation, and not for tuning."""
        return self.number % 2 == 1


@cache
def all_works() -> tuple[Work, ...]:
    """Return all works, the chorales first.

    Raises:
        FileNotFoundError: The corpus, or one of its scores, is missing.
    """
    corpus = Path(music21.__file__).parent / "corpus"
    chorales = sorted((corpus / "bach" / "choraleAnalyses").glob("riemenschneider*.rntxt"))
    madrigals = sorted((corpus / "monteverdi").glob("madrigal.*.rntxt"), key=_numbers)
    works = (*map(_chorale, chorales), *map(_madrigal, madrigals))
    missing = [str(work.score) for work in works if not work.score.is_file()]
    if missing or not works:
        raise FileNotFoundError(
            f"expected music21 with its corpus, got one without {', '.join(missing) or 'analyses'}: install "
            "music21 from PyPI"
        )
    return works


def _chorale(analysis: Path) -> Work:
    match = re.search(r"^BWV: *(\S+)", analysis.read_text("utf-8"), re.MULTILINE)
    bwv = match[1] if match else ""
    score = analysis.parent.parent / f"bwv{_SCORE_OF_BWV.get(bwv, bwv)}.mxl"
    number = _numbers(analysis)[-1]
    return Work(
        analysis.stem,
        "chorales",
        number,
        score,
        analysis,
        _PASSAGES.get(analysis.stem, _WHOLE),
        _SEMITONES.get(analysis.stem, 0),
    )


def _madrigal(analysis: Path) -> Work:
    return Work(analysis.stem, "madrigals", _numbers(analysis)[-1], analysis.with_suffix(".mxl"), analysis)


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.stem)]


def document(work: Work) -> bytes:
    """Return a score as MusicXML without chord symbols, which would give the answers away."""
    content = work.score.read_bytes()
    tree = etree.fromstring(unpack(content, Limits()) if content.startswith(b"PK") else content)
    for symbol in list(tree.iter("harmony")):
        symbol.getparent().remove(symbol)
    return etree.tostring(tree, xml_declaration=True, encoding="UTF-8")
