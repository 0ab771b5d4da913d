"""Score stores: names, owners, limits, lifetime, and persistence.

The first tests run with every kind of store, the last ones with a folder only; tests of Redis only are in
redis/test_store.py, random sequences of calls in test_local_model.py.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from music21_server.errors import TooMuchScoreError, UnknownScoreError
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.store.contents import FolderContents
from music21_server.store.limits import StoreLimits
from music21_server.store.local import LocalStore, StoredScore, TakenNameError
from music21_server.store.names import BadNameError
from music21_server.store.protocol import ScoreStore
from music21_server.store.redis.store import RedisStore
from music21_server.store.sqlite_index import StoreFolderError

HOUR_S = 3600.0
LIMITS = StoreLimits()


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


Make = Callable[..., ScoreStore]


@pytest.fixture
def clock() -> Clock:
    return Clock()


Open = Callable[[str, StoreLimits, Callable[[], float]], ScoreStore]


@pytest.fixture
def opened(request: pytest.FixtureRequest, tmp_path: Path, redis_prefix: str) -> Iterator[Open]:
    """Return a function that opens a store; in a folder and in Redis it is the same one each time."""
    with contextlib.ExitStack() as stores:

        def make(kind: str, limits: StoreLimits, clock: Callable[[], float]) -> ScoreStore:
            store: ScoreStore
            if kind == "redis":
                url = request.getfixturevalue("redis_url")
                store = RedisStore(limits, url, prefix=redis_prefix, clock=clock)
            else:
                store = LocalStore(limits, clock, tmp_path / "store" if kind == "folder" else None)
            stores.callback(store.close)
            return store

        yield make


@pytest.fixture(params=["memory", "folder", "redis"])
def make(request: pytest.FixtureRequest, opened: Open, clock: Clock) -> Make:
    """Return a function that opens a store, once for each kind."""
    return lambda **limits: opened(request.param, replace(LIMITS, **limits), clock)


@pytest.fixture(params=["folder", "redis"])
def shared(request: pytest.FixtureRequest, opened: Open, clock: Clock) -> Make:
    """Return a function that opens a persistent store as another process would."""
    return lambda **limits: opened(request.param, replace(LIMITS, **limits), clock)


@pytest.fixture
def in_folder(opened: Open, clock: Clock) -> Make:
    """Return a function that opens the store in a folder as another process would."""
    return lambda **limits: opened("folder", replace(LIMITS, **limits), clock)


def entry(content: str = "a", columns_bytes: int = 10) -> Entry:
    return Entry.from_document(Document("abc", content.encode()), bytes(columns_bytes), {"title": content})


def names(store: ScoreStore, owner: str = "o") -> list[str]:
    return [score.name for score in store.scores(owner)]


@pytest.mark.process
def test_a_stored_score_can_be_read(make: Make) -> None:
    store = make()
    stored = store.put("o", entry("a"), name="first")
    assert store.get("o", "first") == entry("a")
    assert stored == StoredScore(
        "first", entry("a").content_id, "abc", {"title": "a"}, entry("a").size_bytes, 1_000_000.0, 1_000_000.0
    )
    assert store.scores("o") == (stored,)


@pytest.mark.process
def test_an_owner_sees_only_its_own_scores(make: Make) -> None:
    store = make()
    store.put("one", entry("a"), name="secret")
    assert store.scores("two") == ()
    with pytest.raises(UnknownScoreError) as caught:
        store.get("two", "secret")
    assert "Similar" not in str(caught.value)
    with pytest.raises(UnknownScoreError):
        store.delete("two", "secret")
    assert store.delete_all("two") == 0
    assert names(store, "one") == ["secret"]


@pytest.mark.process
def test_the_same_content_is_stored_once(make: Make) -> None:
    store = make()
    store.put("one", entry("a"), name="x")
    store.put("two", entry("a"), name="y")
    store.put("two", entry("a"), name="z")
    figures = store.figures()
    assert (figures.names, figures.contents, figures.owners) == (3, 1, 2)
    assert figures.size_bytes == entry("a").size_bytes
    store.delete("one", "x")
    store.delete("two", "y")
    assert store.get("two", "z") == entry("a")
    store.delete("two", "z")
    assert store.figures().size_bytes == 0


@pytest.mark.process
def test_storing_the_same_content_again_changes_nothing(make: Make) -> None:
    store = make()
    first = store.put("o", entry("a"), name="x")
    assert store.put("o", entry("a"), name="x") == first
    assert store.put("o", entry("a"), title="Something") == first
    assert names(store) == ["x"]


@pytest.mark.process
def test_another_content_under_a_used_name_is_refused_without_loss(make: Make) -> None:
    store = make()
    store.put("o", entry("a"), name="x")
    with pytest.raises(TakenNameError, match=r"'x' belongs to another score: choose another name, or delete"):
        store.put("o", entry("b"), name="x")
    assert store.get("o", "x") == entry("a")
    assert store.figures().contents == 1


@pytest.mark.process
@pytest.mark.parametrize("name", ["", "a b", "../x", "ä", "x" * 65, "a/b", "a\n"])
def test_an_invalid_name_is_refused(make: Make, name: str) -> None:
    store = make()
    with pytest.raises(BadNameError, match="1 to 64 letters"):
        store.put("o", entry("a"), name=name)
    assert store.scores("o") == ()


@pytest.mark.process
def test_names_made_from_titles_are_unique(make: Make) -> None:
    store = make()
    titles = ["Ach Gott, vom Himmel", "Ach Gott vom Himmel", "Études (№ 3)", "", "你好", "x" * 200]
    stored = [store.put("o", entry(str(number)), title=title) for number, title in enumerate(titles)]
    assert [score.name for score in stored] == [
        "Ach-Gott-vom-Himmel", "Ach-Gott-vom-Himmel-2", "Etudes-No-3", "score", "score-2", "x" * 48,
    ]  # fmt: skip


@pytest.mark.process
def test_the_error_for_an_unknown_name_suggests_similar_names(make: Make) -> None:
    store = make()
    with pytest.raises(UnknownScoreError, match=r"got 'bwv66'\. No score is stored; import_score"):
        store.get("o", "bwv66")
    for name in ("bwv66.6", "bwv244", "opus-1"):
        store.put("o", entry(name), name=name)
    with pytest.raises(
        UnknownScoreError, match=r"got 'BWV66'. Similar names: 'bwv66.6'.* Call list_scores for all 3 names"
    ):
        store.get("o", "BWV66")


@pytest.mark.process
def test_the_error_for_a_deleted_score_says_that_it_was_deleted(make: Make) -> None:
    store = make()
    store.put("o", entry("a"), name="x")
    in_use = store.get("o", "x")
    store.delete("o", "x")
    assert in_use.document().content == b"a"
    for method in (store.get, store.delete):
        with pytest.raises(
            UnknownScoreError,
            match=r"'x' is no longer stored: it was deleted\. No score is stored; import_score",
        ):
            method("o", "x")
    store.put("o", entry("b"), name="x")
    assert store.get("o", "x") == entry("b")


@pytest.mark.process
def test_all_scores_of_an_owner_are_deleted(make: Make) -> None:
    store = make()
    for content in "abc":
        store.put("o", entry(content), name=content)
    store.put("other", entry("a"), name="a")
    store.put("o", entry("d"), name="d")
    store.delete("o", "d")
    assert store.delete_all("o") == 3
    assert store.scores("o") == ()
    for name in "ad":
        with pytest.raises(UnknownScoreError, match="Expected the name of a stored score"):
            store.get("o", name)
    assert store.figures().contents == 1


@pytest.mark.process
def test_only_unused_scores_are_freed_after_their_lifetime(make: Make, clock: Clock) -> None:
    store = make(score_lifetime_s=24 * HOUR_S)
    store.put("o", entry("a"), name="used")
    store.put("o", entry("b"), name="unused")
    for _ in range(3):
        clock.now_s += 10 * HOUR_S
        store.get("o", "used")
    assert names(store) == ["used"]
    with pytest.raises(UnknownScoreError, match=r"not been used for 24 hours \(setting score_lifetime_s\)"):
        store.get("o", "unused")
    assert store.figures().contents == 1
    assert store.evictions() == {"lifetime": 1, "room": 0, "damaged": 0}


@pytest.mark.process
def test_a_sweep_frees_expired_scores(make: Make, clock: Clock) -> None:
    store = make()
    store.put("o", entry("a"), name="x")
    clock.now_s += LIMITS.score_lifetime_s + 1
    assert store.sweep() == 1
    assert store.sweep() == 0
    assert store.evictions() == {"lifetime": 1, "room": 0, "damaged": 0}
    assert store.figures() == replace(store.figures(), names=0, contents=0, size_bytes=0, owners=0)


@pytest.mark.process
def test_expired_scores_take_no_room(make: Make, clock: Clock) -> None:
    store = make(max_scores_per_owner=1, score_grace_s=LIMITS.score_lifetime_s * 2)
    store.put("o", entry("a"), name="a")
    clock.now_s += LIMITS.score_lifetime_s + 1
    store.put("o", entry("b"), name="b")
    assert names(store) == ["b"]
    assert store.evictions() == {"lifetime": 1, "room": 0, "damaged": 0}


@pytest.mark.process
def test_an_owner_with_too_many_scores_is_refused(make: Make) -> None:
    store = make(max_scores_per_owner=2)
    store.put("o", entry("a"), name="a")
    store.put("o", entry("b"), name="b")
    with pytest.raises(
        TooMuchScoreError,
        match=r"at most 2 scores of this client .*max_scores_per_owner\), got 3 with this one\. Delete",
    ):
        store.put("o", entry("c"), name="c")
    store.put("o", entry("b"), name="b")  # stored already
    store.put("other", entry("c"), name="c")


@pytest.mark.process
def test_an_owner_with_too_many_bytes_is_refused(make: Make) -> None:
    store = make(max_stored_bytes_per_owner=2_500)
    store.put("o", entry("a", 1_000), name="a")
    store.put("o", entry("b", 1_000), name="b")
    with pytest.raises(
        TooMuchScoreError, match=r"bytes of scores of this client.*max_stored_bytes_per_owner"
    ):
        store.put("o", entry("c", 1_000), name="c")
    store.delete("o", "a")
    store.put("o", entry("c", 1_000), name="c")


@pytest.mark.process
def test_a_full_store_refuses_new_scores_rather_than_drop_scores_in_use(make: Make, clock: Clock) -> None:
    store = make(max_scores=2)
    store.put("one", entry("a"), name="a")
    store.put("two", entry("b"), name="b")
    clock.now_s += LIMITS.score_grace_s - 1
    with pytest.raises(
        TooMuchScoreError,
        match=r"at most 2 scores of all clients \(setting max_scores\), got 3 .* All others",
    ):
        store.put("three", entry("c"), name="c")
    assert (names(store, "one"), names(store, "two"), names(store, "three")) == (["a"], ["b"], [])
    assert store.figures().contents == 2


@pytest.mark.process
def test_a_full_store_frees_the_least_recently_used_score(make: Make, clock: Clock) -> None:
    store = make(max_scores=2)
    store.put("one", entry("a"), name="a")
    store.put("two", entry("b"), name="b")
    clock.now_s += 2 * HOUR_S
    store.get("one", "a")
    clock.now_s += 2 * HOUR_S
    store.put("three", entry("c"), name="c")
    assert (names(store, "one"), names(store, "two"), names(store, "three")) == (["a"], [], ["c"])
    with pytest.raises(
        UnknownScoreError, match=r"room was needed, .* 60 minutes \(settings max_scores, .* stores it again"
    ):
        store.get("two", "b")
    assert store.evictions() == {"lifetime": 0, "room": 1, "damaged": 0}


@pytest.mark.process
def test_no_more_scores_are_freed_than_needed_and_none_if_the_new_one_is_refused(
    make: Make, clock: Clock
) -> None:
    store = make(max_stored_bytes=4_000)
    for content in "abc":
        store.put("o", entry(content, 1_000), name=content)
        clock.now_s += 1
    clock.now_s += 2 * HOUR_S
    store.get("o", "c")
    with pytest.raises(TooMuchScoreError, match="max_stored_bytes"):
        store.put("p", entry("d", 3_500), name="d")  # needs the room of c, which is in use
    with pytest.raises(TooMuchScoreError, match="max_stored_bytes"):
        store.put("p", entry("d", 10_000), name="d")
    assert names(store) == ["a", "b", "c"]
    assert store.evictions()["room"] == 0
    store.put("p", entry("d", 2_500), name="d")
    assert store.evictions()["room"] == 2
    assert names(store) == ["c"]
    assert store.figures().size_bytes <= 4_000


@pytest.mark.process
def test_a_content_can_take_the_room_of_its_own_last_name(make: Make, clock: Clock) -> None:
    store = make(max_scores=1)
    store.put("one", entry("a"), name="a")
    clock.now_s += 2 * HOUR_S
    store.put("two", entry("a"), name="b")
    assert (names(store, "one"), names(store, "two")) == ([], ["b"])
    assert store.get("two", "b") == entry("a")


@pytest.mark.process
def test_a_content_that_has_a_name_needs_no_more_room(make: Make) -> None:
    store = make(max_stored_bytes=1_500)
    store.put("one", entry("a", 1_000), name="a")
    store.put("two", entry("a", 1_000), name="a")
    assert store.figures().contents == 1


@pytest.mark.process
def test_columns_of_another_reader_version_replace_the_old_ones(make: Make) -> None:
    store = make()
    store.put("o", entry("a", 10), name="x")
    store.put("o", entry("a", 20), name="x")
    assert len(store.get("o", "x").columns) == 20
    assert store.figures().size_bytes == entry("a", 20).size_bytes


@pytest.mark.process
def test_threads_can_share_a_store(make: Make) -> None:
    store = make()
    failures: list[BaseException] = []

    def work(owner: str) -> None:
        try:
            for number in range(10):
                store.put(owner, entry(str(number % 3)), name=str(number))
                assert store.get(owner, str(number)) == entry(str(number % 3))
            assert store.delete_all(owner) == 10
        except BaseException as error:  # noqa: BLE001 - asserted below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.figures().contents == 0


@pytest.mark.process
def test_scores_and_names_survive_a_restart(shared: Make, clock: Clock) -> None:
    shared().put("o", entry("a"), name="x")
    again = shared()
    assert again.get("o", "x") == entry("a")
    assert again.scores("o")[0].info == {"title": "a"}
    again.delete("o", "x")
    assert shared().scores("o") == ()


@pytest.mark.process
def test_the_lifetime_continues_over_a_restart(shared: Make, clock: Clock) -> None:
    shared().put("o", entry("a"), name="x")
    clock.now_s += LIMITS.score_lifetime_s + 1
    again = shared()
    assert again.scores("o") == ()
    again.sweep()
    assert again.figures().names == 0


@pytest.mark.process
def test_processes_see_each_others_changes(shared: Make) -> None:
    one, two = shared(), shared()
    one.put("o", entry("a"), name="x")
    assert two.get("o", "x") == entry("a")
    with pytest.raises(TakenNameError):
        two.put("o", entry("b"), name="x")
    two.delete("o", "x")
    with pytest.raises(UnknownScoreError, match="it was deleted"):
        one.get("o", "x")
    assert one.figures().contents == 0
    one.put("o", entry("a"), name="x")
    assert two.get("o", "x") == entry("a")


def test_a_deleted_score_leaves_no_file(in_folder: Make, tmp_path: Path) -> None:
    store = in_folder()
    store.put("o", entry("a"), name="x")
    store.delete("o", "x")
    assert list((tmp_path / "store" / "scores").iterdir()) == []


@pytest.mark.process
def test_a_deleted_score_is_not_served_from_the_cache(shared: Make) -> None:
    one, two = shared(), shared()
    one.put("o", entry("a", 10), name="x")
    one.delete("o", "x")
    two.put("o", entry("a", 20), name="x")
    assert len(one.get("o", "x").columns) == 20


def test_a_score_that_another_process_is_writing_is_read_again(
    in_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_folder()
    store.put("o", entry("a"), name="x")
    reads = iter([None, entry("a")])
    with monkeypatch.context() as patch:
        patch.setattr(FolderContents, "get", lambda _self, _content: next(reads))
        assert store.get("o", "x") == entry("a")
    assert names(store) == ["x"]


def test_only_its_user_can_access_the_folder(in_folder: Make, tmp_path: Path) -> None:
    in_folder().put("o", entry("a"), name="x")
    paths = [tmp_path / "store", *(tmp_path / "store").rglob("*")]
    assert len(paths) >= 4
    assert [path for path in paths if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("damage", ["changed", "truncated", "removed"])
def test_a_damaged_file_is_removed_with_a_warning_and_other_scores_stay(
    in_folder: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    store = in_folder()
    store.put("o", entry("a"), name="x")
    store.put("p", entry("a"), name="y")
    store.put("o", entry("b"), name="other")
    path = tmp_path / "store" / "scores" / f"{entry('a').content_id}.score"
    kept = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(kept[:-1] + b"!" if damage == "changed" else kept[:50])
    again = in_folder()
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(UnknownScoreError, match=r"damaged or removed\. .*import_score stores it again"),
    ):
        again.get("o", "x")
    assert any(record.levelno == logging.WARNING for record in caplog.records)
    assert again.scores("p") == ()
    assert again.evictions() == {"lifetime": 0, "room": 0, "damaged": 2}
    assert again.get("o", "other") == entry("b")
    again.put("o", entry("a"), name="x")
    assert in_folder().get("o", "x") == entry("a")


def test_a_damaged_index_is_renamed_with_a_warning(
    in_folder: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = in_folder()
    first.put("o", entry("a"), name="x")
    first.close()
    (tmp_path / "store" / "index.sqlite3").write_bytes(b"no database at all" * 100)
    with caplog.at_level(logging.WARNING):
        again = in_folder()
    assert "was renamed to index.damaged" in caplog.text
    assert (tmp_path / "store" / "index.damaged").exists()
    assert again.figures().names == 0
    assert list((tmp_path / "store" / "scores").iterdir()) == []  # it has no name any more
    again.put("o", entry("a"), name="x")
    assert in_folder().get("o", "x") == entry("a")


def test_an_index_of_another_version_is_replaced(
    in_folder: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = in_folder()
    first.close()
    with sqlite3.connect(tmp_path / "store" / "index.sqlite3") as index:
        index.execute("PRAGMA user_version = 99")
    index.close()
    assert in_folder().figures().names == 0
    assert "expected version 1, got 99" in caplog.text


def test_unfinished_files_of_a_killed_process_are_removed(in_folder: Make, tmp_path: Path) -> None:
    in_folder().put("o", entry("a"), name="x")
    unfinished = tmp_path / "store" / "scores" / "tmp123.unfinished"
    unfinished.write_bytes(b"half")
    unnamed = tmp_path / "store" / "scores" / "0123.score"
    unnamed.write_bytes(b"without a name")
    assert in_folder().get("o", "x") == entry("a")
    assert not unfinished.exists()
    assert not unnamed.exists()


def test_an_unusable_folder_is_an_error(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFolderError, match=r"a writable folder .*got .*file.*Choose another folder"):
        LocalStore(LIMITS, clock, tmp_path / "file")


def test_a_failed_write_leaves_nothing_behind(
    in_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_folder()

    def fail(_self: Path, _target: Path) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="no space left"):
            store.put("o", entry("a"), name="x")
    assert store.scores("o") == ()
    assert list((tmp_path / "store" / "scores").iterdir()) == []


_OTHER_PROCESS = """
import sys
from pathlib import Path
from music21_server.score.entry import Entry
from music21_server.score.document import Document
from music21_server.store.local import LocalStore
from music21_server.store.limits import StoreLimits

folder, owner = sys.argv[1:]
store = LocalStore(StoreLimits(), folder=Path(folder))
for number in range(15):
    store.put("shared", Entry.from_document(Document("abc", b"%d" % number), b"", {}), name=str(number))
    store.put(owner, Entry.from_document(Document("abc", b"%d" % number), b"", {}), name=str(number))
    store.get("shared", str(number))
    if number % 3 == 0:
        store.delete(owner, str(number))
        store.get("shared", str(number))
store.close()
"""


@pytest.mark.process
def test_processes_can_share_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", _OTHER_PROCESS, str(folder), owner], env=environment)
        for owner in ("one", "two")
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    store = LocalStore(LIMITS, folder=folder)
    assert (len(store.scores("shared")), len(store.scores("one")), len(store.scores("two"))) == (15, 10, 10)
    assert store.figures().contents == 15
    assert len(list((folder / "scores").iterdir())) == 15
    store.close()
