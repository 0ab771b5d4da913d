"""Tool that writes a second voice against a cantus firmus."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp.tools import Tool
from pydantic import Field

from music21_server.composition.counterpoint.generation import Request, generate
from music21_server.composition.counterpoint.rule import Position
from music21_server.service.score_service import ScoreService
from music21_server.tools.common import STORES_SCORE, NewScoreId, owner, score_summary
from music21_server.tools.progress import long_call
from server_core import PlainTool


class CounterpointTools:
    """Tool that writes a second voice against a cantus firmus.

    Args:
        score_service: Service that does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tool, ready to be added to a FastMCP app."""
        return [PlainTool.from_function(self.generate_counterpoint, annotations=STORES_SCORE)]

    async def generate_counterpoint(
        self,
        *,
        cantus: Annotated[
            str | None,
            Field(
                description="The cantus firmus, one note per measure: `D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4` "
                "(Bb3 or B-3 is B flat). Send this or `score_id`."
            ),
        ] = None,
        score_id: Annotated[
            str | None,
            Field(
                max_length=64,
                description="Stored score that has the cantus: a line of equal notes without rests.",
            ),
        ] = None,
        part: Annotated[
            str | None,
            Field(description="With score_id: part with the cantus, by name or number from 1."),
        ] = None,
        species: Annotated[
            int,
            Field(
                description="1: note against note, 2: two notes, 3: four notes, 4: suspensions, 5: florid."
            ),
        ] = 1,
        position: Annotated[
            Position, Field(description="Position of the new voice relative to the cantus.")
        ] = "above",
        key: Annotated[
            str | None,
            Field(
                description="Mode or key, such as `D dorian` or `G minor`; unset: derived from the cantus, "
                "whose last note is the final."
            ),
        ] = None,
        seed: Annotated[
            int, Field(description="The same seed gives the same result; another seed, another one.")
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
                description="If no counterpoint keeps every strict rule: return the one that breaks fewest, "
                "with a list of violations, instead of an error."
            ),
        ] = False,
        new_score_id: NewScoreId = None,
    ) -> dict[str, Any]:
        """Write strict species counterpoint (Fux) against a cantus firmus, as a new score of two parts.

        For exercises and examples. Every rule is checked note by note. The answer lists the new voice's
        notes, the rules of the species with their source, and violations by measure (none unless you allow
        them). Preferences (contrary motion, few leaps) can be broken; `broken` counts how often. Use
        render_score to see the result.
        """
        request = Request(
            species, position, cantus, part, key, lowest, highest, seed, allow_violations=allow_violations
        )
        async with long_call() as on_progress:
            stored, report = await self._score_service.derive(
                owner(), generate, request,
                sources=(score_id,) if score_id is not None else (), name=new_score_id,
                on_progress=on_progress,
            )  # fmt: skip
        return {**score_summary(stored), **report}
