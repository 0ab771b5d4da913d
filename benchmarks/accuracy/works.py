"""The works that have a published analysis: 20 chorales by Bach, 48 madrigals by Monteverdi.

Both the scores and the analyses (RomanText) come with music21. The analyses of the chorales are by Andrew
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
"""Where the file is called otherwise than the analysis calls the work."""


@dataclass(frozen=True)
class Passage:
    """Bars of an analysis and where they are in the score.

    Attributes:
        first: Number of the first bar in the analysis.
        last: Number of the last one.
        in_score: Number of the first one in the score.
    """

    first: int
    last: int
    in_score: int


_PASSAGES: Final[Mapping[str, tuple[Passage, ...]]] = {
    # The score is of the cantata, with interludes of trumpets.
    "riemenschneider011": (Passage(0, 4, 0), Passage(5, 8, 6), Passage(9, 32, 11)),
    # The score writes out the repeat of the first phrases.
    "riemenschneider015": (Passage(0, 4, 0), Passage(0, 0, 4), Passage(1, 4, 5), Passage(5, 12, 9)),
}
"""Where the analysis and the score count bars differently."""

_SEMITONES: Final[Mapping[str, int]] = {"riemenschneider014": -5, "riemenschneider017": 2}
"""From the key of the analysis to that of the score."""

_WHOLE: Final = (Passage(0, 9999, 0),)


@dataclass(frozen=True)
class Work:
    """A work with an analysis.

    Attributes:
        name: Of the analysis, such as ``madrigal.3.1``.
        collection: Which it belongs to.
        number: Within its collection or book; even ones choose parameters, odd ones judge.
        score: MusicXML, compressed or not.
        analysis: RomanText.
        passages: Where the bars of the analysis are in the score.
        semitones: From the key of the analysis up to that of the score.
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
        """Whether it had no say in the choice of parameters."""
        return self.number % 2 == 1


@cache
def all_works() -> tuple[Work, ...]:
    """Return all works, the chorales first.

    Raises:
        FileNotFoundError: The corpus is not there, or a score of it.
    """
    corpus = Path(music21.__file__).parent / "corpus"
    chorales = sorted((corpus / "bach" / "choraleAnalyses").glob("riemenschneider*.rntxt"))
    madrigals = sorted((corpus / "monteverdi").glob("madrigal.*.rntxt"), key=_numbers)
    found = (*map(_chorale, chorales), *map(_madrigal, madrigals))
    missing = [str(work.score) for work in found if not work.score.is_file()]
    if missing or not found:
        raise FileNotFoundError(
            f"Expected music21 with its corpus; without {', '.join(missing) or 'analyses'} nothing can be "
            "compared: install music21 as it comes from PyPI."
        )
    return found


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
    """Return a score as MusicXML without chord symbols, which would tell what is asked for."""
    content = work.score.read_bytes()
    tree = etree.fromstring(unpack(content, Limits()) if content.startswith(b"PK") else content)
    for symbol in list(tree.iter("harmony")):
        symbol.getparent().remove(symbol)
    return etree.tostring(tree, xml_declaration=True, encoding="UTF-8")
