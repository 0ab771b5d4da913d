"""Documents of the corpus that music21 ships are written and read back. Slow: a session of its own."""

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
    # A bar is as long as what stands in it; Finale's last bars may be longer than that.
    filled = np.zeros(len(lengths), dtype=np.int64)
    np.maximum.at(filled, score.notes.measure, score.notes.onset + score.notes.duration)
    differ = [
        bar
        for bar, (ours, theirs) in enumerate(zip(score.measure_ticks.tolist(), lengths, strict=True))
        if theirs not in (ours, filled[bar])
    ]
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


def test_midi_sounds_as_the_columns_say() -> None:
    """Ticks, keys and lengths of all notes, tied ones counted once, by music21's reader of MIDI events."""
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
        # Graces have no time of their own in the columns, and drums no pitch.
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
    """Return when keys are struck and let go."""
    now, found = 0, Counter()
    for event in track.events:
        if event.isDeltaTime():
            now += event.time
        elif event.isNoteOn():
            found["on", Fraction(now, ticks_per_quarter), event.pitch] += 1
        elif event.isNoteOff():
            found["off", Fraction(now, ticks_per_quarter), event.pitch] += 1
    return found


def sounding(score: Score) -> Counter:
    """Return the same from the columns, note by note."""
    table, unit, starts = score.notes, score.notes.ticks_per_quarter, score.measure_starts
    cents = sounding_pitches(score).cents
    goes_on: dict[tuple[int, int, int], int] = {}
    found: Counter = Counter()
    order = sorted(range(len(table)), key=lambda row: starts[table.measure[row]] + table.onset[row])
    for row in order:
        if table.kind[row] != NOTE or table.grace[row] or table.cue[row] or table.duration[row] == 0:
            continue
        start = int(starts[table.measure[row]] + table.onset[row])
        end = start + int(table.duration[row])
        key, part = int((cents[row] + 50) // 100), int(table.part[row])
        tie, written = int(table.tie[row]), int(table.written_cents[row])
        if tie in (TIE_STOP, TIE_CONTINUE) and goes_on.get((part, written, start), 0):
            goes_on[part, written, start] -= 1
            found["off", Fraction(start, unit), key] -= 1
        else:
            found["on", Fraction(start, unit), key] += 1
        found["off", Fraction(end, unit), key] += 1
        if tie in (TIE_START, TIE_CONTINUE):
            goes_on[part, written, end] = goes_on.get((part, written, end), 0) + 1
    return +found
