"""Tool that makes new music in the style of other music."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp.tools import Tool
from pydantic import Field

from music21_server.composition.imitation.generation import Request, generate_imitation
from music21_server.composition.imitation.styles import STYLES
from music21_server.service.score_service import ScoreService
from music21_server.tools.common import STORES_SCORE, NewScoreId, owner, score_summary
from music21_server.tools.progress import long_call
from server_core import PlainTool


class ImitationTools:
    """Tool that makes new music in the style of other music.

    Args:
        score_service: Service that does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tool, ready to be added to a FastMCP app."""
        return [PlainTool.from_function(self.imitate_style, annotations=STORES_SCORE)]

    async def imitate_style(
        self,
        *,
        composer: Annotated[
            str | None,
            Field(description=f"Style to imitate: {', '.join(STYLES)}. Send this or `score_ids`."),
        ] = None,
        score_ids: Annotated[
            list[str] | None,
            Field(max_length=50, description="Stored scores to learn from, in one style."),
        ] = None,
        measures: Annotated[int, Field(description="Number of measures, 4 to 64.")] = 16,
        voices: Annotated[
            int | None, Field(description="Number of voices, 1 to 8; unset: that of most of the works.")
        ] = None,
        key: Annotated[
            str | None,
            Field(description="Key, such as `D minor` or `Bb major`; unset: of one of the works."),
        ] = None,
        seed: Annotated[
            int,
            Field(
                ge=0, le=2**53, description="The same seed gives the same music, another seed other music."
            ),
        ] = 0,
        new_score_id: NewScoreId = None,
    ) -> dict[str, Any]:
        """Make new music in the style of a composer, a repertory or stored scores, and store it.

        Beats of the works are recombined where voice-leading and metre allow it, with a beginning and an
        ending like those of the works. Returns the sources, the similarity of the result (distances of
        distributions, 0 to 1; compare `distance` with `works_themselves`), and the longest quotation.
        """
        async with long_call() as on_progress:
            style = composer.strip().lower() if composer is not None else None
            stored, report = await self._score_service.derive(
                owner(),
                generate_imitation,
                Request(style, measures, voices, key, seed),
                sources=tuple(score_ids or ()),
                name=new_score_id,
                on_progress=on_progress,
            )
            return {**score_summary(stored), **report}
