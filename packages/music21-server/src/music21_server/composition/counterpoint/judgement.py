"""One note after another is judged by all rules that it could break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from music21_server.composition.counterpoint.dissonance_rules import (
    FIGURE_RULES,
    RHYTHM_RULES,
    SUSPENSION_RULES,
    owed_after,
)
from music21_server.composition.counterpoint.harmonic_rules import (
    ACCENT_RULES,
    CADENCE_RULES,
    CHAIN_RULES,
    INFLECTION_RULES,
    MOTION_RULES,
    SONORITY_RULES,
)
from music21_server.composition.counterpoint.melodic_rules import COURSE_RULES, MELODIC_RULES
from music21_server.composition.counterpoint.rhythms import HALF_EIGHTHS, Rhythm
from music21_server.composition.counterpoint.rule import (
    Accents,
    Cadence,
    Chain,
    Course,
    Figure,
    Inflection,
    Melody,
    Motion,
    Owed,
    RhythmChoice,
    Rule,
    Sonority,
    Stroke,
    Suspension,
    is_consonant,
    vertical,
)
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import IMPERFECT, Interval, Tone, interval, simple, way


class Event(NamedTuple):
    """A note as it is struck."""

    tone: Tone
    stroke: Stroke


Recent = tuple[Event | None, Event | None, Event | None]

RULES_BY_VIEW: Final[dict[type[Any], tuple[Rule, ...]]] = {
    Melody: MELODIC_RULES,
    Course: COURSE_RULES,
    Sonority: SONORITY_RULES,
    Motion: MOTION_RULES,
    Accents: ACCENT_RULES,
    Chain: CHAIN_RULES,
    Inflection: INFLECTION_RULES,
    Cadence: CADENCE_RULES,
    Figure: FIGURE_RULES,
    Suspension: SUSPENSION_RULES,
    RhythmChoice: RHYTHM_RULES,
}
"""Rules by what they look at."""

RULES: Final = tuple(rule for rules in RULES_BY_VIEW.values() for rule in rules)
"""All of them."""


class Verdict(NamedTuple):
    """Of one view.

    Attributes:
        strict: How many strict rules are broken.
        cost: Of the preferences that are not met.
        broken: Which rules.
    """

    strict: int
    cost: float
    broken: tuple[Rule, ...]


def _judge(rules: tuple[Rule, ...], species: int, view: Any) -> Verdict:
    found = [(rule, float(rule.breaks(view))) for rule in rules if species in rule.species]
    return Verdict(
        sum(1 for rule, times in found if times and rule.is_strict),
        sum(times * rule.cost for rule, times in found if times and not rule.is_strict),
        tuple(rule for rule, times in found if times),
    )


@lru_cache(maxsize=5)
def judges(species: int) -> dict[type[Any], Callable[[Any], Verdict]]:
    """Return what judges each kind of view in a species; verdicts are remembered."""
    # A cache for each kind: tuples of different kinds may be equal.
    return {
        kind: lru_cache(maxsize=1 << 14)(partial(_judge, rules, species))
        for kind, rules in RULES_BY_VIEW.items()
    }


class State(NamedTuple):
    """What of a line matters for notes to come; lines with equal states may be continued alike.

    Attributes:
        recent: The last three notes struck, the very last one at the end.
        moves: The moves between them.
        start: Where the line last turned.
        way: Its direction since.
        lowest: Note so far.
        highest: Note so far.
        is_repeated: Whether the highest has come twice.
        last_downbeat: Accented note of the measure before.
        last_half: Note struck on its second half.
        downbeat: Accented note of this measure.
        half: Note struck on its second half.
        owed: What the next note owes.
        chain: Successive downbeats with the same imperfect consonance.
        rhythm: Index of the measure's rhythm, or of that of the measure before.
        times: How often that has come in succession.
    """

    recent: Recent = (None, None, None)
    moves: tuple[Interval, ...] = ()
    start: Tone | None = None
    way: int = 0
    lowest: Tone | None = None
    highest: Tone | None = None
    is_repeated: bool = False
    last_downbeat: Tone | None = None
    last_half: Tone | None = None
    downbeat: Tone | None = None
    half: Tone | None = None
    owed: Owed = ""
    chain: int = 0
    rhythm: Rhythm | None = None
    times: int = 0


@dataclass(frozen=True)
class Slot:
    """Where a note stands.

    Attributes:
        measure: From 0.
        onset: Eighths since its beginning.
        duration: In eighths.
        is_tied: Whether it is held from the measure before.
        is_beginning: Whether it is the first note.
        is_close: Whether it is the last one before the last measure.
        is_last: Whether it is that of the last measure.
    """

    measure: int
    onset: int
    duration: int
    is_tied: bool = False
    is_beginning: bool = False
    is_close: bool = False
    is_last: bool = False


def slots(rhythm: Rhythm, measure: int, measures: int) -> tuple[Slot, ...]:
    """Return the places of the notes of a measure."""
    found = rhythm.slots
    return tuple(
        Slot(
            measure,
            onset,
            duration,
            is_tied=index == 0 and rhythm.begins_tied,
            is_beginning=measure == 0 and index == int(rhythm.begins_with_rest),
            is_close=measure == measures - 2 and index == len(found) - 1,
            is_last=measure == measures - 1,
        )
        for index, (onset, duration) in enumerate(found)
        if index or not rhythm.begins_with_rest
    )


def rhythm_view(task: Task, state: State, rhythm: Rhythm) -> RhythmChoice:
    """Return what is to be judged of a measure's rhythm."""
    had_eighths = state.rhythm is not None and state.rhythm.has_eighths
    times = state.times + 1 if rhythm == state.rhythm else 1
    return RhythmChoice(task.species, rhythm.cost, rhythm.begins_tied, rhythm.has_eighths, had_eighths, times)


def with_rhythm(state: State, rhythm: Rhythm) -> State:
    """Return the state at the beginning of a measure."""
    times = state.times + 1 if rhythm == state.rhythm else 1
    return state._replace(
        rhythm=rhythm,
        times=min(times, 3),
        last_downbeat=state.downbeat,
        last_half=state.half,
        downbeat=None,
        half=None,
    )


def views(task: Task, state: State, slot: Slot, now: Tone) -> Iterator[Any]:
    """Yield all that is to be judged when a note is added."""
    if not slot.is_tied:
        yield melody_view(task.species, state, now)
    yield from place_views(task, slot, now)
    yield from line_views(task, state, slot, now)


def melody_view(species: int, state: State, now: Tone) -> Melody:
    """Return what is to be judged of a note that is struck after others, wherever it stands."""
    first = state.recent[-1]
    return Melody(species, state.moves if first is None else (*state.moves, interval(first.tone, now)))


def place_views(task: Task, slot: Slot, now: Tone) -> Iterator[Any]:
    """Yield what is to be judged of a note in its place, whatever came before it."""
    cantus = task.cantus[slot.measure]
    between = vertical(task.position, cantus, now)
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
        yield Cadence(cantus, task.cantus[-1], now, None, task.final, task.leading)


def line_views(task: Task, state: State, slot: Slot, now: Tone) -> Iterator[Any]:
    """Yield what is to be judged of a note in its place after others, what is often wrong first."""
    cantus = task.cantus[slot.measure]
    species, position = task.species, task.position
    first = state.recent[-1]
    move = interval(first.tone, now) if first is not None else None
    if slot.onset == 0 and first is not None and move is not None:
        cantus_before = task.cantus[slot.measure - 1]
        yield Motion(
            species,
            position,
            vertical(position, cantus_before, first.tone),
            vertical(position, cantus, now),
            interval(cantus_before, cantus),
            move,
        )
    if not slot.is_tied:
        yield from _struck_views(task, state, slot, now, move)
    if slot.measure > 0 and slot.onset in (0, HALF_EIGHTHS):
        if species > 1:
            yield Accents(
                species, position, task.cantus[slot.measure - 1], cantus, state.last_downbeat,
                state.last_half, now, slot.onset, slot.is_tied, state.owed in ("resolution", "return"),
            )  # fmt: skip
        if slot.onset == 0:
            yield Chain(species, _chain(task, state, slot, now))
    if slot.is_last and first is not None:
        yield Cadence(task.cantus[-2], cantus, first.tone, now, task.final, task.leading)


def _struck_views(task: Task, state: State, slot: Slot, now: Tone, move: Interval | None) -> Iterator[Any]:
    """Yield what is to be judged of a note that is struck."""
    first = state.recent[-1]
    if task.species > 1:
        yield _figure(task, state, slot, now, move)
    if first is None or move is None or state.start is None or state.lowest is None or state.highest is None:
        return
    before = first.tone
    yield Course(
        interval(state.start, before),
        state.way,
        move,
        interval(state.lowest, now),
        interval(state.highest, now),
        state.is_repeated,
        slot.is_last,
    )
    if now.place % 7 in task.inflected_steps or before.place % 7 in task.raised_steps:
        yield Inflection(
            _near(state.recent, slot), now, _near_cantus(task, slot, now),
            task.leading if task.raised_steps else None, task.raised_sixth, task.is_lowered(now),
        )  # fmt: skip


def _near(recent: Recent, slot: Slot) -> tuple[Tone, ...]:
    """Return the last two notes, and a third one in the same measure, the last one first."""
    third, second, first = recent
    found = [event.tone for event in (first, second) if event is not None]
    if (
        third
        and second
        and first
        and third.stroke.onset < second.stroke.onset < first.stroke.onset < slot.onset
    ):
        found.append(third.tone)
    return tuple(found)


def _near_cantus(task: Task, slot: Slot, now: Tone) -> tuple[Tone, ...]:
    """Return the cantus around a measure; against raised notes it may have the other form before."""
    if now.place % 7 in task.raised_steps:
        return ()
    return task.cantus[max(slot.measure - 1, 0) : slot.measure + 2]


def _stroke(task: Task, slot: Slot, now: Tone) -> Stroke:
    return Stroke(slot.onset, slot.duration, not is_consonant(interval(task.cantus[slot.measure], now)))


def _figure(task: Task, state: State, slot: Slot, now: Tone, move: Interval | None) -> Figure:
    _, second, first = state.recent
    return Figure(
        task.species,
        second.stroke if second is not None else None,
        first.stroke if first is not None else None,
        _stroke(task, slot, now),
        state.moves[-1] if state.moves else None,
        move,
        state.owed,
    )


def _chain(task: Task, state: State, slot: Slot, now: Tone) -> int:
    if state.last_downbeat is None:
        return 0
    found = simple(interval(task.cantus[slot.measure], now))
    if found not in IMPERFECT:
        return 0
    last = simple(interval(task.cantus[slot.measure - 1], state.last_downbeat))
    is_same = last in IMPERFECT and last.steps == found.steps
    return min(state.chain, 3) + 1 if is_same else 1


def after(task: Task, state: State, slot: Slot, now: Tone) -> State:
    """Return the state once a note has been added."""
    downbeat, chain = state.downbeat, state.chain
    if slot.onset == 0:
        downbeat, chain = now, _chain(task, state, slot, now)
    if slot.is_tied:
        is_dissonant = not is_consonant(interval(task.cantus[slot.measure], now))
        return state._replace(downbeat=downbeat, chain=chain, owed="resolution" if is_dissonant else "")
    _, second, first = state.recent
    move = interval(first.tone, now) if first is not None else None
    figure = _figure(task, state, slot, now, move)
    owed = owed_after(figure) if task.species > 2 else ""
    if slot.onset == HALF_EIGHTHS and task.species == 5 and state.owed in ("resolution", "return"):
        downbeat = now
    start, heading = state.start or now, state.way
    if first is not None and move is not None:
        turn = way(move)
        if turn and heading and turn != heading:
            start = first.tone
        heading = turn or heading
    lowest, highest, is_repeated = state.lowest, state.highest, state.is_repeated
    if lowest is None or now.semitone < lowest.semitone:
        lowest = now
    if highest is None or now.semitone > highest.semitone:
        highest, is_repeated = now, False
    elif now == highest:
        is_repeated = True
    # Not by `_replace`, which takes several times as long: this is done for each note that may stand.
    return State(
        recent=(second, first, Event(now, figure.now)),
        moves=state.moves if move is None else (*state.moves[-1:], move),
        start=start,
        way=heading,
        lowest=lowest,
        highest=highest,
        is_repeated=is_repeated,
        last_downbeat=state.last_downbeat,
        last_half=state.last_half,
        downbeat=downbeat,
        half=now if slot.onset == HALF_EIGHTHS else state.half,
        owed=owed,
        chain=chain,
        rhythm=state.rhythm,
        times=state.times,
    )
