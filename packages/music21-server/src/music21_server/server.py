"""The music21 server as a FastMCP app."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from fastmcp import FastMCP
from fastmcp.exceptions import ResourceError
from starlette.requests import Request
from starlette.responses import JSONResponse

from music21_server import __version__
from music21_server.errors import ScoreError, StoreUnavailableError
from music21_server.metrics import process_metrics, store_metrics
from music21_server.service.score_service import ScoreService
from music21_server.settings import Music21Settings
from music21_server.store.local import LocalStore
from music21_server.store.protocol import ScoreStore
from music21_server.tools.analysis import ScoreTools
from music21_server.tools.common import owner
from music21_server.tools.counterpoint import CounterpointTools
from music21_server.tools.editing import EditingTools
from music21_server.tools.harmonization import HarmonizationTools
from music21_server.tools.imitation import ImitationTools
from music21_server.tools.prompts import add_prompts
from music21_server.workers.pool import Pool
from server_core import publish

INSTRUCTIONS = """\
Scores, read and analysed exactly: import one (import_score) from music21's corpus, from a document that you
send, or from a folder of the server, then ask about it by its score_id. Everything is computed over the whole
score, whatever its size; long lists come in pages (offset, limit).

Pitches are written as in music21: C4 is middle C, F#4 is F sharp, B-3 is B flat (a hyphen is a flat).
Positions have the number of the measure as printed, the beat in it from 1, and the offset from the beginning
in quarter notes.

Which tool: what is in it - score_info. Its key and modulations - key_analysis. Each sonority by name -
chord_analysis. Chords, functions and cadences - harmony_analysis. Parallels, crossings and leaps -
voice_leading_analysis. Motifs and sequences - pattern_recognition. Where a melody occurs - search_pattern.
To see it - render_score. In another key - transpose_score. Some parts or measures of it - extract_part,
score_slice. To read the notes yourself - export_score with format text.

New music, stored as scores like imported ones: chords and voices below a melody - harmonize_melody. A second
voice by the rules of a species - generate_counterpoint. Music like a composer's or like stored scores -
imitate_style. With the same arguments and seed they make the same; another seed makes other music.
"""


def create_server(settings: Music21Settings) -> FastMCP[Any]:
    """Make the app, ready to be served or to be used in memory.

    Args:
        settings: Folders, bounds and processes; the rest is the business of who serves it.
    """
    store = _opened_store(settings)
    pool = Pool(settings.pool_settings)
    score_service = ScoreService(
        store,
        pool,
        settings.bounds,
        tuple(settings.score_folders),
        max_cached_bytes=settings.max_cached_bytes,
        timeout_s=settings.work_timeout_s,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastMCP[Any]) -> AsyncIterator[None]:
        async with pool:
            keeper = asyncio.create_task(score_service.sweep_forever())
            try:
                yield
            finally:
                keeper.cancel()
        store.close()

    mcp: FastMCP[Any] = FastMCP(
        "music21",
        instructions=INSTRUCTIONS,
        version=__version__,
        lifespan=lifespan,
        dereference_schemas=False,
    )
    for tools in (ScoreTools, EditingTools, CounterpointTools, HarmonizationTools, ImitationTools):
        for tool in tools(score_service).tools():
            mcp.add_tool(tool)
    _add_resources(mcp, score_service)
    add_prompts(mcp, score_service)
    _add_pages(mcp, pool, store)
    publish(mcp, lambda: process_metrics(pool.figures(), score_service.figures(), store.evictions()))
    is_shared = settings.store_folder is not None or settings.store_url is not None
    publish(mcp, lambda: store_metrics(store), is_shared=is_shared)
    return mcp


def _opened_store(settings: Music21Settings) -> ScoreStore:
    if settings.store_url is None:
        return LocalStore(settings.store_limits, folder=settings.store_folder)
    # Loaded here: who keeps scores here needs no client of Redis.
    from music21_server.store.redis.store import RedisStore

    url = settings.store_url.get_secret_value()
    return RedisStore(settings.store_limits, url, prefix=settings.store_prefix)


def _add_resources(mcp: FastMCP[Any], score_service: ScoreService) -> None:
    @mcp.resource("music21://scores", name="scores", mime_type="application/json")
    async def scores() -> str:
        """The scores that you have imported."""
        try:
            found = await score_service.scores(owner())
        except ScoreError as error:
            raise ResourceError(str(error)) from error
        return json.dumps([{"score_id": score.name, **score.info} for score in found])

    @mcp.resource("music21://scores/{score_id}", name="score", mime_type="application/json")
    async def score(score_id: str) -> str:
        """What there is to say about an imported score."""
        try:
            return (await score_service.analyse(owner(), score_id, "information", {})).decode()
        except ScoreError as error:
            raise ResourceError(str(error)) from error


def _add_pages(mcp: FastMCP[Any], pool: Pool, store: ScoreStore) -> None:
    @mcp.custom_route("/health/live", methods=["GET"])
    async def live(_request: Request) -> JSONResponse:
        """Answer whether the process serves."""
        return JSONResponse({"status": "ok"})

    @mcp.custom_route("/health/ready", methods=["GET"])
    async def ready(_request: Request) -> JSONResponse:
        """Answer whether calls would be worked on at once, or soon."""
        found = pool.figures()
        status = "ok" if found.workers else "starting"
        try:
            await asyncio.to_thread(store.check)
        except StoreUnavailableError:
            status = "store unavailable"
        counts = {"workers": found.workers, "busy": found.busy, "waiting": found.waiting}
        return JSONResponse({"status": status, **counts}, 200 if status == "ok" else 503)
