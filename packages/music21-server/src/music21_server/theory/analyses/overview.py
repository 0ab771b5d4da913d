"""What there is to say about a score before anything is analysed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.spelling import pitch_name
from music21_server.score.table import NOTE, REST, UNPITCHED, Integers, Score
from music21_server.theory.pitch.transposition import SpelledPitches, sounding_pitches, written_pitches
from music21_server.theory.time.positions import Clock

_DEFAULT_TEMPO: Final = 120.0
"""Quarter notes per minute of a score that does not say: MIDI's default."""


@dataclass(frozen=True)
class PartInformation:
    """One staff.

    Attributes:
        name: As printed, or ``Part 3`` where nothing is printed.
        notes: Notes, rests not counted; a chord counts each of its notes.
        lowest_written: Such as ``G3``; None without pitched notes.
        highest_written: Likewise.
        lowest_sounding: As it sounds; differs for transposing instruments.
        highest_sounding: Likewise.
        transposition_semitones: From written to sounding pitch, at the beginning.
    """

    name: str
    notes: int
    lowest_written: str | None
    highest_written: str | None
    lowest_sounding: str | None
    highest_sounding: str | None
    transposition_semitones: int


@dataclass(frozen=True)
class Signature:
    """A time signature or key signature and where it begins.

    Attributes:
        measure: Number of the bar, as printed.
        beat: Beat in it, from 1.
        text: Such as ``3/4``, or ``2 sharps``.
    """

    measure: str
    beat: float
    text: str


@dataclass(frozen=True)
class Tempo:
    """A tempo and where it begins.

    Attributes:
        measure: Number of the bar, as printed.
        beat: Beat in it, from 1.
        quarters_per_minute: Quarter notes per minute.
    """

    measure: str
    beat: float
    quarters_per_minute: float


@dataclass(frozen=True)
class ScoreInformation:
    """A score in short.

    Attributes:
        title: May be empty.
        composer: May be empty.
        parts: In the order of the score.
        measures: Bars.
        first_measure: Number of the first bar, as printed; ``0`` for many pickups.
        last_measure: Number of the last bar, as printed.
        notes: Notes of all parts.
        rests: Rests of all parts.
        unpitched: Notes without pitch (percussion).
        lowest_sounding: Such as ``C2``; None without pitched notes.
        highest_sounding: Likewise.
        duration_quarters: In quarter notes.
        duration_s: In seconds at the tempos of the score, repeats not played.
        time_signatures: Changes, in order.
        key_signatures: Changes at written pitch, in order, of the first part that sounds as written.
        tempos: Changes, in order; empty when the score says none (then 120 is assumed).
        chord_symbols: How many there are.
    """

    title: str
    composer: str
    parts: tuple[PartInformation, ...]
    measures: int
    first_measure: str
    last_measure: str
    notes: int
    rests: int
    unpitched: int
    lowest_sounding: str | None
    highest_sounding: str | None
    duration_quarters: float
    duration_s: float
    time_signatures: tuple[Signature, ...]
    key_signatures: tuple[Signature, ...]
    tempos: tuple[Tempo, ...]
    chord_symbols: int


def information(score: Score) -> ScoreInformation:
    """Return what there is to say about a score."""
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
    )


def _parts(
    score: Score, written: SpelledPitches, sounding: SpelledPitches, is_note: np.ndarray
) -> list[PartInformation]:
    rows = np.flatnonzero(is_note)
    # Rows are ordered by part, so that each part is one stretch.
    edges = np.searchsorted(score.notes.part[rows], np.arange(len(score.parts) + 1))
    found = []
    for index, part in enumerate(score.parts):
        own = rows[edges[index] : edges[index + 1]]
        transposition = part.transpositions[0].chromatic if part.transpositions else 0
        found.append(
            PartInformation(
                part.name or f"Part {index + 1}",
                len(own),
                *_extremes(written, own),
                *_extremes(sounding, own),
                transposition,
            )
        )
    return found


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
    of = as_written[0] if as_written else 0
    changes = sorted(
        {(each.measure, each.onset, _sharps(each.fifths)) for each in score.keys if each.part == of}
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
    """Return bar, onset and quarter notes per minute of tempos; of several at once, the first part's."""
    found: dict[tuple[int, int], float] = {}
    for each in sorted(score.tempos, key=lambda tempo: tempo.part):
        found.setdefault((each.measure, each.onset), each.quarters_per_minute)
    return [(*at, tempo) for at, tempo in sorted(found.items())]


def _tempos(score: Score, clock: Clock) -> tuple[Tempo, ...]:
    made = []
    for measure, onset, tempo in _tempo_changes(score):
        at = clock.at(measure, onset)
        made.append(Tempo(at.measure, at.beat, round(tempo, 2)))
    return tuple(made)


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
    """Return when the last note or rest ends, in ticks: the last bar may be shorter than its signature."""
    table = score.notes
    if not len(table):
        return 0
    return int((score.measure_starts[table.measure] + table.onset + table.duration).max())
