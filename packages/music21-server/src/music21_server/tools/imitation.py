"""The tool that makes new music in the style of other music."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp.tools import Tool
from pydantic import Field

from music21_server.composition.imitation.generation import Request, generate_imitation
from music21_server.composition.imitation.styles import STYLES
from music21_server.service.score_service import ScoreService
from music21_server.tools.common import MAKING, NewScoreId, owner, score_summary, tool_errors
from music21_server.tools.progress import progress_listener
from server_core import PlainTool


class ImitationTools:
    """The tools on one score_service.

    Args:
        score_service: Who does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tools, ready to be added to a FastMCP app."""
        return [PlainTool.from_function(self.imitate_style, annotations=MAKING)]

    async def imitate_style(
        self,
        *,
        composer: Annotated[
            str | None,
            Field(description=f"Whose style, of works in the corpus: {', '.join(STYLES)}. Or score_ids."),
        ] = None,
        score_ids: Annotated[
            list[str] | None,
            Field(max_length=50, description="Stored scores to learn from instead, in one style."),
        ] = None,
        measures: Annotated[int, Field(description="How many, 4 to 64.")] = 16,
        voices: Annotated[
            int | None, Field(description="How many, 1 to 8; unset: as many as most of the works have.")
        ] = None,
        key: Annotated[
            str | None, Field(description="Such as `D minor` or `Bb major`; unset: that of one of the works.")
        ] = None,
        seed: Annotated[
            int, Field(ge=0, le=2**53, description="Another seed makes other music; the same, the same.")
        ] = 0,
        new_score_id: NewScoreId = None,
    ) -> dict[str, Any]:
        """Make new music in the style of a composer, of a repertory, or of stored scores, and store it.

        Beats of the works are put together anew where voice-leading and metre allow it, with a beginning and
        an ending as the works have them. Comes with what was learned from, how alike the result is (distances
        of distributions, 0 to 1; compare `distance` with `works_themselves`), and how much is quoted at most.
        """
        with tool_errors():
            style = composer.strip().lower() if composer is not None else None
            stored, report = await self._score_service.derive(
                owner(),
                generate_imitation,
                Request(style, measures, voices, key, seed),
                sources=tuple(score_ids or ()),
                name=new_score_id,
                on_progress=progress_listener(),
            )
            return {**score_summary(stored), **report}
