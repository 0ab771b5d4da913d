"""Round trips of the documents in music21's corpus. Slow; run in a separate session."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from music21_server.errors import ScoreError
from music21_server.reading.formats import read
from music21_server.reading.musicxml import read_musicxml
from music21_server.score.document import SUFFIXES, Document
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, REST, TIE_CONTINUE, TIE_START, TIE_STOP, UNPITCHED, Score
from music21_server.theory.pitch.transposition import sounding_pitches
from music21_server.writing.midi import write_midi
from music21_server.writing.musicxml_writer import write_musicxml

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(1800)]

EVERY = 40
"""Step through the 2472 documents in Humdrum and ABC; all of them take an hour, most of it in music21."""


def documents(*suffixes: str) -> list[Path]:
    from music21.corpus import corpora

    return sorted(Path(path) for path in corpora.CoreCorpus().getPaths(fileExtensions=suffixes))


def rows_of(score: Score) -> list[tuple[object, ...]]:
    """Return the rows with times in quarter notes, and voices numbered as they appear."""
    table, unit = score.notes, score.notes.ticks_per_quarter
    voices: dict[int, dict[int, int]] = {}
    rows: list[tuple[object, ...]] = []
    for row in range(len(table)):
        own = voices.setdefault(int(table.part[row]), {})
        is_rest = table.kind[row] == REST
        pitch = () if is_rest else (int(table.step[row]), int(table.alter_cents[row]), int(table.octave[row]))
        rows.append(
            (
                int(table.part[row]), int(table.measure[row]), Fraction(int(table.onset[row]), unit),
                Fraction(int(table.duration[row]), unit), int(table.kind[row]), pitch, int(table.tie[row]),
                bool(table.grace[row]), own.setdefault(int(table.voice[row]), len(own)),
            )
        )  # fmt: skip
    return rows


def difference(score: Score) -> str:
    """Return the first differences after a round trip; empty if there are none."""
    back = read_musicxml(write_musicxml(score), Limits())
    ours, theirs = rows_of(score), rows_of(back)
    measures = {row[:2] for row in ours}
    theirs = [row for row in theirs if row[:2] in measures]  # an empty measure is read as a rest
    if ours != theirs:
        missing, more = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
        return f"rows: {list(missing)[:3]} became {list(more)[:3]}"
    factor = Fraction(score.notes.ticks_per_quarter, back.notes.ticks_per_quarter)
    lengths = [ticks * factor for ticks in back.measure_ticks.tolist()]
    # A measure is read as long as its notes; the last measure of a Finale document may be longer.
    filled = np.zeros(len(lengths), dtype=np.int64)
    np.maximum.at(filled, score.notes.measure, score.notes.onset + score.notes.duration)
    differ = [
        measure
        for measure, (ours, theirs) in enumerate(zip(score.measure_ticks.tolist(), lengths, strict=True))
        if theirs not in (ours, filled[measure])
    ]
    return f"lengths of measures {differ[:5]}" if differ else ""


@pytest.mark.parametrize("suffix", [".krn", ".abc"])
def test_other_formats_are_read_back(suffix) -> None:
    differences, compared = {}, 0
    for path in documents(suffix)[::EVERY]:
        try:
            score = read(Document(SUFFIXES[suffix], path.read_bytes()), Limits())
        except ScoreError:
            continue  # such as a book of tunes
        compared += 1
        if changes := difference(score):
            differences[path.name] = changes
    assert compared > 15
    assert differences == {}


def test_columns_of_musicxml_are_read_back() -> None:
    """With content that only MusicXML has: cues, drums, staves, microtones."""
    differences = {}
    paths = documents(".xml", ".mxl")
    for path in paths:
        score = read(Document(SUFFIXES[path.suffix], path.read_bytes()), Limits())
        if changes := difference(score):
            differences[path.name] = changes
    assert len(paths) > 600
    assert differences == {}


def test_midi_plays_the_notes_of_the_columns() -> None:
    """Ticks, keys and lengths of all notes, with tied notes joined, as music21's MIDI reader gives them."""
    from music21.midi import MidiFile

    differences, compared = {}, 0
    for path in documents(".xml", ".mxl")[::5]:
        score = read(Document(SUFFIXES[path.suffix], path.read_bytes()), Limits())
        file = MidiFile()
        file.readstr(write_midi(score).content)
        heard = sum((heard_in(track, file.ticksPerQuarterNote) for track in file.tracks), Counter())
        expected = sounding(score)
        compared += expected.total()
        table = score.notes
        # In the columns, grace notes have no length and drums no pitch.
        others = int(
            (table.grace | (table.kind == UNPITCHED) | (table.duration == 0))[table.kind != REST].sum()
        )
        if expected - heard or (heard - expected).total() > 2 * others:
            differences[path.name] = (
                list((expected - heard).items())[:3],
                list((heard - expected).items())[:3],
            )
    assert compared > 50_000
    assert differences == {}


def heard_in(track, ticks_per_quarter: int) -> Counter:
    """Count the beginnings and ends of notes by time and key."""
    now, events = 0, Counter()
    for event in track.events:
        if event.isDeltaTime():
            now += event.time
        elif event.isNoteOn():
            events["on", Fraction(now, ticks_per_quarter), event.pitch] += 1
        elif event.isNoteOff():
            events["off", Fraction(now, ticks_per_quarter), event.pitch] += 1
    return events


def sounding(score: Score) -> Counter:
    """Count the same events in the columns, note by note."""
    table, unit, starts = score.notes, score.notes.ticks_per_quarter, score.measure_starts
    cents = sounding_pitches(score).cents
    continued: dict[tuple[int, int, int], int] = {}
    events: Counter = Counter()
    order = sorted(range(len(table)), key=lambda row: starts[table.measure[row]] + table.onset[row])
    for row in order:
        if table.kind[row] != NOTE or table.grace[row] or table.cue[row] or table.duration[row] == 0:
            continue
        start = int(starts[table.measure[row]] + table.onset[row])
        end = start + int(table.duration[row])
        key, part = int((cents[row] + 50) // 100), int(table.part[row])
        tie, written = int(table.tie[row]), int(table.written_cents[row])
        if tie in (TIE_STOP, TIE_CONTINUE) and continued.get((part, written, start), 0):
            continued[part, written, start] -= 1
            events["off", Fraction(start, unit), key] -= 1
        else:
            events["on", Fraction(start, unit), key] += 1
        events["off", Fraction(end, unit), key] += 1
        if tie in (TIE_START, TIE_CONTINUE):
            continued[part, written, end] = continued.get((part, written, end), 0) + 1
    return +events
