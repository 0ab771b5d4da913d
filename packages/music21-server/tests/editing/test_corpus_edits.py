"""All works of music21's corpus are transposed, extracted and sliced. Slow, and therefore marked `corpus`."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from music21_server.editing.extraction import extract_parts, slice_score
from music21_server.editing.intervals import parse_interval
from music21_server.editing.transposition import TranspositionRequest, transpose
from music21_server.errors import ScoreError
from music21_server.reading.formats import read
from music21_server.reading.ingest import stored_entry
from music21_server.reading.musicxml import read_musicxml
from music21_server.score import codec
from music21_server.score.document import SUFFIXES, Document
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, REST, Score

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(1800)]

MARKS = ("lyric", "slur", "dynamics", "repeat", "harmony")
NEVER_CUT = ("lyric", "dynamics", "harmony")
"""Marks that the edge of a slice never cuts."""

INTERVALS = ("m2", "-M3", "A4", "d5", "-P8", "A1")


@pytest.fixture(scope="module")
def works():
    from music21.corpus import corpora

    works = []
    for path in sorted(corpora.CoreCorpus().getPaths(fileExtensions=(".xml", ".mxl"))):
        document = Document(SUFFIXES[Path(path).suffix], Path(path).read_bytes())
        score = read(document, Limits())
        works.append((Path(path).name, stored_entry(document, score), score))
    assert len(works) > 600
    return works


def differences(one: Score, other: Score) -> list[str]:
    names = []
    for pair in ((one.notes, other.notes), (one, other)):
        for field in fields(pair[0]):
            values = [getattr(each, field.name) for each in pair]
            is_array = isinstance(values[0], np.ndarray)
            if field.name != "notes" and not (
                np.array_equal(*values) if is_array else values[0] == values[1]
            ):
                names.append(field.name)
    return names


def marks_in(root: Any, *tags: str) -> Counter:
    """Count elements by part and tag."""
    return Counter(
        (part.get("id"), element.tag) for part in root.iterfind("part") for element in part.iter(*tags)
    )


def test_lyrics_slurs_dynamics_repeats_and_chord_symbols_survive(works, tree):
    wrong, seen = {}, Counter()
    for index, (name, entry, score) in enumerate(works):
        root = tree(entry)
        whole = marks_in(root, *MARKS)
        seen.update(tag for _, tag in whole)
        with contextlib.suppress(ScoreError):  # only drums
            result = transpose(
                (entry,), TranspositionRequest(interval=INTERVALS[index % len(INTERVALS)]), Limits()
            )
            if marks_in(tree(result), *MARKS) != whole:
                wrong[name] = "transposed"
        for part in {0, len(score.parts) - 1}:
            result = extract_parts((entry,), (str(part + 1),), Limits())
            (own,) = (each.get("id") for each in tree(result).iterfind("part"))
            if marks_in(tree(result), *MARKS) != Counter({at: whole[at] for at in whole if at[0] == own}):
                wrong[name] = f"part {own}"
        bars = len(score.measure_ticks)
        half = max(bars // 2, 1)
        joined: Counter = Counter()
        for first, last in ((1, half), (half + 1, bars)):
            if first <= last:
                result = slice_score((entry,), f"@{first}", f"@{last}", None, Limits())
                joined += marks_in(tree(result), *NEVER_CUT)
        if joined != marks_in(root, *NEVER_CUT):
            wrong[name] = f"slices at {half}"
    assert wrong == {}
    assert all(seen[tag] > 10 for tag in MARKS), seen


def test_transposed_columns_equal_those_read_from_the_document(works):
    wrong, refused = {}, []
    for index, (name, entry, score) in enumerate(works):
        interval = INTERVALS[index % len(INTERVALS)]
        try:
            result = transpose((entry,), TranspositionRequest(interval=interval), Limits())
        except ScoreError:
            refused.append(name)
            continue
        columns = codec.decode(result.entry.columns)
        if fields_differing := differences(columns, read_musicxml(result.entry.document().content, Limits())):
            wrong[name] = fields_differing
        is_note = score.notes.kind == NOTE
        raised = columns.notes.written_cents - score.notes.written_cents
        if (raised[is_note] != 100 * parse_interval(interval).semitones).any():
            wrong[name] = ["pitch"]
    assert wrong == {}
    assert refused == ["drum_sample.xml"]


def notes_in(score: Score, first: int = 0) -> Counter:
    """Return the notes with times in the whole score's ticks of a quarter note, as fractions."""
    table = score.notes
    sounding = table.kind != REST
    times = np.stack([table.onset, table.duration], axis=1)[sounding] / table.ticks_per_quarter
    columns = [
        getattr(table, name)[sounding].tolist() for name in ("part", "step", "alter_cents", "octave", "grace")
    ]
    measures = (table.measure[sounding] + first).tolist()
    return Counter(zip(*columns, measures, map(tuple, times.round(9).tolist()), strict=True))


def test_all_parts_or_all_slices_together_give_the_whole_score(works):
    chance = random.Random(1)  # noqa: S311 - no secret
    wrong = {}
    for name, entry, score in works:
        everything = tuple(str(index + 1) for index in range(len(score.parts)))
        if fields_differing := differences(
            codec.decode(extract_parts((entry,), everything, Limits()).entry.columns), score
        ):
            wrong[name] = fields_differing
        bars = len(score.measure_ticks)
        at = chance.randrange(1, max(bars, 2))
        pieces = [("@1", f"@{min(at, bars)}")] + ([(f"@{at + 1}", f"@{bars}")] if at < bars else [])
        joined: Counter = Counter()
        for first, last in pieces:
            result = codec.decode(slice_score((entry,), first, last, None, Limits()).entry.columns)
            joined += notes_in(result, int(first[1:]) - 1)
        if joined != notes_in(score):
            wrong[name] = [f"slices at {at}"]
    assert wrong == {}
