"""Rules for the line from note to note."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from music21_server.composition.counterpoint.rule import Course, Melody, Rule
from music21_server.composition.counterpoint.tones import FIFTH, UNISON, Interval, together, way

_UPWARDS: Final = frozenset({(1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 7), (5, 8), (7, 12)})
_DOWNWARDS: Final = frozenset({(-1, -1), (-1, -2), (-2, -3), (-2, -4), (-3, -5), (-4, -7), (-7, -12)})
_ALLOWED: Final = _UPWARDS | _DOWNWARDS | {(0, 0)}
_TWO_LEAPS: Final = frozenset({FIFTH, Interval(5, 8), Interval(5, 9), Interval(7, 12)})
_WIDTH: Final = (0.0, 0.0, 0.4, 1.0, 1.6, 3.0, 9.0, 3.0)
"""How much a leap is disliked, by its steps."""

_MOST_STEPS, _MOST_SEMITONES = 9, 16
"""A major tenth."""


def _wrong_interval(view: Melody) -> bool:
    return bool(view.moves) and view.moves[-1] not in _ALLOWED


def _unturned_leap(view: Melody) -> bool:
    moves = view.moves[-2:]
    return len(moves) == 2 and abs(moves[0].steps) >= 4 and way(moves[1]) != -way(moves[0])


def _unbalanced_leap(view: Melody) -> float:
    """Leaps of a fourth or more that do not turn by step, before or after."""
    moves = view.moves[-2:]
    if len(moves) < 2:
        return 0
    one, other = moves
    unprepared = abs(other.steps) >= 4 and way(one) == way(other) != 0
    unfilled = abs(one.steps) >= 3 and (abs(other.steps) > 1 or way(other) == way(one))
    return float(unprepared) + float(unfilled)


def _leaps_add_up(view: Melody) -> bool:
    ways = [way(move) if abs(move.steps) > 1 else 0 for move in view.moves]
    if len(ways) < 2 or not ways[-1] or ways[-1] != ways[-2]:
        return False
    steps, semitones = together(*view.moves[-2:])
    return Interval(abs(steps), abs(semitones)) not in _TWO_LEAPS or (len(ways) > 2 and ways[-3] == ways[-1])


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
    return _WIDTH[min(abs(view.moves[-1].steps), 7)] if view.moves else 0


def _to_and_fro(view: Melody) -> bool:
    return len(view.moves) == 3 and all(together(*pair) == UNISON for pair in pairwise(view.moves))


def _turns_back(view: Melody) -> bool:
    return view.species in (3, 5) and len(view.moves) > 1 and together(*view.moves[-2:]) == UNISON


# Of the line as a whole


def _too_wide(view: Course) -> bool:
    return any(
        abs(steps) > _MOST_STEPS or abs(semitones) > _MOST_SEMITONES
        for steps, semitones in (view.from_lowest, view.from_highest)
    )


def _outlines(view: Course) -> list[Interval]:
    """Return what is outlined by the movements in one direction that end here."""
    now = way(view.move)
    found = []
    if view.way and now == -view.way:
        found.append(view.outline)
    if view.is_last and now:
        found.append(together(view.outline, view.move) if now == view.way else view.move)
    return found


def _outlined_fourth(view: Course) -> bool:
    return any((abs(steps), abs(semitones)) == (3, 6) for steps, semitones in _outlines(view))


def _outlined_other(view: Course) -> bool:
    return any(
        (abs(steps), abs(semitones)) == (4, 6) or abs(steps) in (6, 8) for steps, semitones in _outlines(view)
    )


def _climax_again(view: Course) -> bool:
    if not view.is_last:
        return False
    return view.from_highest == UNISON or (view.is_repeated and view.from_highest.semitones < 0)


def _climax_last(view: Course) -> bool:
    return view.is_last and view.from_highest.semitones >= 0


MELODIC_RULES: Final = (
    Rule(
        "melodic interval", True,
        "the line moves by seconds, thirds, fourths, fifths, octaves, and minor sixths upwards; no "
        "tritone, no major sixth, no seventh, nothing augmented, diminished or chromatic",
        "Fux, Gradus ad Parnassum (1725), book II, exercise I; Jeppesen, Counterpoint (1931)",
        _wrong_interval,
    ),
    Rule(
        "leap is recovered", True,
        "after a leap of a fifth or more the line turns round",
        "Salzer and Schachter, Counterpoint in Composition (1969), chapter 1; Fux has no such rule",
        _unturned_leap,
    ),
    Rule(
        "successive leaps", True,
        "two leaps in one direction span a fifth, a sixth or an octave together, and no third one follows",
        "Jeppesen, Counterpoint; Salzer and Schachter, chapter 1",
        _leaps_add_up,
    ),
    Rule(
        "repeated note", True,
        "no note is struck twice in succession; in the first species once again is allowed",
        "Fux, book II, exercise II; for the first species Salzer and Schachter, chapter 1",
        _repeated_too_often,
    ),
    Rule("repetition", False, "a note is rather not repeated", "Jeppesen, Counterpoint", _repeated, 2.0),
    Rule("steps prevail", False, "steps are better than leaps, small leaps than large ones", "Fux, book II",
         _leap),
    Rule(
        "balanced leap", False,
        "a fourth or more is followed by a step back, a fifth or more is approached from the other side",
        "Jeppesen, Counterpoint", _unbalanced_leap,
    ),
    Rule("two leaps", False, "leaps do not come in succession", "Salzer and Schachter, chapter 1", _two_leaps,
         0.8),
    Rule("to and fro", False, "two notes do not alternate", "Schenker, Kontrapunkt I (1910)", _to_and_fro,
         3.0),
    Rule("turning back", False, "short notes rather go on than back", "Jeppesen, Counterpoint", _turns_back,
         0.4),
)  # fmt: skip

COURSE_RULES: Final = (
    Rule("range", True, "the line stays within a major tenth", "Jeppesen, Counterpoint; Salzer and "
         "Schachter, chapter 1", _too_wide),
    Rule(
        "outlined tritone", True,
        "no movement in one direction outlines an augmented fourth from turn to turn",
        "Jeppesen, Counterpoint; Salzer and Schachter, chapter 1; Fux forbids the leap only",
        _outlined_fourth,
    ),
    Rule(
        "outlined dissonance", False,
        "no movement in one direction outlines a diminished fifth, seventh or ninth",
        "Salzer and Schachter, chapter 1", _outlined_other,
    ),
    Rule(
        "single climax", True, "the highest note comes once",
        "Schenker, Kontrapunkt I; Salzer and Schachter, chapter 1; Fux has no such rule",
        _climax_again,
    ),
    Rule("climax inside", False, "the highest note is not the last one", "Salzer and Schachter, chapter 1",
         _climax_last, 2.0),
)  # fmt: skip
