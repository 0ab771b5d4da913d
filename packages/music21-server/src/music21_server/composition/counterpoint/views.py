"""The views that the rules judge when a note is added to a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from music21_server.composition.counterpoint.line_state import (
    Recent,
    Slot,
    State,
    chain_length,
    figure,
    rhythm_count,
)
from music21_server.composition.counterpoint.rhythms import HALF_EIGHTHS, Rhythm
from music21_server.composition.counterpoint.rule import (
    Accents,
    Cadence,
    Chain,
    Contour,
    Inflection,
    Melody,
    Motion,
    RhythmChoice,
    Sonority,
    Suspension,
    is_consonant,
    vertical,
)
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import Interval, Tone, interval


def rhythm_view(task: Task, state: State, rhythm: Rhythm) -> RhythmChoice:
    """Return the view of the rhythm of the next measure."""
    had_eighths = state.rhythm is not None and state.rhythm.has_eighths
    times = rhythm_count(state, rhythm)
    return RhythmChoice(task.species, rhythm.cost, rhythm.begins_tied, rhythm.has_eighths, had_eighths, times)


def note_views(task: Task, state: State, slot: Slot, tone: Tone) -> Iterator[Any]:
    """Yield all views of a note that is added to a line."""
    if not slot.is_tied:
        yield melody_view(task.species, state, tone)
    yield from place_views(task, slot, tone)
    yield from line_views(task, state, slot, tone)


def melody_view(species: int, state: State, tone: Tone) -> Melody:
    """Return the view that depends only on the melodic intervals to a struck note, not on its place."""
    first = state.recent[-1]
    return Melody(species, state.moves if first is None else (*state.moves, interval(first.tone, tone)))


def place_views(task: Task, slot: Slot, tone: Tone) -> Iterator[Any]:
    """Yield the views that depend only on a note and its place, not on the notes before it."""
    cantus = task.cantus[slot.measure]
    between = vertical(task.position, cantus, tone)
    yield Sonority(
        task.species,
        task.position,
        between,
        slot.onset,
        slot.duration,
        slot.is_tied,
        slot.is_beginning,
        slot.is_last,
    )
    if slot.is_tied and not is_consonant(between):
        yield Suspension(task.position, between)
    if slot.is_close:
        yield Cadence(cantus, task.cantus[-1], tone, None, task.final, task.leading)


def line_views(task: Task, state: State, slot: Slot, tone: Tone) -> Iterator[Any]:
    """Yield the views that depend on a note, its place and the line before it, often broken rules first."""
    cantus = task.cantus[slot.measure]
    species, position = task.species, task.position
    first = state.recent[-1]
    move = interval(first.tone, tone) if first is not None else None
    if slot.onset == 0 and first is not None and move is not None:
        cantus_before = task.cantus[slot.measure - 1]
        yield Motion(
            species,
            position,
            vertical(position, cantus_before, first.tone),
            vertical(position, cantus, tone),
            interval(cantus_before, cantus),
            move,
        )
    if not slot.is_tied:
        yield from _struck_note_views(task, state, slot, tone, move)
    if slot.measure > 0 and slot.onset in (0, HALF_EIGHTHS):
        if species > 1:
            yield Accents(
                species, position, task.cantus[slot.measure - 1], cantus, state.last_downbeat,
                state.last_half, tone, slot.onset, slot.is_tied, state.obligation in ("resolution", "return"),
            )  # fmt: skip
        if slot.onset == 0:
            yield Chain(species, chain_length(task, state, slot, tone))
    if slot.is_last and first is not None:
        yield Cadence(task.cantus[-2], cantus, first.tone, tone, task.final, task.leading)


def _struck_note_views(
    task: Task, state: State, slot: Slot, tone: Tone, move: Interval | None
) -> Iterator[Any]:
    first, start = state.recent[-1], state.turning_point
    if task.species > 1:
        yield figure(task, state, slot, tone, move)
    if first is None or move is None or start is None or state.lowest is None or state.highest is None:
        return
    before = first.tone
    yield Contour(
        interval(start, before),
        state.direction,
        move,
        interval(state.lowest, tone),
        interval(state.highest, tone),
        state.is_climax_repeated,
        slot.is_last,
    )
    if tone.place % 7 in task.inflected_steps or before.place % 7 in task.raised_steps:
        yield Inflection(
            _nearby_notes(state.recent, slot), tone, _nearby_cantus(task, slot, tone),
            task.leading if task.raised_steps else None, task.raised_sixth, task.is_lowered(tone),
        )  # fmt: skip


def _nearby_notes(recent: Recent, slot: Slot) -> tuple[Tone, ...]:
    """Return the last two notes, and a third if all are in the current measure; latest first."""
    third, second, first = recent
    nearby = [note.tone for note in (first, second) if note is not None]
    if (
        third
        and second
        and first
        and third.attack.onset < second.attack.onset < first.attack.onset < slot.onset
    ):
        nearby.append(third.tone)
    return tuple(nearby)


def _nearby_cantus(task: Task, slot: Slot, tone: Tone) -> tuple[Tone, ...]:
    """Return the cantus notes around a measure; none for a raised step, whose natural form may precede it."""
    if tone.place % 7 in task.raised_steps:
        return ()
    return task.cantus[max(slot.measure - 1, 0) : slot.measure + 2]
