"""The tools: what a language model may ask, with descriptions that tell it when."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastmcp.tools import Tool, ToolResult
from mcp_types import (
    BlobResourceContents,
    EmbeddedResource,
    ImageContent,
    TextResourceContents,
    ToolAnnotations,
)
from pydantic import Field

from music21_server.engine.analyses import ANALYSES
from music21_server.engine.jobs import Excerpt, ExportFormat, SourceType
from music21_server.engine.schemas import output_schema
from music21_server.errors import ScoreError
from music21_server.rendering.picture import PictureFormat
from music21_server.service.score_service import ScoreService
from music21_server.theory.analyses.patterns import Measure
from music21_server.theory.analyses.search import Compare
from music21_server.theory.melody.queries import QUERY_FORMS, Notation
from music21_server.theory.melody.query_forms import SearchForm
from music21_server.tools.common import (
    MAKING,
    FirstMeasure,
    KeyName,
    LastMeasure,
    Limit,
    Offset,
    PartNames,
    PitchKind,
    ScoreId,
    VoiceNames,
    owner,
    score_summary,
    tool_errors,
)
from music21_server.tools.progress import progress_listener
from server_core import EncodedJson, PlainTool

SUFFIXES = {
    "musicxml": "musicxml", "mxl": "mxl", "midi": "mid", "abc": "abc", "lilypond": "ly", "text": "txt",
    "pdf": "pdf", "svg": "svg", "png": "png",
}  # fmt: skip
TEXTS = ("musicxml", "abc", "lilypond", "text", "svg")


class ScoreTools:
    """The tools on one score_service.

    Args:
        score_service: Who does the work.
    """

    def __init__(self, score_service: ScoreService) -> None:
        self._score_service = score_service

    def tools(self) -> list[Tool]:
        """Return the tools, ready to be added to a FastMCP app."""
        reading = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
        deleting = ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
        )
        made: list[Tool] = [
            PlainTool.from_function(self.import_score, annotations=MAKING),
            PlainTool.from_function(self.list_scores, annotations=reading),
            PlainTool.from_function(self.delete_score, annotations=deleting),
            PlainTool.from_function(self.export_score, annotations=reading),
            PlainTool.from_function(self.render_score, annotations=reading),
        ]
        analyses: dict[str, Callable[..., Any]] = {
            "information": self.score_info,
            "key": self.key_analysis,
            "chords": self.chord_analysis,
            "harmony": self.harmony_analysis,
            "voice_leading": self.voice_leading_analysis,
            "patterns": self.pattern_recognition,
            "search": self.search_pattern,
        }
        for analysis, tool in analyses.items():
            of = ANALYSES[analysis]
            schema = output_schema(of.result, of.pages)
            made.append(PlainTool.from_function(tool, annotations=reading, output_schema=schema))
        return made

    async def import_score(
        self,
        source: Annotated[
            str,
            Field(
                min_length=1,
                description="Name of a work in music21's corpus (`bach/bwv66.6`), path of a file below the "
                "folders of the server, notes (`C4 D4 E4`, or `tinyNotation: 3/4 c4 d e2.`), or a document: "
                "MusicXML, ABC, Humdrum, MEI as text; MXL, MIDI in base64. Large MusicXML: as MXL.",
            ),
        ],
        source_type: Annotated[
            SourceType, Field(description="What `source` is; `auto` tells from the text itself.")
        ] = "auto",
        score_id: Annotated[
            str | None,
            Field(
                description="How to call it; unset: made from its title. 1 to 64 of letters, digits, . _ -"
            ),
        ] = None,
    ) -> dict[str, Any]:
        """Read a score and keep it under a name, by which every other tool finds it. Do this first.

        The same document imported again costs nothing and keeps its name.
        """
        with tool_errors():
            found = await self._score_service.import_score(
                owner(), source, source_type, score_id, progress_listener()
            )
            return score_summary(found)

    async def list_scores(self) -> dict[str, Any]:
        """List the scores that you have imported, with their size and since when they have not been used."""
        with tool_errors():
            return {"scores": [score_summary(score) for score in await self._score_service.scores(owner())]}

    async def delete_score(
        self,
        score_id: Annotated[str | None, Field(description="Which score to delete.")] = None,
        all_scores: Annotated[bool, Field(description="Delete all scores of yours instead.")] = False,
    ) -> dict[str, Any]:
        """Delete one score that is not needed any more, or all of yours."""
        with tool_errors():
            if all_scores == (score_id is not None):
                raise ScoreError(
                    "Expected either score_id or all_scores: true, got both or neither: send one of them."
                )
            if score_id is None:
                return {"deleted": await self._score_service.delete_all(owner())}
            await self._score_service.delete(owner(), score_id)
            return {"deleted": 1}

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
        """Name every sonority: where it is, its notes, root, quality, inversion and Roman numeral.

        Everything that sounds together counts, passing notes included; for the chords that a listener hears
        and their functions ask harmony_analysis. Counts are of the whole score, the list comes in pages.
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
                description="Numerals in the key of the moment, as analysts write them, instead of that of "
                "the whole score."
            ),
        ] = False,
        pitch: PitchKind = "sounding",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> EncodedJson:
        """Analyse the harmony: chords without passing notes, functions, cadences, rhythm, progressions.

        Passing notes and arpeggios are merged into the chord that they belong to, which is an interpretation:
        in local keys it has the key and degree of human analysts for about seven tenths of the time in Bach's
        chorales, for less where the idiom is far from theirs. Every sonority as it stands: chord_analysis.
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
            Field(
                description="What to look for, such as `parallel fifths`, `voice crossing`; unset: all of it."
            ),
        ] = None,
        voices: VoiceNames = None,
        direct: Annotated[
            Literal["outer", "all"],
            Field(description="Direct fifths and octaves of the outer voices with a leap above, or of all."),
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
            Field(description="`diatonic`: a major third is like a minor one; `chromatic`: semitones count."),
        ] = "diatonic",
        mirrored: Annotated[
            bool, Field(description="Whether inversions and retrogrades belong to a motif.")
        ] = True,
        least_notes: Annotated[int, Field(description="Notes of a motif at least, from 3.")] = 4,
        least_occurrences: Annotated[int, Field(description="How often it must come, from 2.")] = 3,
        most: Annotated[
            int, Field(ge=1, le=200, description="Motifs, rhythms and sequences to return.")
        ] = 20,
    ) -> EncodedJson:
        """Find what comes again: motifs, rhythms, melodic sequences; and tell each voice's contour.

        To find where a melody that you know occurs, ask search_pattern.
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
            Notation | None, Field(description="How the query is written; unset: told from its words.")
        ] = None,
        forms: Annotated[tuple[SearchForm, ...], Field(description="In which forms it counts as found.")] = (
            "as given",
            "transposed",
        ),
        compare: Annotated[
            Compare, Field(description="Whether intervals are compared in semitones or in diatonic steps.")
        ] = "semitones",
        extra_notes: Annotated[
            int,
            Field(description="Ornaments or passing notes that may stand between two notes of it, 0 to 4."),
        ] = 0,
        varied_intervals: Annotated[
            int, Field(description="Intervals that may be a step larger or smaller, as in tonal answers.")
        ] = 0,
        any_speed: Annotated[
            bool, Field(description="Whether a rhythm may come in longer or shorter values throughout.")
        ] = False,
        voices: VoiceNames = None,
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> EncodedJson:
        """Find every place where a given melody, rhythm or contour occurs, in all voices of a score."""
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

    async def export_score(
        self,
        score_id: ScoreId,
        *,
        format: Annotated[
            ExportFormat,
            Field(
                description="`musicxml` or `mxl` (packed) as imported; `midi` to play; `abc` or `lilypond` "
                "to edit as text; `pdf` to print; `svg` or `png` of some measures; `text` to read yourself."
            ),
        ],
        first_measure: FirstMeasure = None,
        last_measure: LastMeasure = None,
        parts: PartNames = None,
    ) -> ToolResult:
        """Return a score in a format; the content comes in the answer as an embedded resource.

        Text is for reading: every note with its length, bar by bar. Measures and parts can be named with all
        formats but `musicxml` and `mxl`, which come whole; MusicXML of large scores comes as `mxl` only.
        Lyrics, slurs and dynamics are in MusicXML and on pages and pictures. `remarks` tell what got lost.
        """
        with tool_errors():
            excerpt = _excerpt(first_measure, last_measure, parts)
            made = await self._score_service.export(owner(), score_id, format, excerpt, progress_listener())
        uri = f"music21://scores/{score_id}/export.{SUFFIXES[format]}"
        mime = made.media_type.partition(";")[0]
        resource: TextResourceContents | BlobResourceContents
        if format in TEXTS:
            resource = TextResourceContents(
                uri=uri, mime_type=mime, text=made.content.decode("utf-8", "replace")
            )
        else:
            resource = BlobResourceContents(
                uri=uri, mime_type=mime, blob=base64.b64encode(made.content).decode()
            )
        facts = {
            "score_id": score_id,
            "format": format,
            "media_type": mime,
            "size_bytes": len(made.content),
            "remarks": list(made.remarks),
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
        format: Annotated[PictureFormat, Field(description="`png` to look at, `svg` to print.")] = "png",
    ) -> ToolResult:
        """Draw chosen measures as sheet music, with lyrics, dynamics and chord symbols; a few at a time."""
        with tool_errors():
            excerpt = _excerpt(first_measure, last_measure, parts)
            made = await self._score_service.draw(owner(), score_id, format, excerpt, progress_listener())
        facts = {
            "score_id": score_id,
            "format": format,
            "first_measure": made.first_measure,
            "last_measure": made.last_measure,
            "width_px": made.width_px,
            "height_px": made.height_px,
        }
        data = base64.b64encode(made.content).decode()
        image = ImageContent(type="image", data=data, mime_type=made.media_type)
        return ToolResult(content=[image], structured_content=facts)

    async def _answer(
        self, score_id: str, analysis: str, offset: int = 0, limit: int = 100, **arguments: Any
    ) -> EncodedJson:
        on_progress = progress_listener()
        with tool_errors():
            found = await self._score_service.analyse(
                owner(), score_id, analysis, arguments, offset=offset, limit=limit, on_progress=on_progress
            )
            return EncodedJson(found)


def _excerpt(first_measure: str | None, last_measure: str | None, parts: list[str] | None) -> Excerpt:
    return Excerpt(first_measure, last_measure, tuple(parts) if parts is not None else None)
