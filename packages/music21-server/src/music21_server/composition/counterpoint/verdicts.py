"""The catalogue of all rules, and their cached verdicts on views."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from music21_server.composition.counterpoint.dissonance_rules import (
    FIGURE_RULES,
    RHYTHM_RULES,
    SUSPENSION_RULES,
)
from music21_server.composition.counterpoint.harmonic_rules import (
    ACCENT_RULES,
    CHAIN_RULES,
    MOTION_RULES,
    SONORITY_RULES,
)
from music21_server.composition.counterpoint.melodic_rules import CONTOUR_RULES, MELODIC_RULES
from music21_server.composition.counterpoint.mode_rules import CADENCE_RULES, INFLECTION_RULES
from music21_server.composition.counterpoint.rule import (
    Accents,
    Cadence,
    Chain,
    Contour,
    Figure,
    Inflection,
    Melody,
    Motion,
    RhythmChoice,
    Rule,
    Sonority,
    Suspension,
)

RULES_BY_VIEW: Final[dict[type[Any], tuple[Rule, ...]]] = {
    Melody: MELODIC_RULES,
    Contour: CONTOUR_RULES,
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

RULES: Final = tuple(rule for rules in RULES_BY_VIEW.values() for rule in rules)


class Verdict(NamedTuple):
    """The verdict of all rules on one view.

    Attributes:
        strict: Number of strict rules that are broken.
        cost: Cost of the preferences that are not met.
        broken: The rules that are broken.
    """

    strict: int
    cost: float
    broken: tuple[Rule, ...]


def _judge(rules: tuple[Rule, ...], species: int, view: Any) -> Verdict:
    severities = [(rule, float(rule.severity(view))) for rule in rules if species in rule.species]
    return Verdict(
        sum(1 for rule, severity in severities if severity and rule.is_strict),
        sum(severity * rule.cost for rule, severity in severities if severity and not rule.is_strict),
        tuple(rule for rule, severity in severities if severity),
    )


@lru_cache(maxsize=5)
def judges(species: int) -> dict[type[Any], Callable[[Any], Verdict]]:
    """Return the function that judges each type of view in a species; verdicts are cached."""
    # One cache for each type: named tuples of different types may compare equal.
    return {
        kind: lru_cache(maxsize=1 << 14)(partial(_judge, rules, species))
        for kind, rules in RULES_BY_VIEW.items()
    }
