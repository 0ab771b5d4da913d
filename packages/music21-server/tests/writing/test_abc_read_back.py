"""Scores written as ABC and read back: random ones, and works of music21's corpus."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from abc_round_trip import difference, read_back

from music21_server.reading.formats import read
from music21_server.reading.locations import from_corpus
from music21_server.score.document import SUFFIXES, Document
from music21_server.score.limits import Limits
from music21_server.score.table import REST, KeyChange, TimeChange

SHARES = 20
PITCHES = ("C4", "C#4", "Cb4", "C5", "C#5", "D4", "F4", "F#4", "F##4", "Bb4", "Bbb4", "B4", "F5", "F#5", "E4")


@pytest.mark.parametrize("seed", range(12))
def test_random_scores_are_read_back(score, seed) -> None:
    """With keys, accidentals in all orders, chords, tuplets, grace notes, voices, ties and gaps."""
    chance = random.Random(seed)  # noqa: S311
    rows, unit = [], 60
    for part in range(2):
        for measure in range(6):
            for voice in range(chance.choice((1, 1, 2))):
                now = 0
                while now < 4 * unit:
                    length = min(chance.choice((20, 20, 12, 30, 15, 60, 90, 120, 24)), 4 * unit - now)
                    row = {"part": part, "measure": measure, "voice": voice, "onset": now, "duration": length}
                    kind = chance.random()
                    if kind < 0.1:
                        rows.append({**row, "duration": 0, "grace": True, "pitch": chance.choice(PITCHES)})
                    if kind < 0.15:
                        rows.append({**row, "kind": REST})
                    elif kind < 0.9:
                        pitches = chance.sample(PITCHES, chance.choice((1, 1, 1, 2, 3)))
                        rows += [
                            {**row, "pitch": pitch, "tie": chance.choice((0, 1, 3))} for pitch in pitches
                        ]
                    now += length
    modes = ("", "major", "minor", "dorian", "locrian")
    keys = tuple(
        KeyChange(part, measure, 0, chance.randint(-7, 7), chance.choice(modes))
        for part in range(2) for measure in sorted({0, chance.randint(1, 5)})
    )  # fmt: skip
    times = tuple(TimeChange(part, 0, 0, "4/4", 4 * unit) for part in range(2))
    some = score(
        rows, measures=[4 * unit] * 6, ticks_per_quarter=unit, names=("A", "B"), keys=keys, times=times
    )
    assert len(rows) > 50
    assert difference(some) == ""


@pytest.mark.parametrize(
    "name",
    ["bach/bwv66.6", "leadSheet/fosterBrownHair", "demos/incorrect_time_signature_pv",
     "demos/ComprehensiveChordSymbolsTestFile", "schoenberg/opus19/movement2", "bach/bwv227.1"],
)  # fmt: skip
def test_works_are_read_back(name) -> None:
    assert difference(read(from_corpus(name), Limits())) == ""


def test_keys_times_tempos_and_chord_symbols_are_read_back() -> None:
    score = read(from_corpus("leadSheet/fosterBrownHair"), Limits())
    back = read_back(score)
    assert [(key.measure, key.fifths) for key in back.keys] == [
        (key.measure, key.fifths) for key in score.keys
    ]
    assert [time.text for time in back.times] == [time.text for time in score.times]
    assert [tempo.quarters_per_minute for tempo in back.tempos] == [
        tempo.quarters_per_minute for tempo in score.tempos
    ]
    assert len(back.chord_symbols) == len(score.chord_symbols) == 40


@pytest.mark.corpus
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("share", range(SHARES))
def test_all_works_of_musicxml_are_read_back(share: int) -> None:
    """In shares that run in parallel, because music21 is slow with large scores."""
    from music21.corpus import corpora

    paths = sorted(Path(path) for path in corpora.CoreCorpus().getPaths(fileExtensions=(".xml", ".mxl")))
    assert len(paths) > 600
    differences = {}
    for path in paths[share::SHARES]:
        score = read(Document(SUFFIXES[path.suffix], path.read_bytes()), Limits())
        if changes := difference(score):
            differences[path.name] = changes
    assert differences == {}
