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
    Event,
    Figure,
    Inflection,
    Melody,
    Motion,
    Owed,
    RhythmChoice,
    Rule,
    Sonority,
    Suspension,
    is_consonant,
)
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import IMPERFECT, Tone, interval, simple, way

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
    """Yield what is to be judged when a note is added, what is often wrong first."""
    cantus = task.cantus[slot.measure]
    species, position = task.species, task.position
    third, second, first = state.recent
    before = first.tone if first is not None else None
    if not slot.is_tied:
        earliest, earlier = third.tone if third else None, second.tone if second else None
        yield Melody(species, earliest, earlier, before, now)
    yield Sonority(
        species,
        position,
        cantus,
        now,
        slot.onset,
        slot.duration,
        slot.is_tied,
        slot.is_beginning,
        slot.is_last,
    )
    if slot.onset == 0 and before is not None:
        yield Motion(species, position, task.cantus[slot.measure - 1], cantus, before, now)
    if slot.is_tied:
        if not is_consonant(cantus, now):
            yield Suspension(position, cantus, now)
    else:
        yield from _line_views(task, state, slot, now)
    if slot.measure > 0 and slot.onset in (0, HALF_EIGHTHS):
        if species > 1:
            yield Accents(
                species, position, task.cantus[slot.measure - 1], cantus, state.last_downbeat,
                state.last_half, now, slot.onset, slot.is_tied, state.owed in ("resolution", "return"),
            )  # fmt: skip
        if slot.onset == 0:
            yield Chain(species, _chain(task, state, slot, now))
    if slot.is_close:
        yield Cadence(cantus, task.cantus[-1], now, None, task.final, task.leading)
    elif slot.is_last and before is not None:
        yield Cadence(task.cantus[-2], cantus, before, now, task.final, task.leading)


def _line_views(task: Task, state: State, slot: Slot, now: Tone) -> Iterator[Any]:
    """Yield what is to be judged of a note that is struck."""
    _, second, first = state.recent
    if task.species > 1:
        yield Figure(task.species, second, first, _event(task, slot, now), state.owed)
    if first is None or state.start is None or state.lowest is None or state.highest is None:
        return
    before = first.tone
    yield Course(
        state.start, state.way, before, now, state.lowest, state.highest, state.is_repeated, slot.is_last
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
    if third and second and first and third.onset < second.onset < first.onset < slot.onset:
        found.append(third.tone)
    return tuple(found)


def _near_cantus(task: Task, slot: Slot, now: Tone) -> tuple[Tone, ...]:
    """Return the cantus around a measure; against raised notes it may have the other form before."""
    if now.place % 7 in task.raised_steps:
        return ()
    return task.cantus[max(slot.measure - 1, 0) : slot.measure + 2]


def _event(task: Task, slot: Slot, now: Tone) -> Event:
    return Event(now, slot.onset, slot.duration, not is_consonant(task.cantus[slot.measure], now))


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
        is_dissonant = not is_consonant(task.cantus[slot.measure], now)
        return state._replace(downbeat=downbeat, chain=chain, owed="resolution" if is_dissonant else "")
    event = _event(task, slot, now)
    _, second, first = state.recent
    owed: Owed = ""
    if task.species > 2:
        owed = owed_after(Figure(task.species, second, first, event, state.owed))
    if slot.onset == HALF_EIGHTHS and task.species == 5 and state.owed in ("resolution", "return"):
        downbeat = now
    start, heading = state.start or now, state.way
    if first is not None:
        before = first.tone
        turn = way(interval(before, now))
        if turn and heading and turn != heading:
            start = before
        heading = turn or heading
    highest, lowest = state.highest or now, state.lowest or now
    return state._replace(
        recent=(second, first, event),
        start=start,
        way=heading,
        lowest=min(lowest, now, key=lambda each: each.semitone),
        highest=max(highest, now, key=lambda each: each.semitone),
        is_repeated=now == state.highest or (state.is_repeated and now.semitone < highest.semitone),
        downbeat=downbeat,
        half=now if slot.onset == HALF_EIGHTHS else state.half,
        owed=owed,
        chain=chain,
    )
