"""What is known already is not worked out again, and who may ask for what."""

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
from music21_server.store.local import Store
from music21_server.store.names import BadNameError

pytestmark = pytest.mark.anyio
SCALE = "C4 D4 E4 F4 G4 A4 B4 C5"


class HerePool:
    """Does the work of a pool in the test itself, and counts it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def run(self, function: Callable[..., Any], *arguments: Any, **_: Any) -> Any:
        self.calls.append(function.__name__)
        await asyncio.sleep(0)
        return function(*arguments)


@pytest.fixture
def pool() -> HerePool:
    return HerePool()


@pytest.fixture
def score_service(pool: HerePool) -> ScoreService:
    store = Store(StoreLimits())
    return ScoreService(store, pool, Bounds(), (), max_cached_bytes=10_000_000, timeout_s=10)  # type: ignore[arg-type]


async def test_the_same_import_is_read_once_for_everybody(
    score_service: ScoreService, pool: HerePool
) -> None:
    first = await score_service.import_score("ann", SCALE, "auto", None)
    second = await score_service.import_score("bob", SCALE, "auto", "mine")
    assert pool.calls == ["read"]
    assert first.content_id == second.content_id
    assert (len(await score_service.scores("ann")), second.name) == (1, "mine")


async def test_the_same_question_is_worked_out_once(score_service: ScoreService, pool: HerePool) -> None:
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


async def test_another_page_is_no_other_question(score_service: ScoreService, pool: HerePool) -> None:
    await score_service.import_score("ann", SCALE, "auto", "x")
    first = json.loads(await score_service.analyse("ann", "x", "chords", {}, offset=0, limit=3))
    second = json.loads(await score_service.analyse("ann", "x", "chords", {}, offset=3, limit=3))
    assert pool.calls.count("analyse") == 1
    assert [row["pitches"] for row in (*first["sonorities"], *second["sonorities"])] == [
        [name] for name in SCALE.split()[:6]
    ]


async def test_simultaneous_questions_are_one(score_service: ScoreService, pool: HerePool) -> None:
    await asyncio.gather(
        *(score_service.import_score(f"owner {number}", SCALE, "auto", "x") for number in range(20))
    )
    await asyncio.gather(*(score_service.analyse(f"owner {number}", "x", "key", {}) for number in range(20)))
    assert pool.calls == ["read", "analyse"]
    figures = score_service.figures()
    assert (figures.misses, figures.answers) == (2, 1)
    # Who comes when the first one is just answered finds the answer instead of the work.
    assert figures.shared + figures.hits == 38
    assert figures.shared >= 1


async def test_a_failure_is_not_remembered(score_service: ScoreService, pool: HerePool) -> None:
    for _ in range(2):
        with pytest.raises(ScoreError):
            await score_service.import_score("ann", "<nothing", "content", None)
    assert pool.calls == ["read", "read"]


async def test_nothing_is_read_for_a_name_that_cannot_be(score_service: ScoreService, pool: HerePool) -> None:
    with pytest.raises(BadNameError, match="a b"):
        await score_service.import_score("ann", SCALE, "auto", "a b")
    assert pool.calls == []


async def test_strangers_and_deleted_scores(score_service: ScoreService) -> None:
    await score_service.import_score("ann", SCALE, "auto", "x")
    with pytest.raises(UnknownScoreError):
        await score_service.analyse("bob", "x", "key", {})
    await score_service.delete("ann", "x")
    with pytest.raises(UnknownScoreError, match="deleted"):
        await score_service.analyse("ann", "x", "key", {})


async def test_a_file_is_read_each_time(pool: HerePool, tmp_path: Any) -> None:
    path = tmp_path / "tune.abc"
    score_service = ScoreService(
        Store(StoreLimits()),
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


async def test_exports_and_pictures_are_remembered_by_excerpt(
    score_service: ScoreService, pool: HerePool
) -> None:
    await score_service.import_score("ann", SCALE, "auto", "x")
    one = jobs.Excerpt("1", "1")
    for _ in range(2):
        await score_service.export("ann", "x", "text", one)
        await score_service.export("ann", "x", "text")
        await score_service.draw("ann", "x", "svg", one)
    assert pool.calls == ["read", "export", "export", "draw"]


async def test_a_deleted_score_is_not_kept_by_having_been_imported(
    score_service: ScoreService, pool: HerePool
) -> None:
    long = " ".join([SCALE] * 20)
    await score_service.import_score("ann", long, "auto", "x")
    await score_service.analyse("ann", "x", "key", {})
    assert (len(score_service._imported), score_service.figures().answers) == (1, 1)
    await score_service.delete("ann", "x")
    for _ in range(
        100
    ):  # the thread that stored it, and the task that read it, let go of it in their own time
        gc.collect()
        if not score_service._imported:
            break
        await asyncio.to_thread(gc.collect)
    assert (len(score_service._imported), score_service.figures().answers) == (0, 0)
    await score_service.import_score("ann", long, "auto", "x")
    assert pool.calls == ["read", "analyse", "read"]


@pytest.mark.parametrize(("source", "kind"), [("bach/bwv66.6", "corpus"), (SCALE, "auto")])
async def test_a_work_that_was_named_is_known_after_its_score_was_deleted(
    source: str, kind: jobs.SourceType, score_service: ScoreService, pool: HerePool
) -> None:
    for _ in range(2):
        await score_service.import_score("ann", source, kind, "x")
        await score_service.delete("ann", "x")
        gc.collect()
    assert pool.calls == ["read"]


async def test_a_score_that_is_made_is_stored_like_an_imported_one(
    score_service: ScoreService, pool: HerePool
) -> None:
    await score_service.import_score("ann", SCALE, "auto", "x")
    new, report = await score_service.derive("ann", upwards, 2, sources=("x",), name="y")
    assert (new.name, report) == ("y", {"notes_of_sources": 8, "copies": 2})
    assert [score.name for score in await score_service.scores("ann")] == ["x", "y"]
    found = json.loads(await score_service.analyse("ann", "y", "information", {}))
    assert found["notes"] == 2
    with pytest.raises(UnknownScoreError, match="'z'"):
        await score_service.derive("ann", upwards, 2, sources=("z",))
    with pytest.raises(BadNameError, match="a b"):
        await score_service.derive("ann", upwards, 2, sources=("x",), name="a b")
    assert pool.calls.count("upwards") == 1  # nothing is made for a name that cannot be


def upwards(entries: tuple[Entry, ...], copies: int, limits: Limits) -> DerivedScore:
    """Make a score of C's, as many as are wanted."""
    notes = sum(entry.info["notes"] for entry in entries)
    text = "tinyNotation: 4/4 " + " ".join(["c1"] * copies)
    return derive(
        Document("tinynotation", text.encode()), {"notes_of_sources": notes, "copies": copies}, limits
    )
