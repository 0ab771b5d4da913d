"""Rules that depend on the mode: raised and lowered notes, and the cadence."""

from __future__ import annotations

from typing import Final

from music21_server.composition.counterpoint.rule import Cadence, Inflection, Rule
from music21_server.composition.counterpoint.tones import (
    degree,
    direction,
    interval,
    is_cross_relation,
    is_step,
)


def _cross_relation(view: Inflection) -> bool:
    others = (*view.recent, *view.cantus)
    return any(is_cross_relation(view.now, other) for other in others)


def _raised_note_unresolved(view: Inflection) -> bool:
    if not view.recent:
        return False
    move = interval(view.recent[0], view.now)
    if view.raised_sixth is not None and degree(view.recent[0]) == view.raised_sixth:
        return not (move.steps == 1 and degree(view.now) == view.leading)
    return view.leading is not None and degree(view.recent[0]) == view.leading and abs(move.steps) != 1


def _lowered(view: Inflection) -> bool:
    return view.is_lowered


def _no_cadence(view: Cadence) -> bool:
    cantus = direction(interval(view.cantus_before, view.cantus))
    if view.now is not None:
        move = interval(view.before, view.now)
        return not is_step(move) or degree(view.now) != view.final
    is_leading = degree(view.before) == view.leading
    is_second = view.before.place % 7 == (view.final.step + 1) % 7
    if not (is_leading or is_second):
        return True
    steps = abs(interval(view.cantus_before, view.cantus).steps)
    return steps == 1 and (1 if is_leading else -1) == cantus


INFLECTION_RULES: Final = (
    Rule(
        "cross relation", True,
        "two forms of a step, such as B and B flat, do not occur close to each other in the line, nor in the "
        "line and in the cantus of the same or a neighbouring measure",
        "Jeppesen, Counterpoint", _cross_relation,
    ),
    Rule("raised notes", True, "the raised seventh moves by step, the raised sixth into the raised seventh",
         "Jeppesen, Counterpoint; Schenker, Kontrapunkt I, for minor keys", _raised_note_unresolved),
    Rule("musica ficta", False, "B flat is used only where it avoids a tritone",
         "Fux, book II; Jeppesen, Counterpoint", _lowered, 3.0),
)  # fmt: skip

CADENCE_RULES: Final = (
    Rule(
        "cadence", True,
        "the final is reached by step, in contrary motion to a stepwise cantus; from below by the leading "
        "note, which is raised except in the phrygian mode",
        "Fux, book II, exercise I; Jeppesen, Counterpoint", _no_cadence,
    ),
)  # fmt: skip
