"""Small scores from text, for the tests of theory."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from music21_server.reading.formats import read, recognise
from music21_server.score.limits import Limits
from music21_server.score.table import (
    NO_TIE,
    NOTE,
    REST,
    STEPS,
    TIE_CONTINUE,
    TIE_START,
    TIE_STOP,
    NoteTable,
    Part,
    Score,
    TimeChange,
)

TICKS = 48
ScoreMaker = Callable[..., Score]


@pytest.fixture(scope="session")
def make_score() -> ScoreMaker:
    """Return a function that makes a score of voices, one part each.

    A voice is text such as ``C4 E-4:0.5 r:2 C4+E4+G#4:4``: pitches (``-`` is a flat), chords, rests, and
    durations in quarter notes (1 without). Notes that cross a barline are tied.
    """
    return _score


def _score(*voices: str, time: str = "4/4", pickup: float = 0.0) -> Score:
    count, kind = (int(number) for number in time.split("/"))
    bar = count * TICKS * 4 // kind
    first = round(pickup * TICKS) or bar
    rows = [row for part, voice in enumerate(voices) for row in _rows(part, voice, bar, first)]
    bars = max((row[1] for row in rows), default=0) + 1
    values = np.array(rows, dtype=np.int64).reshape(-1, 9)
    count_of_rows = len(values)
    flags = np.zeros(count_of_rows, dtype=np.bool_)
    zeros = np.zeros(count_of_rows, dtype=np.int64)
    table = NoteTable(
        *(values[:, column] for column in range(9)),
        grace=flags, cue=flags, voice=zeros, node=np.arange(count_of_rows), ticks_per_quarter=TICKS,
    )  # fmt: skip
    ticks = np.array([first] + [bar] * (bars - 1), dtype=np.int64)
    return Score(
        title="",
        composer="",
        parts=tuple(Part(f"P{part + 1}", f"Voice {part + 1}") for part in range(len(voices))),
        notes=table,
        measure_numbers=tuple(str(number + (0 if pickup else 1)) for number in range(bars)),
        measure_ticks=ticks,
        own_ticks=np.tile(ticks, (len(voices), 1)),
        times=tuple(TimeChange(part, 0, 0, time, bar) for part in range(len(voices))),
    )


def _rows(part: int, voice: str, bar: int, first: int) -> list[tuple[int, ...]]:
    rows = []
    now = 0
    for word in voice.split():
        names, _, length = word.partition(":")
        ticks = round(Fraction(length or "1") * TICKS)
        start = True
        while ticks:
            measure, onset = (0, now) if now < first else (1 + (now - first) // bar, (now - first) % bar)
            room = (first if measure == 0 else bar) - onset
            lasts = min(ticks, room)
            goes_on = lasts < ticks
            tie = {(True, False): NO_TIE, (True, True): TIE_START, (False, False): TIE_STOP}.get(
                (start, goes_on), TIE_CONTINUE
            )
            for name in names.split("+"):
                if name == "r":
                    rows.append((part, measure, onset, lasts, REST, 0, 0, 4, NO_TIE))
                else:
                    alter = 100 * (name.count("#") - name.count("-")) + 50 * (
                        name.count("~") - name.count("`")
                    )
                    octave = int(name[-1])
                    rows.append((part, measure, onset, lasts, NOTE, STEPS.index(name[0]), alter, octave, tie))
            now += lasts
            ticks -= lasts
            start = False
    return rows


@pytest.fixture(scope="session")
def corpus_score() -> Callable[[str], Score]:
    """Return a function that reads a work of music21's corpus, such as ``bach/bwv66.6.mxl``."""
    return functools.lru_cache(_corpus_score)


def _corpus_score(name: str) -> Score:
    spec = importlib.util.find_spec("music21")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "corpus" / name
    return read(recognise(path.read_bytes()), Limits())
