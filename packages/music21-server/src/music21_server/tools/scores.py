"""Tools that import, list, delete, export and draw scores."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastmcp.tools import Tool, ToolResult
from mcp_types import (
    BlobResourceContents,
    EmbeddedResource,
    ImageContent,
    TextResourceContents,
    ToolAnnotations,
)
from pydantic import Field

from music21_server.engine.jobs import Excerpt, ExportFormat, SourceType
from music21_server.errors import ScoreError
from music21_server.rendering.picture import PictureFormat
from music21_server.service.score_service import ScoreService
from music21_server.tools.common import (
    READS,
    STORES_SCORE,
    FirstMeasure,
    LastMeasure,
    PartNames,
    ScoreId,
    owner,
    score_summary,
    tool_errors,
)
from music21_server.tools.progress import long_call
from server_core import PlainTool

_SUFFIXES = {
    "musicxml": "musicxml", "mxl": "mxl", "midi": "mid", "abc": "abc", "lilypond": "ly", "text": "txt",
    "pdf": "pdf", "svg": "svg", "png": "png",
}  # fmt: skip
_TEXT_FORMATS = ("musicxml", "abc", "lilypond", "text", "svg")


class ScoreTools:
    """Tools that import, list, delete, export and draw scores.

    Args:
        score_service: Service that does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tools, ready to be added to a FastMCP app."""
        deletes = ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
        )
        return [
            PlainTool.from_function(self.import_score, annotations=STORES_SCORE),
            PlainTool.from_function(self.list_scores, annotations=READS),
            PlainTool.from_function(self.delete_score, annotations=deletes),
            PlainTool.from_function(self.export_score, annotations=READS),
            PlainTool.from_function(self.render_score, annotations=READS),
        ]

    async def import_score(
        self,
        source: Annotated[
            str,
            Field(
                min_length=1,
                description="Name of a work in music21's corpus (`bach/bwv66.6`), path of a file in the "
                "server's score folders, notes (`C4 D4 E4`, or `tinyNotation: 3/4 c4 d e2.`), or a document: "
                "MusicXML, ABC, Humdrum or MEI as text; MXL or MIDI in base64. Send large MusicXML as MXL.",
            ),
        ],
        source_type: Annotated[
            SourceType, Field(description="Kind of `source`; `auto` detects it from the text.")
        ] = "auto",
        score_id: Annotated[
            str | None,
            Field(
                description="Name for the score; unset: made from its title. 1 to 64 letters, digits, . _ -"
            ),
        ] = None,
    ) -> dict[str, Any]:
        """Import a score and store it under a name (score_id) that all other tools take. Do this first.

        Importing the same document again costs nothing and keeps its name.
        """
        async with long_call() as on_progress:
            stored = await self._score_service.import_score(
                owner(), source, source_type, score_id, on_progress
            )
            return score_summary(stored)

    async def list_scores(self) -> dict[str, Any]:
        """List your stored scores with their size and the time since their last use."""
        with tool_errors():
            return {"scores": [score_summary(score) for score in await self._score_service.scores(owner())]}

    async def delete_score(
        self,
        score_id: Annotated[str | None, Field(description="Score to delete.")] = None,
        all_scores: Annotated[bool, Field(description="Delete all your scores instead.")] = False,
    ) -> dict[str, Any]:
        """Delete a score that is no longer needed, or all your scores."""
        with tool_errors():
            if all_scores == (score_id is not None):
                raise ScoreError(
                    "Expected either score_id or all_scores: true, got both or neither: send one of them."
                )
            if score_id is None:
                return {"deleted": await self._score_service.delete_all(owner())}
            await self._score_service.delete(owner(), score_id)
            return {"deleted": 1}

    async def export_score(
        self,
        score_id: ScoreId,
        *,
        format: Annotated[
            ExportFormat,
            Field(
                description="`musicxml` or `mxl` (compressed) as imported; `midi` to play; `abc` or "
                "`lilypond` to edit as text; `pdf` to print; `svg` or `png` of some measures; `text` to read."
            ),
        ],
        first_measure: FirstMeasure = None,
        last_measure: LastMeasure = None,
        parts: PartNames = None,
    ) -> ToolResult:
        """Return a score in a format, as an embedded resource.

        `text` is for reading: every note with its length, measure by measure. Measures and parts can be
        chosen for all formats except `musicxml` and `mxl`, which are always whole; large scores are too long
        for `musicxml`, use `mxl`. Lyrics, slurs and dynamics are in MusicXML, PDF and pictures. `remarks`
        lists what the format could not hold.
        """
        async with long_call() as on_progress:
            excerpt = _excerpt(first_measure, last_measure, parts)
            export = await self._score_service.export(owner(), score_id, format, excerpt, on_progress)
        uri = f"music21://scores/{score_id}/export.{_SUFFIXES[format]}"
        mime = export.media_type.partition(";")[0]
        resource: TextResourceContents | BlobResourceContents
        if format in _TEXT_FORMATS:
            resource = TextResourceContents(
                uri=uri, mime_type=mime, text=export.content.decode("utf-8", "replace")
            )
        else:
            resource = BlobResourceContents(
                uri=uri, mime_type=mime, blob=base64.b64encode(export.content).decode()
            )
        facts = {
            "score_id": score_id,
            "format": format,
            "media_type": mime,
            "size_bytes": len(export.content),
            "remarks": list(export.remarks),
        }
        return ToolResult(
            content=[EmbeddedResource(type="resource", resource=resource)], structured_content=facts
        )

    async def render_score(
        self,
        score_id: ScoreId,
        *,
        first_measure: FirstMeasure = None,
        last_measure: LastMeasure = None,
        parts: PartNames = None,
        format: Annotated[PictureFormat, Field(description="`png` to view, `svg` to print.")] = "png",
    ) -> ToolResult:
        """Draw a few measures as sheet music, with lyrics, dynamics and chord symbols."""
        async with long_call() as on_progress:
            excerpt = _excerpt(first_measure, last_measure, parts)
            picture = await self._score_service.draw(owner(), score_id, format, excerpt, on_progress)
        facts = {
            "score_id": score_id,
            "format": format,
            "first_measure": picture.first_measure,
            "last_measure": picture.last_measure,
            "width_px": picture.width_px,
            "height_px": picture.height_px,
        }
        data = base64.b64encode(picture.content).decode()
        image = ImageContent(type="image", data=data, mime_type=picture.media_type)
        return ToolResult(content=[image], structured_content=facts)


def _excerpt(first_measure: str | None, last_measure: str | None, parts: list[str] | None) -> Excerpt:
    return Excerpt(first_measure, last_measure, tuple(parts) if parts is not None else None)
