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
from music21_server.engine.jobs import RESULTS
from music21_server.errors import ScoreError, StoreUnavailableError
from music21_server.metrics import process_metrics, store_metrics
from music21_server.service.score_service import ScoreService
from music21_server.settings import Music21Settings
from music21_server.store.local import LocalStore
from music21_server.store.protocol import ScoreStore
from music21_server.tools.analysis import AnalysisTools
from music21_server.tools.common import client_of_owner, owner, session_owner
from music21_server.tools.counterpoint import CounterpointTools
from music21_server.tools.editing import EditingTools
from music21_server.tools.harmonization import HarmonizationTools
from music21_server.tools.imitation import ImitationTools
from music21_server.tools.prompts import add_prompts
from music21_server.tools.scores import ScoreTools
from music21_server.workers.pool import Pool
from server_core import on_session_end, publish

INSTRUCTIONS = """\
Exact reading and analysis of scores: import one (import_score) from music21's corpus, from a document that
you send, or from a folder of the server, then use its score_id with all other tools. Every analysis covers
the whole score, whatever its size; long lists are paged (offset, limit).

Pitches are written as in music21: C4 is middle C, F#4 is F sharp, B-3 is B flat (a hyphen is a flat).
Positions give the measure number as printed, the beat from 1, and the offset from the start in quarter notes.

Which tool: contents - score_info. Its key and modulations - key_analysis. Each sonority by name -
chord_analysis. Chords, functions and cadences - harmony_analysis. Parallels, crossings and leaps -
voice_leading_analysis. Motifs and sequences - pattern_recognition. Where a melody occurs - search_pattern.
Picture - render_score. Another key - transpose_score. Some parts or measures - extract_part, score_slice. To
read the notes yourself - export_score with format text.

New music, stored like imported scores: chords and voices below a melody - harmonize_melody. A second voice by
the rules of a species - generate_counterpoint. Music in the style of a composer or of stored scores -
imitate_style. The same arguments and seed give the same music; another seed gives other music.
"""


def create_server(settings: Music21Settings) -> FastMCP[Any]:
    """Create the app, ready to be served or to be used in memory.

    Args:
        settings: Folders, limits and worker processes; the settings of serving are not used here.
    """
    store = _open_store(settings)
    pool = Pool(settings.pool_settings, results=RESULTS)
    score_service = ScoreService(
        store,
        pool,
        settings.bounds,
        tuple(settings.score_folders),
        max_cached_bytes=settings.max_cached_bytes,
        timeout_s=settings.work_timeout_s,
        store_limits=settings.store_limits,
        client_of=client_of_owner,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastMCP[Any]) -> AsyncIterator[None]:
        async with pool:
            sweeper = asyncio.create_task(score_service.sweep_forever())
            try:
                yield
            finally:
                sweeper.cancel()
        store.close()

    mcp: FastMCP[Any] = FastMCP(
        "music21",
        instructions=INSTRUCTIONS,
        version=__version__,
        lifespan=lifespan,
        dereference_schemas=False,
    )
    for tools in (
        ScoreTools,
        AnalysisTools,
        EditingTools,
        CounterpointTools,
        HarmonizationTools,
        ImitationTools,
    ):
        for tool in tools(score_service).tools():
            mcp.add_tool(tool)
    _add_resources(mcp, score_service)
    add_prompts(mcp, score_service)
    _add_pages(mcp, pool, store)
    publish(mcp, lambda: process_metrics(pool.figures(), score_service.figures(), store.evictions()))
    on_session_end(mcp, lambda session_id: score_service.forget(session_owner(session_id)))
    is_shared = settings.store_folder is not None or settings.store_url is not None
    publish(mcp, lambda: store_metrics(store), is_shared=is_shared)
    return mcp


def _open_store(settings: Music21Settings) -> ScoreStore:
    if settings.store_url is None:
        return LocalStore(settings.store_limits, folder=settings.store_folder)
    # Imported here, because the Redis client is an optional dependency.
    from music21_server.store.redis.store import RedisStore

    url = settings.store_url.get_secret_value()
    return RedisStore(settings.store_limits, url, prefix=settings.store_prefix)


def _add_resources(mcp: FastMCP[Any], score_service: ScoreService) -> None:
    @mcp.resource("music21://scores", name="scores", mime_type="application/json")
    async def scores() -> str:
        """Return your stored scores."""
        try:
            stored = await score_service.scores(owner())
        except ScoreError as error:
            raise ResourceError(str(error)) from error
        return json.dumps([{"score_id": score.name, **score.info} for score in stored])

    @mcp.resource("music21://scores/{score_id}", name="score", mime_type="application/json")
    async def score(score_id: str) -> str:
        """Return the information about a stored score."""
        try:
            return (await score_service.analyse(owner(), score_id, "information", {})).decode()
        except ScoreError as error:
            raise ResourceError(str(error)) from error


def _add_pages(mcp: FastMCP[Any], pool: Pool, store: ScoreStore) -> None:
    @mcp.custom_route("/health/live", methods=["GET"])
    async def live(_request: Request) -> JSONResponse:
        """Report that the process is serving."""
        return JSONResponse({"status": "ok"})

    @mcp.custom_route("/health/ready", methods=["GET"])
    async def ready(_request: Request) -> JSONResponse:
        """Report whether worker processes and the store are available; else 503."""
        figures = pool.figures()
        status = "ok" if figures.workers else "starting"
        try:
            await asyncio.to_thread(store.check)
        except StoreUnavailableError:
            status = "store unavailable"
        counts = {"workers": figures.workers, "busy": figures.busy, "waiting": figures.waiting}
        return JSONResponse({"status": status, **counts}, 200 if status == "ok" else 503)
