"""The tool that harmonises melodies."""

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
from music21_server.tools.common import MAKING, NewScoreId, owner, score_summary, tool_errors
from music21_server.tools.progress import progress_listener
from server_core import PlainTool


class HarmonizationTools:
    """The tool on one score_service.

    Args:
        score_service: Who does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tool, ready to be added to a FastMCP app."""
        return [PlainTool.from_function(self.harmonize_melody, annotations=MAKING)]

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
            int, Field(description=f"All voices, the melody included: {FEWEST_VOICES} to {MOST_VOICES}.")
        ] = 4,
        key: Annotated[
            str | None,
            Field(description="Such as `F# minor`, `Bb major` or `D dorian`; unset: the most likely one."),
        ] = None,
        part: Annotated[
            str | None,
            Field(description="Part that has the melody, by name or number from 1; unset: the first one."),
        ] = None,
        seed: Annotated[
            int, Field(ge=0, le=2**31 - 1, description="0 is the best solution; others are nearly as good.")
        ] = 0,
        harmonic_rhythm: Annotated[
            HarmonicRhythm, Field(description="How often chords may change; `auto`: as style and melody ask.")
        ] = "auto",
        new_score_id: NewScoreId = None,
    ) -> dict[str, Any]:
        """Harmonise a melody: a new score with it on top, as it was, and voices below it.

        Tells each chord with its numeral, symbol, function and why it was chosen, the melody's non-chord
        tones, and checks of the part-writing. Ask for a picture (render_score) or the notes (export_score).
        """
        with tool_errors():
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
                on_progress=progress_listener(),
            )
            return {**score_summary(stored), **report}
