"""Melodies made from text, random melodies, and works of the corpus."""

from __future__ import annotations

import functools
import importlib.util
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

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
    KeyChange,
    NoteTable,
    Part,
    Score,
    TimeChange,
)

TICKS = 48
COLUMNS = ("part", "measure", "onset", "duration", "kind", "step", "alter_cents", "octave", "tie")
ScoreMaker = Callable[..., Score]


@pytest.fixture(scope="session")
def melody_score() -> ScoreMaker:
    """Return a function that makes a score from lines, one part each.

    A line is a text such as ``C4 E-4:0.5 r:2``: pitches (``-`` is a flat), rests, chords with ``+``, and
    durations in quarter notes (by default 1). Notes that cross a barline are tied.
    """
    return _score


def _score(
    *lines: str, time: str = "4/4", pickup: float = 0.0, fifths: int | None = None, **others: Any
) -> Score:
    count, kind = (int(number) for number in time.split("/"))
    bar = count * TICKS * 4 // kind
    first = round(pickup * TICKS) or bar
    rows = [row for part, line in enumerate(lines) for row in _rows(part, line, bar, first)]
    bars = max((row[1] for row in rows), default=0) + 1
    values = np.array(rows, dtype=np.int64).reshape(-1, len(COLUMNS))
    flags = np.zeros(len(values), dtype=np.bool_)
    table = NoteTable(
        **{name: values[:, column] for column, name in enumerate(COLUMNS)},
        grace=flags, cue=flags, voice=np.zeros(len(values), dtype=np.int64), node=np.arange(len(values)),
        ticks_per_quarter=TICKS,
    )  # fmt: skip
    ticks = np.array([first] + [bar] * (bars - 1), dtype=np.int64)
    parts = range(len(lines))
    return Score(
        title=others.pop("title", ""),
        composer="",
        parts=tuple(Part(f"P{part + 1}", f"Voice {part + 1}") for part in parts),
        notes=table,
        measure_numbers=tuple(str(number + (0 if pickup else 1)) for number in range(bars)),
        measure_ticks=ticks,
        own_ticks=np.tile(ticks, (len(lines), 1)),
        times=tuple(TimeChange(part, 0, 0, time, bar) for part in parts),
        keys=() if fifths is None else tuple(KeyChange(part, 0, 0, fifths, "") for part in parts),
        **others,
    )


def _rows(part: int, line: str, bar: int, first: int) -> list[tuple[int, ...]]:
    rows = []
    now = 0
    for word in line.split():
        names, _, length = word.partition(":")
        ticks = round(Fraction(length or "1") * TICKS)
        start = True
        while ticks:
            measure, onset = (0, now) if now < first else (1 + (now - first) // bar, (now - first) % bar)
            lasts = min(ticks, (first if measure == 0 else bar) - onset)
            goes_on = lasts < ticks
            tie = {(True, False): NO_TIE, (True, True): TIE_START, (False, False): TIE_STOP}.get(
                (start, goes_on), TIE_CONTINUE
            )
            for name in names.split("+"):
                if name == "r":
                    rows.append((part, measure, onset, lasts, REST, 0, 0, 4, NO_TIE))
                else:
                    alter = 100 * (name.count("#") - name.count("-")) + 50 * name.count("~")
                    rows.append(
                        (part, measure, onset, lasts, NOTE, STEPS.index(name[0]), alter, int(name[-1]), tie)
                    )
            now += lasts
            ticks -= lasts
            start = False
    return rows


@pytest.fixture(scope="session")
def corpus_score() -> Callable[[str], Score]:
    """Return a function that reads a work of music21's corpus, such as ``bach/bwv66.6.mxl``."""
    return functools.lru_cache(_corpus_score)


def _corpus_score(name: str) -> Score:
    return read(recognise((_corpus() / name).read_bytes()), Limits())


@pytest.fixture(scope="session")
def chorales() -> tuple[str, ...]:
    """Return the names of Bach's chorales in the corpus."""
    return tuple(sorted(f"bach/{path.name}" for path in (_corpus() / "bach").glob("bwv*.mxl")))


def _corpus() -> Path:
    spec = importlib.util.find_spec("music21")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "corpus"


TONICS = ("C", "G", "D", "A", "E", "B", "F#", "C#", "F", "B-", "E-", "A-", "D-", "G-", "C-")
METRES = ("4/4", "3/4", "2/4", "6/8", "2/2", "3/8", "9/8", "5/4", "12/8", "3/2", "6/4")
LENGTHS = {4: (0.5, 0.5, 1, 1, 1, 1, 1.5, 2, 0.25, 0.75), 8: (0.5, 0.5, 0.5, 1, 1.5, 1.5, 0.25)}
MOVES = (0, 1, 1, 1, 1, -1, -1, -1, -1, 2, -2, 3, -3, 4, -4, 5, -7, 7)
FIFTHS = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F": -1}


@pytest.fixture(scope="session")
def random_melody() -> Callable[..., Score]:
    """Return a function that makes a melody from a seed, in any key and metre, with leaps, rests and
    chromatic notes.

    Nobody would write such a melody, which makes it hard to harmonise.
    """
    return _random_melody


def _random_melody(seed: int, *, lowest: int = 60, highest: int = 79, bars: int = 0) -> Score:
    chosen = random.Random(seed)  # noqa: S311
    tonic, metre = chosen.choice(TONICS), chosen.choice(METRES)
    place = FIFTHS[tonic[0]] + 7 * (tonic.count("#") - tonic.count("-"))
    is_minor = chosen.random() < 0.5 and place >= -4
    notes = _scale(place - (4 if is_minor else 1), lowest, highest)
    count, kind = map(int, metre.split("/"))
    bar = count * 4 / kind
    pickup = chosen.choice((0, 0, 0, 0.5, 1)) if bar > 1.5 else 0
    total = (bars or chosen.randint(4, 8)) * bar + pickup
    now, index, words = 0.0, chosen.randrange(len(notes)), []
    while now < total:
        lasts = min(chosen.choice(LENGTHS[8 if kind == 8 else 4]), total - now)
        index = min(max(index + chosen.choice(MOVES), 0), len(notes) - 1)
        name = notes[index]
        if chosen.random() < 0.05 and len(name) == 2:
            name = f"{name[0]}{chosen.choice('#-')}{name[1]}"
        words.append(f"{'r' if words and chosen.random() < 0.05 else name}:{Fraction(lasts)}")
        now += lasts
    signature = place - 3 if is_minor else place
    return _score(" ".join(words), time=metre, pickup=pickup, fifths=signature if seed % 2 else None)


def _scale(lowest_fifth: int, lowest: int, highest: int) -> list[str]:
    """Return the notes of a scale within a range, from seven neighbours on the line of fifths."""
    notes = []
    for fifth in range(lowest_fifth, lowest_fifth + 7):
        alteration, place = divmod(fifth + 1, 7)
        step = "FCGDAEB"[place]
        for octave in range(8):
            height = 12 * (octave + 1) + (0, 2, 4, 5, 7, 9, 11)["CDEFGAB".index(step)] + alteration
            if lowest <= height <= highest:
                sign = "#" * alteration if alteration > 0 else "-" * -alteration
                notes.append((height, f"{step}{sign}{octave}"))
    return [name for _, name in sorted(notes)]
