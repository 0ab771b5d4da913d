"""Documents to measure with, and a check of their contents."""

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

MIN_RELATIVE_SONORITIES: Final = 500
"""Least number in long scores; short ones need three per bar."""


def corpus_work(name: str) -> bytes:
    """Return the MusicXML of a work in music21's corpus."""
    content = Path(music21.corpus.getWork(name)).read_bytes()
    return unpack(content, Limits()) if content.startswith(b"PK") else content


def write_documents(folder: Path, documents: Iterable[tuple[str, bytes]]) -> list[Path]:
    """Write named documents into a folder and return their paths."""
    paths = []
    for name, document in documents:
        path = folder / name
        path.write_bytes(document)
        paths.append(path)
    return paths


def checked_statistics(document: bytes, shape: str) -> ScoreStatistics:
    """Count the contents of a score, and exit if it is too simple to be measured.

    Raises:
        SystemExit: The score lacks something that real scores have.
    """
    statistics = score_statistics(read_musicxml(document, Limits()))
    minimums = {
        "relative_sonorities": min(MIN_RELATIVE_SONORITIES, 3 * statistics.measures),
        "transposing_staves": 1,
        "staves_of_shared_instruments": 2,
        "ties_over_barlines": 1,
        "notes_of_triplets": 1,
        "key_changes": 1,
        "time_changes": 1,
        "chord_notes": 2,
        "rests": 1,
    }
    for name, minimum in minimums.items():
        count = getattr(statistics, name)
        if count < minimum:
            sys.exit(f"{shape}: expected at least {minimum} {name}, got {count}: fix the generator")
    return statistics
