"""Score stores of each kind: names, owners, contents and restarts.

Tests of limits are in test_limits.py, of a folder alone in test_local_folder.py, of Redis alone in redis, and
random sequences of calls in test_local_model.py.
"""

from __future__ import annotations

import threading

import pytest
from store_samples import LIMITS, Clock, Make, entry, names

from music21_server.errors import UnknownScoreError
from music21_server.store.local import StoredScore, TakenNameError
from music21_server.store.names import BadNameError


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
def test_columns_of_another_reader_version_replace_the_old_ones(make: Make) -> None:
    store = make()
    store.put("o", entry("a", bytes(10)), name="x")
    store.put("o", entry("a", bytes(20)), name="x")
    assert len(store.get("o", "x").columns) == 20
    assert store.figures().size_bytes == entry("a", bytes(20)).size_bytes


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


@pytest.mark.process
def test_a_deleted_score_is_not_served_from_the_cache(shared: Make) -> None:
    one, two = shared(), shared()
    one.put("o", entry("a", bytes(10)), name="x")
    one.delete("o", "x")
    two.put("o", entry("a", bytes(20)), name="x")
    assert len(one.get("o", "x").columns) == 20
