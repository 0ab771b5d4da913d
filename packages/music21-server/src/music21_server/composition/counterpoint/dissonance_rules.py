"""Rules for dissonances, suspensions and rhythm, which differ between the species."""

from __future__ import annotations

from typing import Final

from music21_server.composition.counterpoint.rule import (
    Figure,
    Obligation,
    RhythmChoice,
    Rule,
    Suspension,
)
from music21_server.composition.counterpoint.tones import UNISON, Interval, combined, direction, is_step

_SUSPENSIONS_ABOVE: Final = frozenset({3, 6, 1})
_SUSPENSIONS_BELOW: Final = frozenset({1, 3, 4})
_QUARTER: Final = 2


def _step(move: Interval | None) -> int:
    """Return 1 or -1 for a step upwards or downwards, 0 for any other interval."""
    return direction(move) if move is not None and is_step(move) else 0


def _returns(view: Figure) -> bool:
    """Return whether the last note repeats the first one."""
    return view.into is not None and view.out is not None and combined(view.into, view.out) == UNISON


def _entered_by_leap(view: Figure) -> bool:
    return view.now.is_dissonant and not _step(view.out)


def is_cambiata(view: Figure) -> bool:
    """Return whether a dissonance is left as in Fux's cambiata: down a third from the second quarter."""
    before, middle, now = view.before, view.middle, view.now
    return (
        view.species in (3, 5)
        and before is not None
        and middle is not None
        and (before.onset, middle.onset, now.onset) == (0, 2, 4)
        and (before.duration, middle.duration, now.duration) == (2, 2, 2)
        and _step(view.into) == -1
        and view.out is not None
        and view.out.steps == -2
        and not now.is_dissonant
    )


def _left_wrongly(view: Figure) -> bool:
    if view.middle is None or not view.middle.is_dissonant:
        return False
    into, out = _step(view.into), _step(view.out)
    is_passing = into == out != 0
    is_weak = view.middle.onset in (2, 3, 6, 7)
    is_neighbour = view.species in (3, 5) and is_weak and into == -out != 0 and _returns(view)
    return not (is_passing or is_neighbour or is_cambiata(view))


def _two_dissonances(view: Figure) -> bool:
    return view.now.is_dissonant and view.middle is not None and view.middle.is_dissonant


def _cambiata_unfinished(view: Figure) -> bool:
    return view.obligation.startswith("step up") and _step(view.out) != 1


def _leaping_eighths(view: Figure) -> bool:
    if view.middle is None or _step(view.out):
        return False
    return 1 in (view.middle.duration, view.now.duration)


def _unresolved(view: Figure) -> bool:
    now = view.now
    if view.middle is None:
        return False
    match view.obligation:
        case "resolution":
            is_timely = now.onset == 4 or (now.onset, now.duration) == (2, 1)
            return not is_timely or _step(view.out) != -1 or now.is_dissonant
        case "lower neighbour":
            return _step(view.out) != -1
        case "return":
            return now.onset != 4 or not _returns(view) or now.is_dissonant
        case _:
            return False


def next_obligation(view: Figure) -> Obligation:
    """Return what the note after the figure must do."""
    match view.obligation:
        case "step up twice":
            return "step up"
        case "resolution":
            return "lower neighbour" if view.now.onset == 2 else ""
        case "lower neighbour":
            return "return"
        case _:
            is_dissonant = view.middle is not None and view.middle.is_dissonant
            return "step up twice" if is_dissonant and is_cambiata(view) else ""


def _leap_up_from_accent(view: Figure) -> bool:
    """Return whether the line leaps upwards from an accented quarter."""
    if view.middle is None or view.middle.duration != _QUARTER or view.middle.onset not in (0, 4):
        return False
    return view.out is not None and view.out.steps > 1


def _wrong_suspension(view: Suspension) -> bool:
    if view.between.steps < 1:
        return True
    if view.position == "above" and view.between.steps == 1:
        return True  # 2-1: only the ninth resolves into a perfect consonance
    allowed = _SUSPENSIONS_ABOVE if view.position == "above" else _SUSPENSIONS_BELOW
    return view.between.steps % 7 not in allowed


def _weak_suspension(view: Suspension) -> bool:
    return view.between.steps % 7 == (1 if view.position == "above" else 3)


def _same_rhythm_thrice(view: RhythmChoice) -> bool:
    return view.times > 2


def _same_rhythm(view: RhythmChoice) -> bool:
    return view.species == 5 and view.times > 1


def _choice_cost(view: RhythmChoice) -> float:
    return view.cost


def _many_eighths(view: RhythmChoice) -> bool:
    return view.has_eighths and view.had_eighths


def _no_ligature(view: RhythmChoice) -> bool:
    return not view.begins_tied


FIGURE_RULES: Final = (
    Rule(
        "dissonance entered by step", True, "a struck dissonance is entered by step",
        "Fux, book II, exercises II and III", _entered_by_leap, species=frozenset({2, 3, 5}),
    ),
    Rule(
        "dissonance left", True,
        "a struck dissonance is a passing note; quarters may also be neighbour notes, except on the third "
        "quarter, and the second quarter may leap down a third in a cambiata",
        "Fux, book II, exercises II and III; Salzer and Schachter, chapter 3, for neighbours",
        _left_wrongly, species=frozenset({2, 3, 5}),
    ),
    Rule(
        "two dissonances", True, "two struck dissonances do not follow each other",
        "Fux, book II, exercise III", _two_dissonances, species=frozenset({3, 5}),
    ),
    Rule(
        "cambiata", True, "after its descending third the cambiata moves up by two steps",
        "Fux, book II, exercise III; Jeppesen, Counterpoint", _cambiata_unfinished,
        species=frozenset({3, 5}),
    ),
    Rule(
        "suspension resolves", True,
        "a suspended dissonance resolves down by step to a consonance on the second half; in the fifth "
        "species two eighths, the resolution and the note below it, may come in between",
        "Fux, book II, exercises IV and V", _unresolved, species=frozenset({4, 5}),
    ),
    Rule(
        "eighths", True, "eighths are reached and left by step",
        "Fux, book II, exercise V; Jeppesen, Counterpoint",
        _leaping_eighths, species=frozenset({5}),
    ),
    Rule("leap up from the beat", False, "the line does not leap up from an accented quarter",
         "Jeppesen, Counterpoint", _leap_up_from_accent, 0.8, frozenset({3, 5})),
)  # fmt: skip

SUSPENSION_RULES: Final = (
    Rule(
        "kind of suspension", True, "above the cantus 7-6, 4-3 or 9-8; below it 2-3, 4-5 or 5-6, never 7-8",
        "Fux, book II, exercise IV; Salzer and Schachter, chapter 4", _wrong_suspension,
        species=frozenset({4, 5}),
    ),
    Rule("better suspensions", False, "9-8 above and 4-5 below are weaker than the others",
         "Salzer and Schachter, chapter 4", _weak_suspension, 1.0, frozenset({4, 5})),
)  # fmt: skip

RHYTHM_RULES: Final = (
    Rule(
        "monotonous rhythm", True, "no rhythm is used in three successive measures",
        "Salzer and Schachter, chapter 5; Fux has no such rule", _same_rhythm_thrice, species=frozenset({5}),
    ),
    Rule("varied rhythm", False, "successive measures have different rhythms", "Fux, book II, exercise V",
         _same_rhythm, 2.0, frozenset({5})),
    Rule("sparing eighths", False, "eighths are not used in two successive measures",
         "Fux, book II, exercise V", _many_eighths, 1.0, frozenset({5})),
    Rule("ligatures", False, "measures begin with a ligature where possible", "Fux, book II, exercise V",
         _no_ligature, 0.5, frozenset({5})),
    Rule("unbroken ligatures", False, "ligatures are broken only where there is no other way, and the close "
         "has one", "Fux, book II, exercises IV and V", _choice_cost, 1.0, frozenset({4, 5})),
    Rule("two to one", False, "the penultimate measure has two notes too", "Fux, book II, exercise II",
         _choice_cost, 1.0, frozenset({2})),
)  # fmt: skip
