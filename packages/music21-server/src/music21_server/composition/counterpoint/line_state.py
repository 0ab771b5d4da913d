"""The state of a growing line: everything about it that affects the notes to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from music21_server.composition.counterpoint.dissonance_rules import next_obligation
from music21_server.composition.counterpoint.rhythms import HALF_EIGHTHS, Rhythm
from music21_server.composition.counterpoint.rule import Attack, Figure, Obligation, is_consonant
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import (
    IMPERFECT,
    Interval,
    Tone,
    direction,
    interval,
    simple,
)


class StruckNote(NamedTuple):
    """A tone and its attack."""

    tone: Tone
    attack: Attack


Recent = tuple[StruckNote | None, StruckNote | None, StruckNote | None]


class State(NamedTuple):
    """Everything about a line that affects later notes; lines in equal states have the same continuations.

    Attributes:
        recent: The last three notes struck, latest last.
        moves: The intervals between them.
        turning_point: Note on which the line last changed direction.
        direction: Direction of the line since then.
        lowest: Lowest note so far.
        highest: Highest note so far.
        is_climax_repeated: Whether the highest note has occurred twice.
        last_downbeat: Accented note of the previous measure.
        last_half: Note struck on the second half of the previous measure.
        downbeat: Accented note of this measure.
        half: Note struck on the second half of this measure.
        obligation: What the next note must do.
        chain_length: Number of successive downbeats with the same imperfect consonance.
        rhythm: Rhythm of the current measure.
        rhythm_count: Number of successive measures with that rhythm, at most 3.
    """

    recent: Recent = (None, None, None)
    moves: tuple[Interval, ...] = ()
    turning_point: Tone | None = None
    direction: int = 0
    lowest: Tone | None = None
    highest: Tone | None = None
    is_climax_repeated: bool = False
    last_downbeat: Tone | None = None
    last_half: Tone | None = None
    downbeat: Tone | None = None
    half: Tone | None = None
    obligation: Obligation = ""
    chain_length: int = 0
    rhythm: Rhythm | None = None
    rhythm_count: int = 0


@dataclass(frozen=True)
class Slot:
    """The place of a note in the measure.

    Attributes:
        measure: Index of the measure.
        onset: Eighths since the beginning of the measure.
        duration: Eighths.
        is_tied: Whether the note is held over from the previous measure.
        is_beginning: Whether it is the first note.
        is_close: Whether it is the last note before the last measure.
        is_last: Whether it is in the last measure.
    """

    measure: int
    onset: int
    duration: int
    is_tied: bool = False
    is_beginning: bool = False
    is_close: bool = False
    is_last: bool = False


def slots(rhythm: Rhythm, measure: int, measures: int) -> tuple[Slot, ...]:
    """Return the places of the notes of a measure, one of `measures`."""
    places = rhythm.slots
    return tuple(
        Slot(
            measure,
            onset,
            duration,
            is_tied=index == 0 and rhythm.begins_tied,
            is_beginning=measure == 0 and index == int(rhythm.begins_with_rest),
            is_close=measure == measures - 2 and index == len(places) - 1,
            is_last=measure == measures - 1,
        )
        for index, (onset, duration) in enumerate(places)
        if index or not rhythm.begins_with_rest
    )


def start_measure(state: State, rhythm: Rhythm) -> State:
    """Return the state at the beginning of a measure with a rhythm."""
    return state._replace(
        rhythm=rhythm,
        rhythm_count=min(rhythm_count(state, rhythm), 3),
        last_downbeat=state.downbeat,
        last_half=state.half,
        downbeat=None,
        half=None,
    )


def rhythm_count(state: State, rhythm: Rhythm) -> int:
    """Return the number of successive measures with a rhythm if the next one has it."""
    return state.rhythm_count + 1 if rhythm == state.rhythm else 1


def figure(task: Task, state: State, slot: Slot, tone: Tone, move: Interval | None) -> Figure:
    """Return the last two notes and the next one as a figure; `move` is the interval to the next one."""
    _, second, first = state.recent
    return Figure(
        task.species,
        second.attack if second is not None else None,
        first.attack if first is not None else None,
        Attack(slot.onset, slot.duration, not is_consonant(interval(task.cantus[slot.measure], tone))),
        state.moves[-1] if state.moves else None,
        move,
        state.obligation,
    )


def chain_length(task: Task, state: State, slot: Slot, tone: Tone) -> int:
    """Return how many successive downbeats have the imperfect consonance of this one; 0 for other
    intervals."""
    if state.last_downbeat is None:
        return 0
    between = simple(interval(task.cantus[slot.measure], tone))
    if between not in IMPERFECT:
        return 0
    last = simple(interval(task.cantus[slot.measure - 1], state.last_downbeat))
    is_same = last in IMPERFECT and last.steps == between.steps
    return min(state.chain_length, 3) + 1 if is_same else 1


def advance(task: Task, state: State, slot: Slot, tone: Tone) -> State:
    """Return the state after adding a note."""
    downbeat, chain = state.downbeat, state.chain_length
    if slot.onset == 0:
        downbeat, chain = tone, chain_length(task, state, slot, tone)
    if slot.is_tied:
        is_dissonant = not is_consonant(interval(task.cantus[slot.measure], tone))
        return state._replace(
            downbeat=downbeat, chain_length=chain, obligation="resolution" if is_dissonant else ""
        )
    _, second, first = state.recent
    move = interval(first.tone, tone) if first is not None else None
    new_figure = figure(task, state, slot, tone, move)
    obligation = next_obligation(new_figure) if task.species > 2 else ""
    if slot.onset == HALF_EIGHTHS and task.species == 5 and state.obligation in ("resolution", "return"):
        downbeat = tone
    turning_point, heading = state.turning_point or tone, state.direction
    if first is not None and move is not None:
        new_heading = direction(move)
        if new_heading and heading and new_heading != heading:
            turning_point = first.tone
        heading = new_heading or heading
    lowest, highest, is_climax_repeated = state.lowest, state.highest, state.is_climax_repeated
    if lowest is None or tone.semitone < lowest.semitone:
        lowest = tone
    if highest is None or tone.semitone > highest.semitone:
        highest, is_climax_repeated = tone, False
    elif tone == highest:
        is_climax_repeated = True
    # `_replace` takes several times as long, and this runs for every candidate note.
    return State(
        recent=(second, first, StruckNote(tone, new_figure.now)),
        moves=state.moves if move is None else (*state.moves[-1:], move),
        turning_point=turning_point,
        direction=heading,
        lowest=lowest,
        highest=highest,
        is_climax_repeated=is_climax_repeated,
        last_downbeat=state.last_downbeat,
        last_half=state.last_half,
        downbeat=downbeat,
        half=tone if slot.onset == HALF_EIGHTHS else state.half,
        obligation=obligation,
        chain_length=chain,
        rhythm=state.rhythm,
        rhythm_count=state.rhythm_count,
    )
