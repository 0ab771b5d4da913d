"""Amount of music in a Humdrum document, counted in its text before music21 sees it."""

from __future__ import annotations

from collections import Counter

from music21_server.reading.conversion_cost import Workload
from music21_server.reading.written_meters import measure_quarters

_COMPARED = 0.3
"""Share of the pairs of marks that music21 compares; it looks through all marks of a spine for each."""

_COMPARED_COMMENTS = 0.02


def humdrum_workload(text: str) -> Workload:
    """Return what music21 has to make of a Humdrum document.

    Raises:
        UnreadableScoreError: A time signature is out of range.
    """
    notes = spines = measures = comments = events = 0
    marks: Counter[int] = Counter()  # by column: barlines, interpretations and grace notes
    for line in text.splitlines():
        if line.startswith("!"):
            comments += 1
            continue
        tokens = line.split("\t")
        events += len(tokens)
        for column, token in enumerate(tokens):
            if token.startswith("**"):
                spines += 1
            elif token.startswith("*"):
                marks[column] += len(token) > 1
                if token.startswith("*M"):
                    measure_quarters(token[2:])
            elif token.startswith("="):
                marks[column] += 1
                measures += 1
            elif token not in ("", "."):
                notes += token.count(" ") + 1
                marks[column] += "q" in token.lower()
    return Workload(
        notes,
        staves=max(1, spines),
        measures=measures,
        marks=marks.total() - measures,
        mark_pairs=_COMPARED * sum(each**2 for each in marks.values()) + _COMPARED_COMMENTS * comments**2,
        events=events,
    )
