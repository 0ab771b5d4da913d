"""Tool that harmonises melodies."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp.tools import Tool
from pydantic import Field

from music21_server.composition.harmonization.harmonize import (
    FEWEST_VOICES,
    MOST_VOICES,
    Request,
    generate_harmonization,
)
from music21_server.composition.harmonization.segments import HarmonicRhythm
from music21_server.composition.harmonization.style import StyleName
from music21_server.errors import ScoreError
from music21_server.service.score_service import ScoreService
from music21_server.tools.common import STORES_SCORE, NewScoreId, owner, score_summary
from music21_server.tools.progress import long_call
from server_core import PlainTool


class HarmonizationTools:
    """Tool that harmonises melodies.

    Args:
        score_service: Service that does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tool, ready to be added to a FastMCP app."""
        return [PlainTool.from_function(self.harmonize_melody, annotations=STORES_SCORE)]

    async def harmonize_melody(
        self,
        *,
        score_id: Annotated[
            str | None,
            Field(description="Score that has the melody; send this or `melody`."),
        ] = None,
        melody: Annotated[
            str | None,
            Field(
                max_length=100_000,
                description="The melody itself: notes (`C4 D4 E4`, quarter notes) or tiny notation "
                "(`tinyNotation: 3/4 c4 d e2.`).",
            ),
        ] = None,
        style: Annotated[
            StyleName,
            Field(
                description="`classical`: four-part writing by the rules; `jazz`: seventh chords, ii-V-I, "
                "substitutes; `pop`: loops of triads; `modal`: triads of a mode, no leading note."
            ),
        ] = "classical",
        voices: Annotated[
            int, Field(description=f"Number of voices with the melody: {FEWEST_VOICES} to {MOST_VOICES}.")
        ] = 4,
        key: Annotated[
            str | None,
            Field(description="Key or mode, such as `F# minor` or `D dorian`; unset: the most likely one."),
        ] = None,
        part: Annotated[
            str | None,
            Field(description="Part that has the melody, by name or number from 1; unset: the first one."),
        ] = None,
        seed: Annotated[
            int,
            Field(ge=0, le=2**31 - 1, description="0 gives the best solution, others nearly as good ones."),
        ] = 0,
        harmonic_rhythm: Annotated[
            HarmonicRhythm,
            Field(description="How often chords may change; `auto` follows style and melody."),
        ] = "auto",
        new_score_id: NewScoreId = None,
    ) -> dict[str, Any]:
        """Harmonise a melody: store a new score with the unchanged melody on top and voices below it.

        Returns each chord with its numeral, symbol, function and the reason for it, the melody's non-chord
        tones, and checks of the part-writing. Use render_score or export_score to see the result.
        """
        async with long_call() as on_progress:
            if (score_id is None) == (melody is None):
                raise ScoreError("Expected either score_id or melody, got both or neither: send one of them.")
            request = Request(style, voices, key, part, seed, harmonic_rhythm)
            stored, report = await self._score_service.derive(
                owner(),
                generate_harmonization,
                melody,
                request,
                sources=(score_id,) if score_id is not None else (),
                name=new_score_id,
                on_progress=on_progress,
            )
            return {**score_summary(stored), **report}
