"""Overview of a score: parts, ranges, lengths, signatures and tempos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.spelling import pitch_name
from music21_server.score.table import NOTE, REST, UNPITCHED, Integers, Score
from music21_server.theory.pitch.transposition import SpelledPitches, sounding_pitches, written_pitches
from music21_server.theory.time.positions import Clock

_DEFAULT_TEMPO: Final = 120.0
"""Quarter notes per minute in a score without a tempo: MIDI's default."""


@dataclass(frozen=True)
class PartInformation:
    """One staff."""

    name: str
    """Name as printed, or `Part 3` if none is printed."""
    notes: int
    """Number of notes, without rests; each note of a chord counts."""
    lowest_written: str | None
    """Lowest written pitch, such as `G3`; null without pitched notes."""
    highest_written: str | None
    """Highest written pitch; null without pitched notes."""
    lowest_sounding: str | None
    """Lowest sounding pitch; differs for transposing instruments."""
    highest_sounding: str | None
    """Highest sounding pitch; differs for transposing instruments."""
    transposition_semitones: int
    """Semitones from written to sounding pitch at the beginning."""


@dataclass(frozen=True)
class Signature:
    """A time signature or key signature and its position."""

    measure: str
    """Number of the bar, as printed."""
    beat: float
    """Beat within the bar, from 1."""
    text: str
    """Signature, such as `3/4` or `2 sharps`."""


@dataclass(frozen=True)
class Tempo:
    """A tempo and its position."""

    measure: str
    """Number of the bar, as printed."""
    beat: float
    """Beat within the bar, from 1."""
    quarters_per_minute: float
    """Quarter notes per minute."""


@dataclass(frozen=True)
class ScoreInformation:
    """Summary of a score."""

    title: str
    """Title; may be empty."""
    composer: str
    """Composer; may be empty."""
    parts: tuple[PartInformation, ...]
    """Parts in the order of the score."""
    measures: int
    """Number of bars."""
    first_measure: str
    """Number of the first bar, as printed; often `0` for a pickup."""
    last_measure: str
    """Number of the last bar, as printed."""
    notes: int
    """Number of notes in all parts."""
    rests: int
    """Number of rests in all parts."""
    unpitched: int
    """Number of notes without pitch (percussion)."""
    lowest_sounding: str | None
    """Lowest sounding pitch, such as `C2`; null without pitched notes."""
    highest_sounding: str | None
    """Highest sounding pitch; null without pitched notes."""
    duration_quarters: float
    """Duration in quarter notes."""
    duration_s: float
    """Duration in seconds at the tempos of the score, without repeats."""
    time_signatures: tuple[Signature, ...]
    """Time signatures, in order."""
    key_signatures: tuple[Signature, ...]
    """Key signatures at written pitch, in order, of the first part that sounds as written."""
    tempos: tuple[Tempo, ...]
    """Tempos, in order; empty if the score has none (then 120 is assumed)."""
    chord_symbols: int
    """Number of chord symbols."""
    remarks: tuple[str, ...]
    """Sentences about what the reader of the document had to guess, change or leave out."""


def information(score: Score) -> ScoreInformation:
    """Return the summary of a score."""
    table = score.notes
    written, sounding = written_pitches(score), sounding_pitches(score)
    is_note = table.kind == NOTE
    clock = Clock(score)
    lowest, highest = _extremes(sounding, np.flatnonzero(is_note))
    return ScoreInformation(
        title=score.title,
        composer=score.composer,
        parts=tuple(_parts(score, written, sounding, is_note)),
        measures=len(score.measure_ticks),
        first_measure=score.measure_numbers[0] if score.measure_numbers else "",
        last_measure=score.measure_numbers[-1] if score.measure_numbers else "",
        notes=int(is_note.sum()),
        rests=int((table.kind == REST).sum()),
        unpitched=int((table.kind == UNPITCHED).sum()),
        lowest_sounding=lowest,
        highest_sounding=highest,
        duration_quarters=round(_end(score) / table.ticks_per_quarter, 4),
        duration_s=round(_duration_s(score), 2),
        time_signatures=_time_signatures(score, clock),
        key_signatures=_key_signatures(score, clock),
        tempos=_tempos(score, clock),
        chord_symbols=len(score.chord_symbols),
        remarks=score.remarks,
    )


def _parts(
    score: Score, written: SpelledPitches, sounding: SpelledPitches, is_note: np.ndarray
) -> list[PartInformation]:
    rows = np.flatnonzero(is_note)
    # Rows are ordered by part, so each part is one slice.
    edges = np.searchsorted(score.notes.part[rows], np.arange(len(score.parts) + 1))
    parts = []
    for index, part in enumerate(score.parts):
        own = rows[edges[index] : edges[index + 1]]
        transposition = part.transpositions[0].chromatic if part.transpositions else 0
        parts.append(
            PartInformation(
                part.name or f"Part {index + 1}",
                len(own),
                *_extremes(written, own),
                *_extremes(sounding, own),
                transposition,
            )
        )
    return parts


def _extremes(pitches: SpelledPitches, rows: Integers) -> tuple[str | None, str | None]:
    if not len(rows):
        return None, None
    own = SpelledPitches(pitches.step[rows], pitches.alter_cents[rows], pitches.octave[rows])
    cents = own.cents
    lowest, highest = (
        pitch_name(int(own.step[row]), int(own.alter_cents[row]), int(own.octave[row]))
        for row in (cents.argmin(), cents.argmax())
    )
    return lowest, highest


def _time_signatures(score: Score, clock: Clock) -> tuple[Signature, ...]:
    changes = sorted({(each.measure, each.onset, each.text) for each in score.times})
    return tuple(_signature(clock, *change) for change in _without_repeats(changes))


def _key_signatures(score: Score, clock: Clock) -> tuple[Signature, ...]:
    as_written = [index for index, part in enumerate(score.parts) if not part.transpositions]
    reference = as_written[0] if as_written else 0
    changes = sorted(
        {(each.measure, each.onset, _sharps(each.fifths)) for each in score.keys if each.part == reference}
    )
    return tuple(_signature(clock, *change) for change in _without_repeats(changes))


def _sharps(fifths: int) -> str:
    if fifths == 0:
        return "no sharps or flats"
    kind = "sharp" if fifths > 0 else "flat"
    return f"{abs(fifths)} {kind}{'s' if abs(fifths) > 1 else ''}"


def _signature(clock: Clock, measure: int, onset: int, text: str) -> Signature:
    at = clock.at(measure, onset)
    return Signature(at.measure, at.beat, text)


def _without_repeats(changes: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    return [
        change for index, change in enumerate(changes) if index == 0 or changes[index - 1][2] != change[2]
    ]


def _tempo_changes(score: Score) -> list[tuple[int, int, float]]:
    """Return bar, onset and quarter notes per minute of each tempo; of simultaneous ones, that of the first
    part."""
    tempos: dict[tuple[int, int], float] = {}
    for each in sorted(score.tempos, key=lambda tempo: tempo.part):
        tempos.setdefault((each.measure, each.onset), each.quarters_per_minute)
    return [(*at, tempo) for at, tempo in sorted(tempos.items())]


def _tempos(score: Score, clock: Clock) -> tuple[Tempo, ...]:
    tempos = []
    for measure, onset, tempo in _tempo_changes(score):
        at = clock.at(measure, onset)
        tempos.append(Tempo(at.measure, at.beat, round(tempo, 2)))
    return tuple(tempos)


def _duration_s(score: Score) -> float:
    starts = score.measure_starts
    quarter = score.notes.ticks_per_quarter
    now, tempo, seconds = 0, _DEFAULT_TEMPO, 0.0
    for measure, onset, next_tempo in _tempo_changes(score):
        at = int(starts[measure]) + onset
        seconds += (at - now) / quarter * 60 / tempo
        now, tempo = at, next_tempo
    return seconds + max(0, _end(score) - now) / quarter * 60 / tempo


def _end(score: Score) -> int:
    """Return the end of the last note or rest in ticks; the last bar may be shorter than its signature."""
    table = score.notes
    if not len(table):
        return 0
    return int((score.measure_starts[table.measure] + table.onset + table.duration).max())
