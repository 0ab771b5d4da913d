"""The tools that make new scores of stored ones: transposed, or parts and measures of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp.tools import Tool
from pydantic import Field

from music21_server.editing import extraction, transposition
from music21_server.editing.transposition import Direction, TranspositionRequest
from music21_server.service.score_service import ScoreService
from music21_server.tools.common import (
    MAKING,
    FirstMeasure,
    LastMeasure,
    NewScoreId,
    PartNames,
    ScoreId,
    owner,
    score_summary,
    tool_errors,
)
from music21_server.tools.progress import progress_listener
from server_core import PlainTool


class EditingTools:
    """The tools on one score_service.

    Args:
        score_service: Who does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tools, ready to be added to a FastMCP app."""
        return [
            PlainTool.from_function(tool, annotations=MAKING)
            for tool in (self.transpose_score, self.extract_part, self.score_slice)
        ]

    async def transpose_score(
        self,
        score_id: ScoreId,
        *,
        interval: Annotated[
            str | None,
            Field(
                description="By which interval: `M3` a major third up, `-P5` a fifth down, `A1`, `P8`. This, "
                "`semitones` or `to_key`."
            ),
        ] = None,
        semitones: Annotated[
            int | None,
            Field(description="By how many semitones, below zero downwards; spelled as is easiest to read."),
        ] = None,
        to_key: Annotated[
            str | None,
            Field(description="Into which key, such as `Eb major` or `F# minor`; in the mode that it has."),
        ] = None,
        from_key: Annotated[
            str | None,
            Field(description="With to_key: the key it is in now; unset: the one that key_analysis finds."),
        ] = None,
        direction: Annotated[
            Direction | None,
            Field(description="`down` or `up`; unset: an interval up, to a key the nearer way."),
        ] = None,
        parts: PartNames = None,
        new_score_id: NewScoreId = None,
    ) -> dict[str, Any]:
        """Transpose a score, or some parts of it, and keep the result as a new score.

        Notes, accidentals, key signatures, chord symbols and figures are spelled right; lyrics, slurs,
        dynamics, repeats and everything else stay as they are. Where a signature would need more than seven
        sharps or flats the interval is spelled otherwise. Percussion does not move. Transposing instruments
        stay what they are: their written notes move like all others. Returns the new score's name and facts,
        and by which interval which parts moved.
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
        """Take one or more parts out of a score, whole, as a new score.

        An instrument on several staves (piano) comes with all of them. Tempos, rehearsal marks and jumps that
        stand in other parts come along. For some measures of it: score_slice. Returns the new score's name
        and facts.
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
        """Take some measures out of a score, of all parts or of some, as a new score.

        For looking closely at a passage: every other tool works on the slice. Measures keep their numbers;
        clef, key, time and tempo at its beginning are those in force there; slurs, ties and hairpins that
        begin or end outside are left out. Returns the new score's name and facts.
        """
        chosen = tuple(parts) if parts is not None else None
        return await self._derived(
            score_id, new_score_id, extraction.slice_score, first_measure, last_measure, chosen
        )

    async def _derived(
        self, score_id: str, new_score_id: str | None, function: Any, *arguments: Any
    ) -> dict[str, Any]:
        with tool_errors():
            stored, report = await self._score_service.derive(
                owner(),
                function,
                *arguments,
                sources=(score_id,),
                name=new_score_id,
                on_progress=progress_listener(),
            )
        return {**score_summary(stored), **report}
