"""Documents to measure with, and what must be in them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import music21.corpus

from music21_server.reading.musicxml import read_musicxml
from music21_server.reading.mxl_archive import unpack
from music21_server.score.limits import Limits
from music21_server.synthetic_scores import ScoreStatistics, score_statistics

LEAST_RELATIVE_SONORITIES: Final = 500
"""In scores of some length; in short ones three for every bar."""


def corpus_work(name: str) -> bytes:
    """Return the MusicXML of a work in music21's corpus."""
    content = Path(music21.corpus.getWork(name)).read_bytes()
    return unpack(content, Limits()) if content.startswith(b"PK") else content


def written(folder: Path, documents: Iterable[tuple[str, bytes]]) -> list[Path]:
    """Write documents into a folder, each under its name."""
    paths = []
    for name, document in documents:
        path = folder / name
        path.write_bytes(document)
        paths.append(path)
    return paths


def counted(document: bytes, shape: str) -> ScoreStatistics:
    """Count what is in a score, and refuse to measure one that is too easy.

    Raises:
        SystemExit: Something is missing that real ones have.
    """
    found = score_statistics(read_musicxml(document, Limits()))
    least = {
        "relative_sonorities": min(LEAST_RELATIVE_SONORITIES, 3 * found.measures),
        "transposing_staves": 1,
        "staves_of_shared_instruments": 2,
        "ties_over_barlines": 1,
        "notes_of_triplets": 1,
        "key_changes": 1,
        "time_changes": 1,
        "chord_notes": 2,
        "rests": 1,
    }
    for name, expected in least.items():
        came = getattr(found, name)
        if came < expected:
            sys.exit(f"{shape}: at least {expected} {name} were expected, {came} came: mend the generator")
    return found
