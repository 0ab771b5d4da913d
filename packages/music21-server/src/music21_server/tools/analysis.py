"""Tools that analyse a score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastmcp.tools import Tool
from pydantic import Field

from music21_server.engine.analyses import ANALYSES
from music21_server.engine.schemas import output_schema
from music21_server.service.score_service import ScoreService
from music21_server.theory.analyses.patterns import Measure
from music21_server.theory.analyses.search import Compare
from music21_server.theory.melody.queries import QUERY_FORMS, Notation
from music21_server.theory.melody.query_forms import SearchForm
from music21_server.tools.common import (
    READS,
    KeyName,
    Limit,
    Offset,
    PitchKind,
    ScoreId,
    VoiceNames,
    owner,
)
from music21_server.tools.progress import long_call
from server_core import EncodedJson, PlainTool


class AnalysisTools:
    """Tools that analyse a score.

    Args:
        score_service: Service that does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tools, ready to be added to a FastMCP app."""
        methods: dict[str, Callable[..., Any]] = {
            "information": self.score_info,
            "key": self.key_analysis,
            "chords": self.chord_analysis,
            "harmony": self.harmony_analysis,
            "voice_leading": self.voice_leading_analysis,
            "patterns": self.pattern_recognition,
            "search": self.search_pattern,
        }
        return [
            PlainTool.from_function(
                method,
                annotations=READS,
                output_schema=output_schema(ANALYSES[name].result, ANALYSES[name].pages),
            )
            for name, method in methods.items()
        ]

    async def score_info(self, score_id: ScoreId) -> EncodedJson:
        """Describe a score: parts with instruments and ranges, measures, tempos, time and key signatures."""
        return await self._answer(score_id, "information")

    async def key_analysis(
        self,
        score_id: ScoreId,
        *,
        algorithm: Annotated[
            str,
            Field(
                description="aarden-essen, krumhansl, bellman-budge, temperley-kostka-payne, simple, or "
                "consensus (each counts once)."
            ),
        ] = "aarden-essen",
        pitch: PitchKind = "sounding",
    ) -> EncodedJson:
        """Find the key of a whole score with alternatives, and the keys it passes through (modulations)."""
        return await self._answer(score_id, "key", algorithm=algorithm, pitch=pitch)

    async def chord_analysis(
        self,
        score_id: ScoreId,
        *,
        key: KeyName = None,
        pitch: PitchKind = "sounding",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> EncodedJson:
        """Name every sonority: position, notes, root, quality, inversion and Roman numeral.

        All notes that sound together count, including passing notes; for the chords that a listener hears and
        their functions, use harmony_analysis. Counts cover the whole score; the list is paged.
        """
        return await self._answer(score_id, "chords", offset, limit, key=key, pitch=pitch)

    async def harmony_analysis(
        self,
        score_id: ScoreId,
        *,
        key: KeyName = None,
        in_local_keys: Annotated[
            bool,
            Field(
                description="Numerals in the local key, as analysts write them, instead of the key of the "
                "whole score."
            ),
        ] = False,
        pitch: PitchKind = "sounding",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> EncodedJson:
        """Analyse the harmony: chords without passing notes, functions, cadences, rhythm, progressions.

        Passing notes and arpeggios are merged into the chord that they belong to, which is an interpretation:
        in local keys it agrees with human analysts on key and degree about 70 % of the time in Bach's
        chorales, less in other idioms. For every sonority as written, use chord_analysis.
        """
        return await self._answer(
            score_id, "harmony", offset, limit, key=key, in_local_keys=in_local_keys, pitch=pitch
        )

    async def voice_leading_analysis(
        self,
        score_id: ScoreId,
        *,
        kinds: Annotated[
            list[str] | None,
            Field(description="Kinds of findings, such as `parallel fifths`, `voice crossing`; unset: all."),
        ] = None,
        voices: VoiceNames = None,
        direct: Annotated[
            Literal["outer", "all"],
            Field(description="Direct fifths and octaves: outer voices with a leap above, or all voices."),
        ] = "outer",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> EncodedJson:
        """Check part-writing between all voices: parallels, direct intervals, crossings, overlaps, leaps."""
        return await self._answer(
            score_id, "voice_leading", offset, limit, kinds=kinds, voices=voices, direct=direct
        )

    async def pattern_recognition(
        self,
        score_id: ScoreId,
        *,
        voices: VoiceNames = None,
        measure: Annotated[
            Measure,
            Field(description="`diatonic`: major and minor thirds are equal; `chromatic`: semitones count."),
        ] = "diatonic",
        mirrored: Annotated[
            bool, Field(description="Whether inversions and retrogrades count as occurrences of a motif.")
        ] = True,
        least_notes: Annotated[int, Field(description="Fewest notes of a motif, from 3.")] = 4,
        least_occurrences: Annotated[int, Field(description="Fewest occurrences of a motif, from 2.")] = 3,
        most: Annotated[
            int, Field(ge=1, le=200, description="Most motifs, rhythms and sequences to return.")
        ] = 20,
    ) -> EncodedJson:
        """Find recurring motifs, rhythms and melodic sequences, and each voice's contour.

        To find where a given melody occurs, use search_pattern.
        """
        return await self._answer(
            score_id,
            "patterns",
            voices=voices,
            measure=measure,
            mirrored=mirrored,
            least_notes=least_notes,
            least_occurrences=least_occurrences,
            most=most,
        )

    async def search_pattern(
        self,
        score_id: ScoreId,
        *,
        query: Annotated[str, Field(min_length=1, max_length=4000, description=f"One of: {QUERY_FORMS}.")],
        notation: Annotated[
            Notation | None, Field(description="Notation of the query; unset: detected.")
        ] = None,
        forms: Annotated[tuple[SearchForm, ...], Field(description="Forms of the pattern to search for.")] = (
            "as given",
            "transposed",
        ),
        compare: Annotated[
            Compare, Field(description="Compare intervals in semitones or in diatonic steps.")
        ] = "semitones",
        extra_notes: Annotated[
            int,
            Field(description="Ornaments or passing notes allowed between two notes of the pattern, 0 to 4."),
        ] = 0,
        varied_intervals: Annotated[
            int, Field(description="Number of intervals that may differ by a step, as in tonal answers.")
        ] = 0,
        any_speed: Annotated[
            bool,
            Field(description="Whether all note values of a rhythm may be scaled by one factor."),
        ] = False,
        voices: VoiceNames = None,
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> EncodedJson:
        """Find every occurrence of a given melody, rhythm or contour, in all voices of a score."""
        return await self._answer(
            score_id,
            "search",
            offset,
            limit,
            query=query,
            notation=notation,
            forms=forms,
            compare=compare,
            extra_notes=extra_notes,
            varied_intervals=varied_intervals,
            any_speed=any_speed,
            voices=voices,
        )

    async def _answer(
        self, score_id: str, analysis: str, offset: int = 0, limit: int = 100, **arguments: Any
    ) -> EncodedJson:
        async with long_call() as on_progress:
            answer = await self._score_service.analyse(
                owner(), score_id, analysis, arguments, offset=offset, limit=limit, on_progress=on_progress
            )
            return EncodedJson(answer)
