"""Voice leading of chorales compared with `music21.voiceLeading.VoiceLeadingQuartet`.

The pairs and moments are music21's too (`iterateVerticalities`). Where definitions differ on purpose:

* music21 includes contrary motion in parallels; here these are separate kinds, which are compared together.
* Motion from a unison to an octave is a parallel here but not in music21. Such moments are left out.
* Two voices that exchange the notes of a fifth make fifths in music21 but not here. They are left out too.
* The caller chooses the upper voice of a quartet; here it is the voice that is above for most of the time.
* music21 counts an overlap where voices cross; here such a place is only a crossing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import music21
import pytest
from music21 import converter, note, stream
from music21.voiceLeading import VoiceLeadingQuartet

from music21_server.score.table import Score
from music21_server.theory.analyses.voice_leading import voice_leading
from music21_server.theory.melody.lines import melodic_lines
from music21_server.theory.pitch.transposition import written_pitches
from music21_server.theory.voice_leading.crossings import MOST_FOR_ALL_PAIRS
from music21_server.theory.voice_leading.occurrences import KINDS

Place = tuple[str, float, frozenset[str]]
"""Kind, quarter notes from the beginning, and the notes that are reached."""

_TOGETHER = {
    "fifths by contrary motion": "parallel fifths",
    "octaves by contrary motion": "octaves",
    "parallel octaves": "octaves",
    "parallel unisons": "octaves",
}


class Moments:
    """The moments of a score according to music21."""

    def __init__(self, parsed: stream.Score) -> None:
        self._parts = list(parsed.parts)
        self._moments = list(parsed.asTimespans(classList=(note.Note,)).iterateVerticalities())
        self._above = self._usually_above()

    def _sounding(self, verticality: Any) -> dict[int, float]:
        spans = [*verticality.startTimespans, *verticality.overlapTimespans]
        return {self._parts.index(span.part): span.element.pitch.ps for span in spans}

    def _pairs(self) -> Iterator[tuple[Any, tuple[int, int], float]]:
        """Yield each moment, two parts that sound, and by how much the first is higher."""
        for verticality in self._moments:
            for (one, height), (other, another) in combinations(
                sorted(self._sounding(verticality).items()), 2
            ):
                yield verticality, (one, other), height - another

    def _usually_above(self) -> dict[tuple[int, int], bool]:
        above: dict[tuple[int, int], float] = defaultdict(float)
        for verticality, pair, size in self._pairs():
            ends = [span.endTime for span in [*verticality.startTimespans, *verticality.overlapTimespans]]
            lasts = min([*ends, verticality.nextVerticality.offset if verticality.nextVerticality else 1e9])
            above[pair] += (lasts - verticality.offset) * ((size > 0) - (size < 0))
        return {pair: time >= 0 for pair, time in above.items()}

    def quartets(self) -> Iterator[tuple[float, VoiceLeadingQuartet]]:
        """Yield the quartets of all moments, the usually higher part as the first voice."""
        for verticality in self._moments:
            for motions in verticality.getAllVoiceLeadingQuartets(
                includeRests=False, includeOblique=False, returnObjects=False
            ):
                first, second = sorted(motions, key=lambda motion: self._parts.index(motion[0].part))
                pair = (self._parts.index(first[0].part), self._parts.index(second[0].part))
                upper, lower = (first, second) if self._above[pair] else (second, first)
                notes = (upper[0].element, upper[1].element, lower[0].element, lower[1].element)
                yield float(verticality.offset), VoiceLeadingQuartet(*notes)

    def crossings(self) -> int:
        """Return the number of stretches of crossing among moments at which both sound."""
        crossed: dict[tuple[int, int], list[bool]] = defaultdict(list)
        for _, pair, size in self._pairs():
            crossed[pair].append(size < 0 if self._above[pair] else size > 0)
        return sum(
            is_crossed and (at == 0 or not moments[at - 1])
            for moments in crossed.values()
            for at, is_crossed in enumerate(moments)
        )


def _by_music21(moments: Moments) -> tuple[Counter[Place], set[tuple[float, frozenset[str]]]]:
    """Return the places, and the moments where the definitions differ."""
    result: Counter[Place] = Counter()
    left_out = set()
    for offset, quartet in moments.quartets():
        reached = frozenset((quartet.v1n2.pitch.nameWithOctave, quartet.v2n2.pitch.nameWithOctave))
        sizes = [each.semiSimpleName for each in quartet.vIntervals]
        above = [each.direction for each in quartet.vIntervals]
        if set(sizes) == {"P1", "P8"} or (set(sizes) == {"P5"} and above[0] != above[1]):
            left_out.add((offset, reached))
        for kind, holds in (
            ("parallel fifths", quartet.parallelFifth()),
            ("octaves", quartet.parallelUnisonOrOctave()),
            ("direct fifth", quartet.hiddenFifth()),
            ("direct octave", quartet.hiddenOctave()),
            ("voice overlap", quartet.voiceOverlap() and not quartet.voiceCrossing()),
        ):
            if holds:
                result[(kind, offset, reached)] += 1
    return result, left_out


def _places(score: Score) -> tuple[Counter[Place], bool]:
    """Return the places, and whether voices double each other."""
    kinds = [kind for kind in KINDS if "leap" not in kind and kind != "voice crossing"]
    result = voice_leading(score, written_pitches(score), kinds=kinds, direct="all", most=10_000)
    places = Counter(
        (
            _TOGETHER.get(each.kind, each.kind),
            each.position.offset,
            frozenset((each.upper_to, str(each.lower_to))),
        )
        for each in result.findings
    )
    return places, result.doublings_found > 0


def _compare(path: Any, score: Score) -> tuple[int, int]:
    parsed = converter.parse(path, forceSource=True)
    # In music21 a grace note is simultaneous with its note, as a second note of the part.
    graces = [each for each in parsed.recurse().notes if each.duration.isGrace]
    parsed.remove(graces, recurse=True)
    moments = Moments(parsed)
    expected, left_out = _by_music21(moments)
    result, is_doubled = _places(score)
    for places in (expected, result):
        for kind, offset, reached in list(places):
            # music21 counts the motion of doubling voices, and counts it again for each of them.
            if (offset, reached) in left_out or (is_doubled and kind != "voice overlap"):
                del places[kind, offset, reached]
    assert result == expected
    crossings = voice_leading(score, written_pitches(score), kinds=["voice crossing"]).counts[0].count
    assert crossings == moments.crossings()
    return sum(expected.values()), crossings


CHORALES = ["bach/bwv66.6.mxl", "bach/bwv10.7.mxl"]


CORPUS = Path(music21.__file__).parent / "corpus"


@pytest.mark.parametrize("name", CHORALES)
def test_a_chorale(name: str, corpus_score: Callable[[str], Score]) -> None:
    places, _ = _compare(CORPUS / name, corpus_score(name))
    assert places > 5


@pytest.mark.corpus
@pytest.mark.parametrize(
    "name",
    sorted(f"bach/{path.name}" for path in (CORPUS / "bach").glob("bwv*") if path.suffix in (".mxl", ".xml")),
)
def test_every_chorale(name: str, corpus_score: Callable[[str], Score]) -> None:
    score = corpus_score(name)
    lines = melodic_lines(score, written_pitches(score))
    if lines.left_out or len(lines.names) != len(score.parts):
        pytest.skip("chords or several voices in a part, which are no voices of a quartet")
    if len(lines.names) > MOST_FOR_ALL_PAIRS:
        pytest.skip("more voices than those of which all pairs are compared")
    if ((score.own_ticks >= 0) & (score.own_ticks != score.measure_ticks)).any():
        pytest.skip("bars of different length, after which the parts of music21 drift apart")
    _compare(CORPUS / name, score)
