"""The part of a target file that can be read beside mistakes, so that it is checked, too; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from perf_core.targets.file_model import CallTable, JourneyTable, TargetFile

_LABELLING = ("tool", "resource", "prompt", "name", "kind")
"""Fields of a request that decide how it is called in figures."""

_CALL = {"tool": "-"}
_JOURNEY = {"name": "-", "steps": [_CALL]}
_TARGET = {"figure": "error_rate", "comparison": "<", "target": 1.0, "need": "-"}
"""Entries without mistakes, in place of those that cannot be read."""


@dataclass(frozen=True)
class ReadablePart:
    """A file without what cannot be read.

    Attributes:
        file: The file; entries that cannot be read are there without most of their fields, so that the others
            keep their numbers.
        skipped: Places whose content cannot be checked, such as ``calls[2]``.
    """

    file: TargetFile
    skipped: frozenset[str] = frozenset()

    def has(self, problem: str) -> bool:
        """Return whether a problem, which begins with its place, is one of the part."""
        place = problem.partition(":")[0]
        return not any(place == each or place.startswith((f"{each}.", f"{each}[")) for each in self.skipped)


def readable_part(document: Mapping[str, Any], places: Iterable[Sequence[int | str]]) -> ReadablePart:
    """Return the part of a file that can be read.

    Args:
        document: The file as TOML has it.
        places: Places of all mistakes.
    """
    kept: dict[str, Any] = dict(document)
    skipped: set[str] = set()
    for place in places:
        match place:
            case ["calls" | "journeys" | "targets" as name, int(index), *_] if isinstance(
                kept.get(name), list
            ):
                kept[name] = list(kept[name])
                kept[name][index], is_named = _in_place_of(name, document[name][index])
                # Of a request without a name nobody knows which figures it would have.
                skipped |= {f"{name}[{index}]"} if is_named else {f"{name}[{index}]", "targets"}
            case [str(name), *_]:
                kept.pop(name, None)
                skipped |= {name, "targets"} if name in ("calls", "journeys") else {name}
    return ReadablePart(TargetFile.model_validate({"name": "-", **kept}), frozenset(skipped))


def _in_place_of(name: str, entry: Any) -> tuple[dict[str, Any], bool]:
    """Return an entry without fields that may have a mistake, and whether it has its name in figures."""
    if name == "targets":
        return _TARGET, True
    model, unnamed = (CallTable, _CALL) if name == "calls" else (JourneyTable, _JOURNEY)
    named = _named(entry)
    try:
        model.model_validate(named)
    except ValidationError:
        return unnamed, False
    return named, True


def _named(table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        return {}
    named = {key: table[key] for key in _LABELLING if key in table}
    steps = table.get("steps")
    return {**named, "steps": list(map(_named, steps))} if isinstance(steps, list) else named
