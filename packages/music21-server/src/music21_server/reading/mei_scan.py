"""Amount of music in an MEI document, counted in its elements before music21 sees it."""

from __future__ import annotations

from typing import Any, Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.conversion_cost import Workload
from music21_server.reading.written_meters import measure_quarters
from music21_server.reading.xml import elements

_NOTES: Final = frozenset({"note", "rest", "space", "mRest", "mSpace", "multiRest"})
_SPANNERS: Final = frozenset(
    {"slur", "tie", "hairpin", "tupletSpan", "beamSpan", "octave", "fermata", "dynam"}
)
_MOST_NESTED: Final = 60
_MOST_NUMBERS: Final = {"num": 999, "numbase": 999, "dots": 8, "repeat": 999}
"""Largest accepted values of attributes that lengthen or repeat music."""


def mei_workload(source: bytes) -> Workload:
    """Return what music21 has to make of an MEI document in UTF-8.

    Raises:
        UnreadableScoreError: The document is not XML, nested too deeply, or a number in it is out of range.
    """
    notes = measures = rests = definitions = spanners = events = 0
    staves = set()
    for element, depth in elements(source):
        if depth > _MOST_NESTED:
            raise UnreadableScoreError(
                f"Expected MEI elements nested at most {_MOST_NESTED} deep, got more: flatten the document."
            )
        events += 1
        tag = str(element.tag).rpartition("}")[2]
        _check_attributes(element)
        notes += tag in _NOTES
        definitions += tag in ("staffDef", "scoreDef")
        if tag == "staffDef":
            staves.add(element.get("n"))
        measures += tag == "measure"
        spanners += tag in _SPANNERS
        if tag == "multiRest":
            rests += int(element.get("num", "1") or 1)
    return Workload(
        notes,
        staves=max(1, len(staves)),
        # A measure without a staff gets a rest for it.
        measures=measures * max(1, len(staves)) + rests,
        marks=spanners + 2 * definitions,
        # music21 searches the document for the ends of each spanner.
        mark_pairs=0.01 * spanners * events,
        events=4 * events,
    )


def _check_attributes(element: Any) -> None:
    for name, most in _MOST_NUMBERS.items():
        value = element.get(name)
        if value is not None and (
            not value.isascii() or not value.isdigit() or len(value) > 3 or int(value) > most
        ):
            raise UnreadableScoreError(
                f"Expected {name} as a whole number of at most {most} in MEI, got {value[:40]!r}: correct it."
            )
    for prefix in ("", "meter."):
        count, unit = element.get(f"{prefix}count"), element.get(f"{prefix}unit", "4")
        if count is not None:
            measure_quarters(f"{count}/{unit}")
