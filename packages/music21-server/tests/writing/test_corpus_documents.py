"""Documents of the corpus that music21 ships are written and read back. Slow: a session of its own."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from music21_server.errors import ScoreError
from music21_server.limits import Limits
from music21_server.notes import REST, Score
from music21_server.reading.musicxml import read_musicxml
from music21_server.reading.sources import SUFFIXES, Document, read
from music21_server.writing.from_columns import write_musicxml
from music21_server.writing.midi import write_midi

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(1800)]

EVERY = 40
"""Of the 2472 documents of Humdrum and ABC; all of them take an hour, of which music21 needs most."""


def documents(*suffixes: str) -> list[Path]:
    from music21.corpus import corpora

    return sorted(Path(path) for path in corpora.CoreCorpus().getPaths(fileExtensions=suffixes))


def rows_of(score: Score) -> list[tuple[object, ...]]:
    """Return the rows with times in quarter notes, and voices numbered as they appear."""
    table, unit = score.notes, score.notes.ticks_per_quarter
    voices: dict[int, dict[int, int]] = {}
    found: list[tuple[object, ...]] = []
    for row in range(len(table)):
        own = voices.setdefault(int(table.part[row]), {})
        is_rest = table.kind[row] == REST
        pitch = () if is_rest else (int(table.step[row]), int(table.alter_cents[row]), int(table.octave[row]))
        found.append(
            (
                int(table.part[row]), int(table.measure[row]), Fraction(int(table.onset[row]), unit),
                Fraction(int(table.duration[row]), unit), int(table.kind[row]), pitch, int(table.tie[row]),
                bool(table.grace[row]), own.setdefault(int(table.voice[row]), len(own)),
            )
        )  # fmt: skip
    return found


def difference(score: Score) -> str:
    """Return what is not read back as it was; nothing if all is."""
    back = read_musicxml(write_musicxml(score), Limits())
    ours, theirs = rows_of(score), rows_of(back)
    bars = {row[:2] for row in ours}
    theirs = [row for row in theirs if row[:2] in bars]  # an empty bar is read as a rest
    if ours != theirs:
        missing, more = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
        return f"rows: {list(missing)[:3]} became {list(more)[:3]}"
    factor = Fraction(score.notes.ticks_per_quarter, back.notes.ticks_per_quarter)
    lengths = [ticks * factor for ticks in back.measure_ticks.tolist()]
    differ = [bar for bar, (a, b) in enumerate(zip(lengths, score.measure_ticks.tolist(), strict=True)) if a != b]
    return f"lengths of bars {differ[:5]}" if differ else ""


@pytest.mark.parametrize("suffix", [".krn", ".abc"])
def test_other_formats_are_read_back(suffix) -> None:
    differences, compared = {}, 0
    for path in documents(suffix)[::EVERY]:
        try:
            score = read(Document(SUFFIXES[suffix], path.read_bytes()), Limits())
        except ScoreError:
            continue  # such as a book of many tunes
        compared += 1
        if found := difference(score):
            differences[path.name] = found
    assert compared > 15
    assert differences == {}


def test_columns_of_musicxml_are_read_back() -> None:
    """With everything that MusicXML has and the other formats have not: cues, drums, staves, microtones."""
    differences = {}
    paths = documents(".xml", ".mxl")
    for path in paths:
        score = read(Document(SUFFIXES[path.suffix], path.read_bytes()), Limits())
        if found := difference(score):
            differences[path.name] = found
    assert len(paths) > 600
    assert differences == {}
