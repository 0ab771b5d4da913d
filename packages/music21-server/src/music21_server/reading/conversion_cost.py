"""Time that music21 needs for a document, estimated before it sees the document.

The coefficients were measured with music21 10.5 on a core of a small cloud machine. Several of its steps take
quadratic time, so that a few kilobytes can take hours; the estimate grows as they do. It needs to be right
only in its order of magnitude: it refuses what is hopeless, and a deadline stops the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from music21_server.errors import TooMuchScoreError
from music21_server.score.limits import Limits
from music21_server.workers.deadlines import Deadline, shorten

_NOTE_S: Final = 0.3e-3
_MEASURE_S: Final = 0.5e-3
_MEASURE_PAIR_S: Final = 1e-6
_STAFF_S: Final = 5e-3
_MARK_S: Final = 0.5e-3
_MARK_PAIR_S: Final = 3.5e-6
_EVENT_S: Final = 25e-6

_SMALLEST_SHARE: Final = 1 / 3
_WHOLE_SHARE_BYTES: Final = 75_000
"""The smallest documents have a third of the time for conversions; from 50 kB they have all of it."""


@dataclass(frozen=True)
class Workload:
    """Amounts of work that a document is for music21.

    Attributes:
        notes: Notes and rests.
        staves: Staves.
        measures: Measures of all staves together.
        measure_pairs: Squares of the measures of each staff, summed.
        pieces: Notes that are split at barlines, counted once per measure.
        marks: Signatures, tempos, slurs and others that become objects, in all staves together.
        mark_pairs: Pairs of marks that music21 compares.
        events: Everything that is parsed.
    """

    notes: int = 0
    staves: int = 1
    measures: float = 0
    measure_pairs: float = 0
    pieces: float = 0
    marks: int = 0
    mark_pairs: float = 0
    events: int = 0

    @property
    def seconds(self) -> float:
        """Time that music21 needs."""
        return (
            _NOTE_S * self.notes
            + _STAFF_S * self.staves
            + _MEASURE_S * (self.measures + self.pieces)
            + _MEASURE_PAIR_S * self.measure_pairs
            + _MARK_S * self.marks
            + _MARK_PAIR_S * self.mark_pairs
            + _EVENT_S * self.events
        )

    def __str__(self) -> str:
        """Return the counts, for an error."""
        measures = _shown(self.measures + self.pieces)
        return f"{self.notes:,} notes, {measures} measures in {self.staves:,} staves, {self.marks:,} marks"


def granted_s(size_bytes: int, limits: Limits) -> float:
    """Return the time that a document of a size has: what is small should not take long."""
    share = min(1.0, _SMALLEST_SHARE + size_bytes / _WHOLE_SHARE_BYTES)
    return round(limits.conversion_timeout_s * share, 1)


def check_workload(workload: Workload, size_bytes: int, limits: Limits) -> None:
    """Start the time that a document has.

    Raises:
        TooMuchScoreError: music21 would need more.
    """
    limit_s = granted_s(size_bytes, limits)
    if workload.seconds > limit_s:
        raise TooMuchScoreError(
            f"Expected a document of {size_bytes:,} bytes that music21 can read in {limit_s:g} s (setting "
            f"conversion_timeout_s), got one that would take about {_shown(workload.seconds)} s: {workload}. "
            f"{_ADVICE}"
        )
    start_deadline(size_bytes, limits)


def start_deadline(size_bytes: int, limits: Limits) -> None:
    """Start the time in which a document of a size must be read."""
    shorten(Deadline(granted_s(size_bytes, limits), "conversion_timeout_s", _ADVICE))


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number < _LARGEST_SHOWN else f"more than {_LARGEST_SHOWN:,}"


_LARGEST_SHOWN: Final = 10_000_000

_ADVICE: Final = "Send a part of it, or send it as MusicXML, which is read 20 times as fast."
