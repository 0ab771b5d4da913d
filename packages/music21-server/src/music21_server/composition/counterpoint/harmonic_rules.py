"""Rules for the intervals between the voices: at one moment, and from measure to measure."""

from __future__ import annotations

from typing import Final

from music21_server.composition.counterpoint.rule import (
    Accents,
    Chain,
    Motion,
    Rule,
    Sonority,
)
from music21_server.composition.counterpoint.tones import (
    FIFTH,
    PERFECT,
    UNISON,
    Interval,
    Tone,
    direction,
    interval,
    simple,
)

_MOST_STEPS, _USUAL_STEPS = 11, 9
"""Largest distance of the voices, a twelfth, and the largest that costs nothing, a tenth."""

_LONGEST_CHAIN: Final = 3


def _imperfect_beginning(view: Sonority) -> bool:
    allowed = PERFECT if view.position == "above" else {UNISON}
    return view.is_beginning and simple(view.between) not in allowed


def _imperfect_ending(view: Sonority) -> bool:
    return view.is_last_measure and simple(view.between) != UNISON


def _struck_dissonance(view: Sonority) -> bool:
    if view.is_tied or not view.is_dissonant or view.is_last_measure:
        return False
    match view.species:
        case 1 | 4:
            return True
        case 2 | 3:
            return view.onset == 0
        case _:
            return view.onset == 0 or view.duration > 2


def _crosses(view: Sonority) -> bool:
    return view.between < (0, 0) or view.between.semitones < 0


def _too_far(view: Sonority) -> bool:
    return view.between.steps > _MOST_STEPS


def _far(view: Sonority) -> float:
    return max(0, view.between.steps - _USUAL_STEPS)


def _unison_inside(view: Sonority) -> bool:
    is_struck_downbeat = view.onset == 0 and not view.is_tied
    is_end = view.is_beginning or view.is_last_measure
    return is_struck_downbeat and not is_end and view.between == UNISON


def _perfect_inside(view: Sonority) -> float:
    if view.onset or view.is_beginning or view.is_last_measure:
        return 0
    between = simple(view.between)
    return 1.5 if between == UNISON else 0.8 if between == FIFTH else 0


# From one measure to the next


def _directions(view: Motion) -> tuple[int, int]:
    return direction(view.cantus), direction(view.line)


def _parallel(view: Motion) -> bool:
    return all(_directions(view)) and simple(view.before) == simple(view.now) and simple(view.now) in PERFECT


def _direct(view: Motion) -> bool:
    cantus, line = _directions(view)
    return cantus == line != 0 and simple(view.now) in PERFECT and simple(view.before) != simple(view.now)


def _overlaps(view: Motion) -> bool:
    upper, lower = (view.line, view.cantus) if view.position == "above" else (view.cantus, view.line)
    return view.before.semitones + upper.semitones < 0 or lower.semitones > view.before.semitones


def _similar(view: Motion) -> bool:
    cantus, line = _directions(view)
    return cantus == line != 0


def _both_leap(view: Motion) -> bool:
    return abs(view.cantus.steps) > 1 and abs(view.line.steps) > 1 and _similar(view)


def _battuta(view: Motion) -> bool:
    """Return whether a tenth contracts to an octave, with a step above and a leap below."""
    upper, lower = (view.line, view.cantus) if view.position == "above" else (view.cantus, view.line)
    return view.now == Interval(7, 12) and upper.steps == -1 and lower.steps > 1 and view.before.steps > 7


def _two_major_thirds(view: Motion) -> bool:
    is_moving = bool(direction(view.cantus))
    return view.species == 1 and is_moving and simple(view.before) == simple(view.now) == Interval(2, 4)


# From accent to accent


def _accented_parallel(view: Accents) -> bool:
    if view.downbeat is None:
        return False
    if view.species == 4:
        forbidden = (UNISON,) if view.is_tied else (UNISON, FIFTH)
        return view.onset == 0 and _shared_perfect(view, view.downbeat) in forbidden
    is_structural = view.onset == 0 or view.is_resolution
    return is_structural and _shared_perfect(view, view.downbeat) is not None


def _half_parallel(view: Accents) -> bool:
    if view.half is None:
        return False
    match view.species:
        case 3 | 5:
            return view.onset == 0 and not view.is_tied and _shared_perfect(view, view.half) is not None
        case 4:
            return view.onset == 4 and _shared_perfect(view, view.half) is not None
        case _:
            return False


def _offbeat_parallel(view: Accents) -> bool:
    return view.onset == 4 and view.half is not None and _shared_perfect(view, view.half) is not None


def _shared_perfect(view: Accents, before: Tone) -> Interval | None:
    """Return the perfect consonance that both accents have, if both voices move in between."""
    if before == view.now or view.cantus_before == view.cantus:
        return None
    one = simple(interval(view.cantus_before, before))
    other = simple(interval(view.cantus, view.now))
    return one if one == other and one in PERFECT else None


def _long_chain(view: Chain) -> bool:
    return view.length > _LONGEST_CHAIN


SONORITY_RULES: Final = (
    Rule(
        "beginning", True, "the counterpoint begins with a unison or octave, or, above the cantus, a fifth",
        "Fux, book II, exercise I", _imperfect_beginning,
    ),
    Rule("ending", True, "the counterpoint ends in unison or octave with the final",
         "Fux, book II, exercise I", _imperfect_ending),
    Rule(
        "struck dissonance", True,
        "dissonances are struck on weak beats only, by notes no longer than the passing notes of the species",
        "Fux, book II, exercises I to V", _struck_dissonance,
    ),
    Rule("voice crossing", True, "the voices do not cross", "Salzer and Schachter, chapter 1; Fux allows it "
         "for a good line", _crosses),
    Rule("distance", True, "the voices are at most a twelfth apart", "Salzer and Schachter, "
         "chapter 1", _too_far),
    Rule("close voices", False, "the voices are rarely more than a tenth apart", "Jeppesen, Counterpoint",
         _far),
    Rule(
        "unison inside", True, "unisons on a struck downbeat occur only at the beginning and the end",
        "Fux, book II, exercises I and II", _unison_inside,
    ),
    Rule("imperfect consonances", False, "thirds and sixths are better than fifths and octaves",
         "Fux, book II, exercise I", _perfect_inside),
)  # fmt: skip

MOTION_RULES: Final = (
    Rule(
        "parallel perfect consonances", True,
        "no successive fifths, octaves or unisons, not even in contrary motion",
        "Fux, book II, exercise I; in contrary motion Jeppesen, Counterpoint", _parallel,
    ),
    Rule(
        "direct perfect consonances", True, "no fifth, octave or unison is reached in similar motion",
        "Fux, book II, exercise I", _direct,
    ),
    Rule(
        "overlap", True, "neither voice moves past the previous note of the other",
        "Salzer and Schachter, chapter 1; Fux has no such rule", _overlaps,
    ),
    Rule("contrary motion", False, "contrary motion is best", "Fux, book I", _similar, 0.5),
    Rule("both leap", False, "the voices do not leap in the same direction together",
         "Jeppesen, Counterpoint", _both_leap, 2.0),
    Rule("battuta", False, "a tenth does not become an octave by a leap in the lower voice",
         "Fux, book II, exercise I", _battuta, 1.0),
    Rule("mi contra fa", False, "two major thirds do not follow each other", "Jeppesen, Counterpoint",
         _two_major_thirds, 1.0),
)  # fmt: skip

ACCENT_RULES: Final = (
    Rule(
        "parallels between downbeats", True,
        "no fifths, octaves or unisons from downbeat to downbeat; in ligatures fifths may be held over, and "
        "a florid suspension counts as its resolution",
        "Fux, book II, exercise II, who excuses them after a leap of a fourth; Salzer and Schachter, "
        "chapters 2 to 5, who do not", _accented_parallel, species=frozenset({2, 3, 4, 5}),
    ),
    Rule(
        "parallels from the half", True,
        "no fifths, octaves or unisons from the third quarter to the next downbeat, or, in ligatures, from "
        "half to half",
        "Jeppesen, Counterpoint; for ligatures Fux, book II, exercise IV", _half_parallel,
        species=frozenset({3, 4, 5}),
    ),
    Rule("parallels off the beat", False, "no fifths or octaves from weak half to weak half",
         "Salzer and Schachter, chapter 2", _offbeat_parallel, 1.0, frozenset({2, 3})),
)  # fmt: skip

CHAIN_RULES: Final = (
    Rule(
        "chain of thirds or sixths", True, "no more than three thirds or sixths in succession",
        "Salzer and Schachter, chapter 1; Fux has no such rule", _long_chain, species=frozenset({1}),
    ),
    Rule("chain on downbeats", False, "no more than three thirds or sixths on successive downbeats",
         "Salzer and Schachter, chapter 2", _long_chain, 1.0, frozenset({2, 3, 5})),
)  # fmt: skip
