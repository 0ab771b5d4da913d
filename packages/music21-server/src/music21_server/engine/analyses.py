"""Analyses by name: arguments, result, and the list of the result that is cut into pages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args, get_type_hints

from pydantic import TypeAdapter

from music21_server.engine.pages import Rows, pack
from music21_server.score.table import Score
from music21_server.theory.analyses.chords import ChordAnalysis, chord_analysis
from music21_server.theory.analyses.harmony import HarmonyAnalysis, harmony_analysis
from music21_server.theory.analyses.keys import KeyAnalysis, Pitch, key_report
from music21_server.theory.analyses.overview import ScoreInformation, information
from music21_server.theory.analyses.patterns import Patterns, find_patterns
from music21_server.theory.analyses.search import Search, search_pattern
from music21_server.theory.analyses.voice_leading import VoiceLeading, voice_leading
from music21_server.theory.pitch.names import parse_key
from music21_server.theory.pitch.transposition import SpelledPitches, sounding_pitches, written_pitches
from music21_server.theory.voice_leading.parallels import DirectPairs


@dataclass(frozen=True)
class Analysis:
    """One kind of analysis.

    Attributes:
        function: Function of a score and keyword arguments that returns a `result`.
        result: Dataclass of the result.
        pages: Field of the result that is cut into pages; None for a short answer.
    """

    function: Callable[..., Any]
    result: Any
    pages: str | None = None


@dataclass(frozen=True)
class Answer:
    """The answer of an analysis.

    Attributes:
        head: Result as JSON, without the rows of its long list.
        rows: Rows of that list; None for a short answer.
    """

    head: bytes
    rows: Rows | None

    @property
    def size_bytes(self) -> int:
        """Size in memory."""
        return len(self.head) + (self.rows.size_bytes if self.rows is not None else 0)


def answer(name: str, score: Score, arguments: Mapping[str, Any]) -> Answer:
    """Return the answer of an analysis.

    Args:
        name: One of `ANALYSES`.
        arguments: Keyword arguments of the analysis.

    Raises:
        ScoreError: The analysis rejects the score or the arguments.
    """
    analysis = ANALYSES[name]
    result = analysis.function(score, **arguments)
    if analysis.pages is None:
        return Answer(_adapter(analysis.result).dump_json(result, by_alias=True), None)
    rows = pack(getattr(result, analysis.pages), rows_adapter(analysis))
    head = replace(result, **{analysis.pages: ()})
    return Answer(_adapter(analysis.result).dump_json(head, by_alias=True), rows)


@functools.cache
def rows_adapter(analysis: Analysis) -> TypeAdapter[Any]:
    """Return the serializer of a row of an analysis' long list."""
    row_type, _ = get_args(get_type_hints(analysis.result)[analysis.pages or ""])
    return _adapter(row_type)


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _chords(score: Score, key: str | None = None, pitch: Pitch = "sounding") -> ChordAnalysis:
    return chord_analysis(score, _pitches(score, pitch), parse_key(key) if key else None)


def _harmony(
    score: Score, key: str | None = None, in_local_keys: bool = False, pitch: Pitch = "sounding"
) -> HarmonyAnalysis:
    given = parse_key(key) if key else None
    return harmony_analysis(score, _pitches(score, pitch), given, in_local_keys=in_local_keys)


_MOST_FINDINGS: Final = 10_000
"""Most findings of each kind in an answer; the counts are exact anyway."""


def _voice_leading(
    score: Score,
    kinds: Sequence[str] | None = None,
    voices: Sequence[str] | None = None,
    direct: DirectPairs = "outer",
) -> VoiceLeading:
    pitches = sounding_pitches(score)
    return voice_leading(score, pitches, kinds=kinds, voices=voices, direct=direct, most=_MOST_FINDINGS)


def _patterns(score: Score, **arguments: Any) -> Patterns:
    return find_patterns(score, sounding_pitches(score), **arguments)


_MOST_MATCHES: Final = 10_000


def _search(score: Score, query: str, **arguments: Any) -> Search:
    return search_pattern(score, sounding_pitches(score), query, most=_MOST_MATCHES, **arguments)


def _pitches(score: Score, pitch: Pitch) -> SpelledPitches:
    return sounding_pitches(score) if pitch == "sounding" else written_pitches(score)


ANALYSES: Final[Mapping[str, Analysis]] = {
    "information": Analysis(information, ScoreInformation),
    "key": Analysis(key_report, KeyAnalysis),
    "chords": Analysis(_chords, ChordAnalysis, "sonorities"),
    "harmony": Analysis(_harmony, HarmonyAnalysis, "harmonies"),
    "voice_leading": Analysis(_voice_leading, VoiceLeading, "findings"),
    "patterns": Analysis(_patterns, Patterns),
    "search": Analysis(_search, Search, "matches"),
}
