"""Files compiled by LilyPond: no bar check fails, and its MIDI has our notes."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from music21_server.reading.formats import read
from music21_server.score.document import SUFFIXES, Document
from music21_server.score.limits import Limits
from music21_server.score.table import TIE_CONTINUE, TIE_STOP, Score
from music21_server.synthetic_scores import orchestral_score
from music21_server.writing.lilypond import write_lilypond
from music21_server.writing.midi import write_midi

pytestmark = [
    pytest.mark.lilypond,
    pytest.mark.skipif(shutil.which("lilypond") is None, reason="lilypond is not installed"),
]

EVERY = 13
"""Step through the 654 works in MusicXML."""

MOST_NOTES = 6_000
_GRID = 24
"""Steps per quarter note to which times are rounded; LilyPond's MIDI has 384."""


HARMLESS = (
    "too many colliding rests",  # in three voices
    "MIDI channel wrapped around",  # more staves than MIDI has channels
    "remapping modulo 16",
    "Going back in MIDI time.",  # some grace notes; scores with them are not compared
    "omitting tuplet bracket with neither left nor right bound",  # a tuplet with only a gap
)
"""Warnings about the looks or sound, not about the music."""


def compiled(scores: dict[str, Score], folder: Path, *options: str) -> str:
    """Compile scores to `NAME.midi` in a folder, and return the errors and warnings."""
    for name, score in scores.items():
        (folder / f"{name}.ly").write_bytes(write_lilypond(score).content)
    command = ["lilypond", "--loglevel=WARNING", *options, *(f"{name}.ly" for name in scores)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    complaints = [line for line in lines if re.search("warning:|error:", line)]
    serious = [line for line in complaints if not line.endswith(HARMLESS)]
    return "\n".join(serious) if done.returncode == 0 else f"{done.returncode}: {done.stderr}"


def struck(content: bytes) -> set[tuple[int, int]]:
    """Return the times and keys of notes; LilyPond's MIDI merges unisons in a channel."""
    from music21.midi import MidiFile

    file, notes = MidiFile(), set()
    file.readstr(content)
    for track in file.tracks:
        now = 0
        for event in track.events:
            if event.isDeltaTime():
                now += event.time
            elif event.isNoteOn():
                notes.add((round(Fraction(now * _GRID, file.ticksPerQuarterNote)), event.pitch))
    return notes


def played_differently(scores: dict[str, Score], folder: Path) -> dict[str, list[tuple[int, int]]]:
    """Return notes in only one of LilyPond's MIDI and ours; scores with grace notes or drums are skipped."""
    differences = {}
    for name, score in scores.items():
        table = score.notes
        if table.grace.any() or (table.kind == 2).any():
            continue
        ours, theirs = struck(write_midi(score).content), struck((folder / f"{name}.midi").read_bytes())
        if ours != theirs:
            differences[name] = sorted(ours ^ theirs)
    return differences


def works() -> dict[str, Score]:
    from music21.corpus import corpora

    scores = {}
    for path in sorted(map(Path, corpora.CoreCorpus().getPaths(fileExtensions=(".xml", ".mxl"))))[::EVERY]:
        score = read(Document(SUFFIXES[path.suffix], path.read_bytes()), Limits())
        if len(score.notes) <= MOST_NOTES:
            scores[f"work{len(scores)}"] = score
    return scores


def test_works_compile_and_play_the_same_notes(tmp_path) -> None:
    scores = works()
    assert len(scores) > 40
    assert compiled(scores, tmp_path, "-dno-print-pages") == ""
    assert played_differently(scores, tmp_path) == {}


def test_orchestral_scores_compile(tmp_path) -> None:
    """With grace notes, transposing instruments, drums, and pianos with two staves."""
    scores = {
        f"orchestra{seed}": read(Document("musicxml", orchestral_score(20, 8, seed)), Limits())
        for seed in range(3)
    }
    assert compiled(scores, tmp_path) == ""
    assert (tmp_path / "orchestra0.pdf").stat().st_size > 10_000


def test_random_scores_compile_and_play_the_same_notes(score, tmp_path) -> None:
    """With voices, chords, ties, tuplets, grace notes, gaps, and measures of all lengths."""
    scores = {f"random{seed}": random_score(score, seed) for seed in range(8)}
    assert compiled(scores, tmp_path, "-dno-print-pages") == ""
    for name, differences in played_differently(scores, tmp_path).items():
        assert set(differences) <= tied_over(scores[name])


def tied_over(score: Score) -> set[tuple[int, int]]:
    """Return the notes that are held by a tie; LilyPond repeats them if another voice began them."""
    table = score.notes
    held = np.isin(table.tie, (TIE_STOP, TIE_CONTINUE))
    starts = score.measure_starts[table.measure[held]] + table.onset[held]
    times = [round(Fraction(int(start) * _GRID, table.ticks_per_quarter)) for start in starts]
    return set(zip(times, (table.written_cents[held] // 100).tolist(), strict=True))


def random_score(score, seed: int) -> Score:
    chance, unit = random.Random(seed), 60  # noqa: S311
    measures = [chance.choice((60, 240))] + [chance.choice((240, 240, 180, 300)) for _ in range(5)]
    rows = []
    for part in range(2):
        for measure, until in enumerate(measures):
            for voice in range(chance.choice((0, 1, 1, 2))):
                now = 0
                while now < until:
                    length = min(chance.choice((20, 20, 12, 30, 15, 60, 90, 120, 24)), until - now)
                    row = {"part": part, "measure": measure, "voice": voice, "onset": now, "duration": length}
                    if seed % 2 and chance.random() < 0.1:
                        rows.append({**row, "duration": 0, "grace": True, "pitch": "D5"})
                    if chance.random() < 0.8:
                        pitches = chance.sample(("C4", "F#4", "Bb4", "E5", "G5"), chance.choice((1, 1, 2)))
                        rows += [
                            {**row, "pitch": pitch, "tie": chance.choice((0, 1, 3))} for pitch in pitches
                        ]
                    now += length
    return score(rows, measures=measures, ticks_per_quarter=unit, names=("A", "B"))
