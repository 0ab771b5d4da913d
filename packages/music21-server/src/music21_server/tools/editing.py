"""Tools that make new scores from stored ones: transposed, or some parts or measures."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp.tools import Tool
from pydantic import Field

from music21_server.editing import extraction, transposition
from music21_server.editing.transposition import Direction, TranspositionRequest
from music21_server.service.score_service import ScoreService
from music21_server.tools.common import (
    STORES_SCORE,
    FirstMeasure,
    LastMeasure,
    NewScoreId,
    PartNames,
    ScoreId,
    owner,
    score_summary,
)
from music21_server.tools.progress import long_call
from server_core import PlainTool


class EditingTools:
    """Tools that transpose and excerpt stored scores.

    Args:
        score_service: Service that does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tools, ready to be added to a FastMCP app."""
        return [
            PlainTool.from_function(tool, annotations=STORES_SCORE)
            for tool in (self.transpose_score, self.extract_part, self.score_slice)
        ]

    async def transpose_score(
        self,
        score_id: ScoreId,
        *,
        interval: Annotated[
            str | None,
            Field(
                description="Interval to move by: `M3` is a major third up, `-P5` a fifth down. Send this, "
                "`semitones` or `to_key`."
            ),
        ] = None,
        semitones: Annotated[
            int | None,
            Field(description="Semitones to move by, negative for down; spelled as is easiest to read."),
        ] = None,
        to_key: Annotated[
            str | None,
            Field(description="Target key, such as `Eb major` or `F# minor`, in the mode of the score."),
        ] = None,
        from_key: Annotated[
            str | None,
            Field(description="With to_key: the present key; unset: the one that key_analysis finds."),
        ] = None,
        direction: Annotated[
            Direction | None,
            Field(description="`down` or `up`; unset: up by an interval, the nearer way to a key."),
        ] = None,
        parts: PartNames = None,
        new_score_id: NewScoreId = None,
    ) -> dict[str, Any]:
        """Transpose a score, or some parts of it, and store the result as a new score.

        Notes, accidentals, key signatures, chord symbols and figured bass are respelled; lyrics, slurs,
        dynamics, repeats and everything else stay as they are. If a key signature would need more than seven
        sharps or flats, the interval is respelled enharmonically. Percussion does not move. Transposing
        instruments stay in their transposition: their written notes move like all others. Returns the new
        score's name and facts, the interval, and the parts that moved.
        """
        request = TranspositionRequest(
            interval, semitones, to_key, from_key, direction, tuple(parts) if parts is not None else None
        )
        return await self._derived(score_id, new_score_id, transposition.transpose, request)

    async def extract_part(
        self,
        score_id: ScoreId,
        *,
        parts: Annotated[
            list[str], Field(min_length=1, description="Names of parts, or their numbers from 1.")
        ],
        new_score_id: NewScoreId = None,
    ) -> dict[str, Any]:
        """Copy one or more whole parts of a score into a new score.

        An instrument with several staves (piano) keeps all of them. Tempos, rehearsal marks and jumps notated
        in other parts are kept. For some measures only, use score_slice. Returns the new score's name and
        facts.
        """
        return await self._derived(score_id, new_score_id, extraction.extract_parts, tuple(parts))

    async def score_slice(
        self,
        score_id: ScoreId,
        *,
        first_measure: FirstMeasure = None,
        last_measure: LastMeasure = None,
        parts: PartNames = None,
        new_score_id: NewScoreId = None,
    ) -> dict[str, Any]:
        """Copy some measures of a score, of all parts or of some, into a new score.

        For a closer look at a passage: every other tool works on the slice. Measures keep their numbers; it
        starts with the clef, key, time and tempo in force there; slurs, ties and hairpins that start or end
        outside are left out. Returns the new score's name and facts.
        """
        chosen = tuple(parts) if parts is not None else None
        return await self._derived(
            score_id, new_score_id, extraction.slice_score, first_measure, last_measure, chosen
        )

    async def _derived(
        self, score_id: str, new_score_id: str | None, function: Any, *arguments: Any
    ) -> dict[str, Any]:
        async with long_call() as on_progress:
            stored, report = await self._score_service.derive(
                owner(),
                function,
                *arguments,
                sources=(score_id,),
                name=new_score_id,
                on_progress=on_progress,
            )
        return {**score_summary(stored), **report}
