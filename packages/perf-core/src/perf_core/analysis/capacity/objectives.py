"""Objectives that a server must keep, as typed: ``p99<200ms``, ``errors<0.1%``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from perf_core.errors import UsageError

DEFAULT_OBJECTIVES = ("p99<200ms", "errors<0.1%")

ERRORS = "errors"
_OBJECTIVE = re.compile(
    r"\s*(?P<name>p\d{1,2}(?:\.\d+)?|med|avg|max|errors)\s*<=?\s*(?P<number>\d+(?:\.\d+)?|\.\d+)\s*"
    r"(?P<unit>ms|s|%)?\s*",
    re.ASCII,
)
_EXAMPLES = "Such as p99<200ms, p95<0.5s, med<20ms, avg<50ms, max<1s or errors<0.1%."


@dataclass(frozen=True)
class Objective:
    """One objective.

    Attributes:
        name: A percentile such as ``p99``, ``avg``, ``max`` or ``errors``.
        level: Milliseconds; for ``errors`` a share, 0 to 1.
    """

    name: str
    level: float

    @property
    def budget(self) -> float | None:
        """Share of the calls that may break it, 0 to 1: 0.01 for a p99; None for ``avg`` and ``max``."""
        if self.name == ERRORS:
            return self.level
        if not self.name.startswith("p"):
            return None
        return round(1 - float(self.name[1:]) / 100, 9)

    @property
    def text(self) -> str:
        """The objective as typed: ``p99<200ms``."""
        if self.name == ERRORS:
            return f"errors<{self.level * 100:g}%"
        return f"{self.name}<{self.level:g}ms"


def parse_objectives(texts: Sequence[str]) -> tuple[Objective, ...]:
    """Return the objectives; :data:`DEFAULT_OBJECTIVES` without any.

    Raises:
        UsageError: A text is no objective, or two are about the same figure.

    Example::

        parse_objectives(["p99<0.2s", "errors<0.1%"])   # 200 ms, and a share of 0.001
    """
    objectives = tuple(map(_parsed, texts or DEFAULT_OBJECTIVES))
    names = [each.name for each in objectives]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--slo: expected one objective for {name}, got {names.count(name)}", _EXAMPLES)
    return objectives


def longest_ms(objectives: Sequence[Objective]) -> float | None:
    """Return the longest wait that the objectives name, in milliseconds; None if none is about time."""
    return max((each.level for each in objectives if each.name != ERRORS), default=None)


def _parsed(text: str) -> Objective:
    match = _OBJECTIVE.fullmatch(text)
    if match is None:
        raise UsageError(f"--slo: expected an objective, got {text!r}", _EXAMPLES)
    name, number, unit = match["name"], float(match["number"]), match["unit"] or ""
    if name == ERRORS:
        return _errors_below(text, number, unit)
    if unit not in {"ms", "s"}:
        raise UsageError(f"--slo: expected ms or s after the number, got {text!r}", _EXAMPLES)
    if name == "p0" or number == 0:
        raise UsageError(f"--slo: expected an objective that a server can keep, got {text!r}", _EXAMPLES)
    return Objective("p50" if name == "med" else name, number * (1000 if unit == "s" else 1))


def _errors_below(text: str, number: float, unit: str) -> Objective:
    if unit not in {"", "%"}:
        raise UsageError(f"--slo: expected a share of the calls, got {text!r}", _EXAMPLES)
    share = number / 100 if unit == "%" else number
    if not 0 < share < 1:
        raise UsageError(f"--slo: expected a share of errors above 0 and below 1, got {text!r}", _EXAMPLES)
    return Objective(ERRORS, share)
