"""Limits and lifetimes of score stores of each kind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_samples import HOUR_S, LIMITS, Clock, Make, entry, names

from music21_server.errors import TooMuchScoreError, UnknownScoreError

pytestmark = pytest.mark.process


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


def test_a_sweep_frees_expired_scores(make: Make, clock: Clock) -> None:
    store = make()
    store.put("o", entry("a"), name="x")
    clock.now_s += LIMITS.score_lifetime_s + 1
    assert store.sweep() == 1
    assert store.sweep() == 0
    assert store.evictions() == {"lifetime": 1, "room": 0, "damaged": 0}
    assert store.figures() == replace(store.figures(), names=0, contents=0, size_bytes=0, owners=0)


def test_expired_scores_take_no_room(make: Make, clock: Clock) -> None:
    store = make(max_scores_per_owner=1, score_grace_s=LIMITS.score_lifetime_s * 2)
    store.put("o", entry("a"), name="a")
    clock.now_s += LIMITS.score_lifetime_s + 1
    store.put("o", entry("b"), name="b")
    assert names(store) == ["b"]
    assert store.evictions() == {"lifetime": 1, "room": 0, "damaged": 0}


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


def test_an_owner_with_too_many_bytes_is_refused(make: Make) -> None:
    store = make(max_stored_bytes_per_owner=2_500)
    store.put("o", entry("a", bytes(1_000)), name="a")
    store.put("o", entry("b", bytes(1_000)), name="b")
    with pytest.raises(
        TooMuchScoreError, match=r"bytes of scores of this client.*max_stored_bytes_per_owner"
    ):
        store.put("o", entry("c", bytes(1_000)), name="c")
    store.delete("o", "a")
    store.put("o", entry("c", bytes(1_000)), name="c")


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


def test_no_more_scores_are_freed_than_needed_and_none_if_the_new_one_is_refused(
    make: Make, clock: Clock
) -> None:
    store = make(max_stored_bytes=4_000)
    for content in "abc":
        store.put("o", entry(content, bytes(1_000)), name=content)
        clock.now_s += 1
    clock.now_s += 2 * HOUR_S
    store.get("o", "c")
    with pytest.raises(TooMuchScoreError, match="max_stored_bytes"):
        store.put("p", entry("d", bytes(3_500)), name="d")  # needs the room of c, which is in use
    with pytest.raises(TooMuchScoreError, match="max_stored_bytes"):
        store.put("p", entry("d", bytes(10_000)), name="d")
    assert names(store) == ["a", "b", "c"]
    assert store.evictions()["room"] == 0
    store.put("p", entry("d", bytes(2_500)), name="d")
    assert store.evictions()["room"] == 2
    assert names(store) == ["c"]
    assert store.figures().size_bytes <= 4_000


def test_a_content_can_take_the_room_of_its_own_last_name(make: Make, clock: Clock) -> None:
    store = make(max_scores=1)
    store.put("one", entry("a"), name="a")
    clock.now_s += 2 * HOUR_S
    store.put("two", entry("a"), name="b")
    assert (names(store, "one"), names(store, "two")) == ([], ["b"])
    assert store.get("two", "b") == entry("a")


def test_a_content_that_has_a_name_needs_no_more_room(make: Make) -> None:
    store = make(max_stored_bytes=1_500)
    store.put("one", entry("a", bytes(1_000)), name="a")
    store.put("two", entry("a", bytes(1_000)), name="a")
    assert store.figures().contents == 1
