"""The score service computes each answer once and shows each owner only its own scores."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable
from typing import Any

import pytest

from music21_server.engine import jobs
from music21_server.engine.jobs import Bounds
from music21_server.errors import ScoreError, UnknownScoreError
from music21_server.reading.ingest import DerivedScore, derive
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.service.score_service import ScoreService
from music21_server.store.limits import StoreLimits
from music21_server.store.local import LocalStore
from music21_server.store.names import BadNameError

pytestmark = pytest.mark.anyio
SCALE = "C4 D4 E4 F4 G4 A4 B4 C5"


class InlinePool:
    """A pool that calls the functions in the test process and records their names."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def run(self, function: Callable[..., Any], *arguments: Any, **_: Any) -> Any:
        self.calls.append(function.__name__)
        await asyncio.sleep(0)
        return function(*arguments)


@pytest.fixture
def pool() -> InlinePool:
    return InlinePool()


@pytest.fixture
def score_service(pool: InlinePool) -> ScoreService:
    store = LocalStore(StoreLimits())
    return ScoreService(store, pool, Bounds(), (), max_cached_bytes=10_000_000, timeout_s=10)  # type: ignore[arg-type]


async def test_the_same_import_is_read_once_for_all_owners(
    score_service: ScoreService, pool: InlinePool
) -> None:
    first = await score_service.import_score("ann", SCALE, "auto", None)
    second = await score_service.import_score("bob", SCALE, "auto", "mine")
    assert pool.calls == ["read"]
    assert first.content_id == second.content_id
    assert (len(await score_service.scores("ann")), second.name) == (1, "mine")


async def test_the_same_question_is_computed_once(score_service: ScoreService, pool: InlinePool) -> None:
    await score_service.import_score("ann", SCALE, "auto", "x")
    answers = [
        json.loads(await score_service.analyse("ann", "x", "key", {"algorithm": "simple"})) for _ in range(3)
    ]
    assert pool.calls == ["read", "analyse"]
    assert answers[0] == answers[1] == answers[2]
    await score_service.import_score("bob", SCALE, "auto", "y")
    figures = score_service.figures()
    assert (figures.hits, figures.misses, figures.shared, figures.answers) == (3, 2, 0, 1)
    assert figures.answer_bytes > 0
    await score_service.analyse("ann", "x", "key", {"algorithm": "krumhansl"})
    assert pool.calls == ["read", "analyse", "analyse"]


async def test_another_page_of_an_answer_is_not_computed_again(
    score_service: ScoreService, pool: InlinePool
) -> None:
    await score_service.import_score("ann", SCALE, "auto", "x")
    first = json.loads(await score_service.analyse("ann", "x", "chords", {}, offset=0, limit=3))
    second = json.loads(await score_service.analyse("ann", "x", "chords", {}, offset=3, limit=3))
    assert pool.calls.count("analyse") == 1
    assert [row["pitches"] for row in (*first["sonorities"], *second["sonorities"])] == [
        [name] for name in SCALE.split()[:6]
    ]


async def test_simultaneous_questions_share_one_call(score_service: ScoreService, pool: InlinePool) -> None:
    await asyncio.gather(
        *(score_service.import_score(f"owner {number}", SCALE, "auto", "x") for number in range(20))
    )
    await asyncio.gather(*(score_service.analyse(f"owner {number}", "x", "key", {}) for number in range(20)))
    assert pool.calls == ["read", "analyse"]
    figures = score_service.figures()
    assert (figures.misses, figures.answers) == (2, 1)
    # A call that arrives just after the first was answered is a cache hit, not a shared call.
    assert figures.shared + figures.hits == 38
    assert figures.shared >= 1


async def test_a_failure_is_not_cached(score_service: ScoreService, pool: InlinePool) -> None:
    for _ in range(2):
        with pytest.raises(ScoreError):
            await score_service.import_score("ann", "<nothing", "content", None)
    assert pool.calls == ["read", "read"]


async def test_nothing_is_read_for_an_invalid_name(score_service: ScoreService, pool: InlinePool) -> None:
    with pytest.raises(BadNameError, match="a b"):
        await score_service.import_score("ann", SCALE, "auto", "a b")
    assert pool.calls == []


async def test_scores_of_other_owners_and_deleted_scores_are_unknown(score_service: ScoreService) -> None:
    await score_service.import_score("ann", SCALE, "auto", "x")
    with pytest.raises(UnknownScoreError):
        await score_service.analyse("bob", "x", "key", {})
    await score_service.delete("ann", "x")
    with pytest.raises(UnknownScoreError, match="deleted"):
        await score_service.analyse("ann", "x", "key", {})


async def test_a_file_is_read_at_every_import(pool: InlinePool, tmp_path: Any) -> None:
    path = tmp_path / "tune.abc"
    score_service = ScoreService(
        LocalStore(StoreLimits()),
        pool,
        Bounds(),
        (tmp_path,),
        max_cached_bytes=10_000_000,
        timeout_s=10,  # type: ignore[arg-type]
    )
    counts = []
    for notes in ("GABc|", "GABc|d4|"):
        path.write_text(f"X:1\nT:Tune\nM:4/4\nL:1/4\nK:G\n{notes}\n")
        counts.append((await score_service.import_score("ann", "tune.abc", "file", None)).info["notes"])
    assert counts == [4, 5]


async def test_exports_and_pictures_are_cached_by_excerpt(
    score_service: ScoreService, pool: InlinePool
) -> None:
    await score_service.import_score("ann", SCALE, "auto", "x")
    one = jobs.Excerpt("1", "1")
    for _ in range(2):
        await score_service.export("ann", "x", "text", one)
        await score_service.export("ann", "x", "text")
        await score_service.draw("ann", "x", "svg", one)
    assert pool.calls == ["read", "export", "export", "draw"]


async def test_a_deleted_score_does_not_stay_in_the_import_cache(
    score_service: ScoreService, pool: InlinePool
) -> None:
    long = " ".join([SCALE] * 20)
    await score_service.import_score("ann", long, "auto", "x")
    await score_service.analyse("ann", "x", "key", {})
    assert (len(score_service._engine._imported), score_service.figures().answers) == (1, 1)
    await score_service.delete("ann", "x")
    for _ in range(100):  # the task that read it may hold the last reference for a moment
        gc.collect()
        if not score_service._engine._imported:
            break
        await asyncio.to_thread(gc.collect)
    assert (len(score_service._engine._imported), score_service.figures().answers) == (0, 0)
    await score_service.import_score("ann", long, "auto", "x")
    assert pool.calls == ["read", "analyse", "read"]


@pytest.mark.parametrize(("source", "kind"), [("bach/bwv66.6", "corpus"), (SCALE, "auto")])
async def test_a_short_source_stays_cached_after_its_score_was_deleted(
    source: str, kind: jobs.SourceType, score_service: ScoreService, pool: InlinePool
) -> None:
    for _ in range(2):
        await score_service.import_score("ann", source, kind, "x")
        await score_service.delete("ann", "x")
        gc.collect()
    assert pool.calls == ["read"]


async def test_a_derived_score_is_stored_like_an_imported_one(
    score_service: ScoreService, pool: InlinePool
) -> None:
    await score_service.import_score("ann", SCALE, "auto", "x")
    new, report = await score_service.derive("ann", whole_notes, 2, sources=("x",), name="y")
    assert (new.name, report) == ("y", {"notes_of_sources": 8, "copies": 2})
    assert [score.name for score in await score_service.scores("ann")] == ["x", "y"]
    information = json.loads(await score_service.analyse("ann", "y", "information", {}))
    assert information["notes"] == 2
    with pytest.raises(UnknownScoreError, match="'z'"):
        await score_service.derive("ann", whole_notes, 2, sources=("z",))
    with pytest.raises(BadNameError, match="a b"):
        await score_service.derive("ann", whole_notes, 2, sources=("x",), name="a b")
    assert pool.calls.count("whole_notes") == 1  # not called for the invalid name


def whole_notes(entries: tuple[Entry, ...], copies: int, limits: Limits) -> DerivedScore:
    """Make a score of `copies` whole notes."""
    notes = sum(entry.info["notes"] for entry in entries)
    text = "tinyNotation: 4/4 " + " ".join(["c1"] * copies)
    return derive(
        Document("tinynotation", text.encode()), {"notes_of_sources": notes, "copies": copies}, limits
    )


async def test_forgotten_owners_have_no_scores(score_service: ScoreService) -> None:
    for owner in ("ann", "bob"):
        await score_service.import_score(owner, SCALE, "auto", "x")
    await score_service.forget("ann")
    await score_service.forget("ann")
    await score_service.forget("eve")
    assert await score_service.scores("ann") == ()
    assert [score.name for score in await score_service.scores("bob")] == ["x"]
