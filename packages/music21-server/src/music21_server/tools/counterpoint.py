"""The tool that writes a second voice against a cantus firmus."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp.tools import Tool
from pydantic import Field

from music21_server.composition.counterpoint.generation import Request, generate
from music21_server.composition.counterpoint.rule import Position
from music21_server.service.score_service import ScoreService
from music21_server.tools.common import MAKING, NewScoreId, owner, score_summary, tool_errors
from music21_server.tools.progress import progress_listener
from server_core import PlainTool


class CounterpointTools:
    """The tools on one score_service.

    Args:
        score_service: Who does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tools, ready to be added to a FastMCP app."""
        return [PlainTool.from_function(self.generate_counterpoint, annotations=MAKING)]

    async def generate_counterpoint(
        self,
        *,
        cantus: Annotated[
            str | None,
            Field(
                description="The cantus firmus, one note for each measure: `D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 "
                "D4` (Bb3 or B-3 is B flat). This, or score_id."
            ),
        ] = None,
        score_id: Annotated[
            str | None,
            Field(
                max_length=64,
                description="Imported score whose notes are the cantus: a line of equal notes without rests.",
            ),
        ] = None,
        part: Annotated[
            str | None, Field(description="With score_id: the cantus' part, by name or number from 1.")
        ] = None,
        species: Annotated[
            int,
            Field(
                description="1 note against note, 2 two notes, 3 four notes, 4 ligatures (suspensions), "
                "5 florid."
            ),
        ] = 1,
        position: Annotated[
            Position, Field(description="Whether the new voice is above the cantus or below it.")
        ] = "above",
        key: Annotated[
            str | None,
            Field(
                description="Mode or key, such as `D dorian` or `G minor`; unset: told from the cantus, "
                "whose last note is the final."
            ),
        ] = None,
        seed: Annotated[
            int, Field(description="Another seed gives another result; the same one the same.")
        ] = 0,
        lowest: Annotated[
            str | None, Field(description="Lowest note of the new voice, such as `C4`; unset: any.")
        ] = None,
        highest: Annotated[
            str | None, Field(description="Highest note of the new voice, such as `A5`; unset: any.")
        ] = None,
        allow_violations: Annotated[
            bool,
            Field(
                description="Where no counterpoint keeps every strict rule: the one that breaks fewest, with "
                "a list of them, instead of an error."
            ),
        ] = False,
        new_score_id: NewScoreId = None,
    ) -> dict[str, Any]:
        """Write strict species counterpoint (Fux) against a cantus firmus, as a new score of two parts.

        For exercises and examples. Every rule is checked note by note. The answer lists the new voice's
        notes, the rules of the species with the book that each follows, and violations by measure: there are
        none unless you allow them. Preferences (contrary motion, few leaps) may be broken; `broken` counts
        how often. See the score with render_score.
        """
        request = Request(
            species, position, cantus, part, key, lowest, highest, seed, allow_violations=allow_violations
        )
        with tool_errors():
            stored, report = await self._score_service.derive(
                owner(), generate, request,
                sources=(score_id,) if score_id is not None else (), name=new_score_id,
                on_progress=progress_listener(),
            )  # fmt: skip
        return {**score_summary(stored), **report}
