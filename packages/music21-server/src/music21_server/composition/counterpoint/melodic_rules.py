"""Rules for the melodic intervals and the contour of the line."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from music21_server.composition.counterpoint.rule import Contour, Melody, Rule
from music21_server.composition.counterpoint.tones import FIFTH, UNISON, Interval, combined, direction

_UPWARDS: Final = frozenset({(1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 7), (5, 8), (7, 12)})
_DOWNWARDS: Final = frozenset({(-1, -1), (-1, -2), (-2, -3), (-2, -4), (-3, -5), (-4, -7), (-7, -12)})
_ALLOWED: Final = _UPWARDS | _DOWNWARDS | {(0, 0)}
_SPANS_OF_TWO_LEAPS: Final = frozenset({FIFTH, Interval(5, 8), Interval(5, 9), Interval(7, 12)})
_LEAP_COSTS: Final = (0.0, 0.0, 0.4, 1.0, 1.6, 3.0, 9.0, 3.0)
"""Cost of a melodic interval by its diatonic steps; 7 stands for an octave or more."""

_MOST_STEPS, _MOST_SEMITONES = 9, 16
"""Largest range of the line: a major tenth."""


def _wrong_interval(view: Melody) -> bool:
    return bool(view.moves) and view.moves[-1] not in _ALLOWED


def _unturned_leap(view: Melody) -> bool:
    moves = view.moves[-2:]
    return len(moves) == 2 and abs(moves[0].steps) >= 4 and direction(moves[1]) != -direction(moves[0])


def _unbalanced_leap(view: Melody) -> float:
    moves = view.moves[-2:]
    if len(moves) < 2:
        return 0
    one, other = moves
    unprepared = abs(other.steps) >= 4 and direction(one) == direction(other) != 0
    unfilled = abs(one.steps) >= 3 and (abs(other.steps) > 1 or direction(other) == direction(one))
    return float(unprepared) + float(unfilled)


def _bad_successive_leaps(view: Melody) -> bool:
    leaps = [direction(move) if abs(move.steps) > 1 else 0 for move in view.moves]
    if len(leaps) < 2 or not leaps[-1] or leaps[-1] != leaps[-2]:
        return False
    steps, semitones = combined(*view.moves[-2:])
    return Interval(abs(steps), abs(semitones)) not in _SPANS_OF_TWO_LEAPS or (
        len(leaps) > 2 and leaps[-3] == leaps[-1]
    )


def _two_leaps(view: Melody) -> bool:
    moves = view.moves[-2:]
    return len(moves) == 2 and all(abs(move.steps) > 1 for move in moves)


def _repeated_too_often(view: Melody) -> bool:
    if view.species > 1:
        return _is_repeated(view)
    return len(view.moves) > 1 and view.moves[-2:] == (UNISON, UNISON)


def _is_repeated(view: Melody) -> bool:
    return bool(view.moves) and view.moves[-1] == UNISON


def _repeated(view: Melody) -> bool:
    return view.species == 1 and _is_repeated(view)


def _leap(view: Melody) -> float:
    return _LEAP_COSTS[min(abs(view.moves[-1].steps), 7)] if view.moves else 0


def _alternates(view: Melody) -> bool:
    return len(view.moves) == 3 and all(combined(*pair) == UNISON for pair in pairwise(view.moves))


def _returns(view: Melody) -> bool:
    return view.species in (3, 5) and len(view.moves) > 1 and combined(*view.moves[-2:]) == UNISON


# The contour


def _too_wide(view: Contour) -> bool:
    return any(
        abs(steps) > _MOST_STEPS or abs(semitones) > _MOST_SEMITONES
        for steps, semitones in (view.from_lowest, view.from_highest)
    )


def _outlines(view: Contour) -> list[Interval]:
    """Return the intervals outlined by the movements in one direction that end here."""
    heading = direction(view.move)
    outlines = []
    if view.direction and heading == -view.direction:
        outlines.append(view.outline)
    if view.is_last and heading:
        outlines.append(combined(view.outline, view.move) if heading == view.direction else view.move)
    return outlines


def _outlined_fourth(view: Contour) -> bool:
    return any((abs(steps), abs(semitones)) == (3, 6) for steps, semitones in _outlines(view))


def _outlined_dissonance(view: Contour) -> bool:
    return any(
        (abs(steps), abs(semitones)) == (4, 6) or abs(steps) in (6, 8) for steps, semitones in _outlines(view)
    )


def _repeated_climax(view: Contour) -> bool:
    if not view.is_last:
        return False
    return view.from_highest == UNISON or (view.is_climax_repeated and view.from_highest.semitones < 0)


def _climax_at_end(view: Contour) -> bool:
    return view.is_last and view.from_highest.semitones >= 0


MELODIC_RULES: Final = (
    Rule(
        "melodic interval", True,
        "the line moves by seconds, thirds, fourths, fifths, octaves and ascending minor sixths; no "
        "tritones, major sixths, sevenths, or augmented, diminished or chromatic intervals",
        "Fux, Gradus ad Parnassum (1725), book II, exercise I; Jeppesen, Counterpoint (1931)",
        _wrong_interval,
    ),
    Rule(
        "leap is recovered", True,
        "after a leap of a fifth or more the line changes direction",
        "Salzer and Schachter, Counterpoint in Composition (1969), chapter 1; Fux has no such rule",
        _unturned_leap,
    ),
    Rule(
        "successive leaps", True,
        "two leaps in one direction span a fifth, a sixth or an octave combined, and no third one follows",
        "Jeppesen, Counterpoint; Salzer and Schachter, chapter 1",
        _bad_successive_leaps,
    ),
    Rule(
        "repeated note", True,
        "no note is repeated; the first species allows a single repetition",
        "Fux, book II, exercise II; for the first species Salzer and Schachter, chapter 1",
        _repeated_too_often,
    ),
    Rule("repetition", False, "repeated notes are avoided", "Jeppesen, Counterpoint", _repeated, 2.0),
    Rule("steps prevail", False, "steps are better than leaps, small leaps than large ones", "Fux, book II",
         _leap),
    Rule(
        "balanced leap", False,
        "a leap of a fourth or more is followed by a step back; a leap of a fifth or more is also preceded "
        "by motion in the opposite direction",
        "Jeppesen, Counterpoint", _unbalanced_leap,
    ),
    Rule("two leaps", False, "leaps do not follow each other", "Salzer and Schachter, chapter 1", _two_leaps,
         0.8),
    Rule("to and fro", False, "two notes do not alternate", "Schenker, Kontrapunkt I (1910)", _alternates,
         3.0),
    Rule("turning back", False, "short notes move on rather than return", "Jeppesen, Counterpoint", _returns,
         0.4),
)  # fmt: skip

CONTOUR_RULES: Final = (
    Rule("range", True, "the line stays within a major tenth", "Jeppesen, Counterpoint; Salzer and "
         "Schachter, chapter 1", _too_wide),
    Rule(
        "outlined tritone", True,
        "no movement in one direction outlines an augmented fourth between its turning points",
        "Jeppesen, Counterpoint; Salzer and Schachter, chapter 1; Fux forbids the leap only",
        _outlined_fourth,
    ),
    Rule(
        "outlined dissonance", False,
        "no movement in one direction outlines a diminished fifth, seventh or ninth",
        "Salzer and Schachter, chapter 1", _outlined_dissonance,
    ),
    Rule(
        "single climax", True, "the highest note occurs only once",
        "Schenker, Kontrapunkt I; Salzer and Schachter, chapter 1; Fux has no such rule",
        _repeated_climax,
    ),
    Rule("climax inside", False, "the highest note is not the last one", "Salzer and Schachter, chapter 1",
         _climax_at_end, 2.0),
)  # fmt: skip
