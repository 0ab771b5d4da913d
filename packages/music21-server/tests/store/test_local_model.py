"""Random sequences of calls on stores in memory and in Redis, compared with a dictionary."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from music21_server.errors import TooMuchScoreError, UnknownScoreError
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.store.limits import StoreLimits
from music21_server.store.local import LocalStore, TakenNameError
from music21_server.store.protocol import ScoreStore
from music21_server.store.redis.store import RedisStore

pytestmark = pytest.mark.process

HOUR_S = 3600.0
LIMITS = StoreLimits()


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def entry(content: str) -> Entry:
    return Entry.from_document(Document("abc", content.encode()), bytes(100), {"title": content})


class StoreMachine(RuleBasedStateMachine):
    """A store compared with a dictionary that never frees anything by itself."""

    def __init__(self, open_store: Callable[[StoreLimits, Clock], ScoreStore]) -> None:
        super().__init__()
        self.clock = Clock()
        limits = StoreLimits(max_scores=6, max_scores_per_owner=4, max_stored_bytes=900)
        self.store = open_store(limits, self.clock)
        for owner in "op":  # the store in Redis still holds the scores of the previous example
            self.store.delete_all(owner)
        self.model: dict[tuple[str, str], str] = {}
        self.used: dict[tuple[str, str], float] = {}

    @rule(
        owner=st.sampled_from("op"),
        name=st.sampled_from("wxyz"),
        content=st.sampled_from(["a", "b", "c" * 200]),
    )
    def put(self, owner: str, name: str, content: str) -> None:
        try:
            self.store.put(owner, entry(content), name=name)
        except TakenNameError:
            assert self.model[owner, name] != content
        except TooMuchScoreError:
            self.forget_freed()
            assert (owner, name) not in self.model
        else:
            self.forget_freed()
            assert self.model.get((owner, name), content) == content
            self.model[owner, name] = content
            self.used[owner, name] = self.clock.now_s

    @rule(owner=st.sampled_from("op"), name=st.sampled_from("wxyz"))
    def get(self, owner: str, name: str) -> None:
        try:
            stored = self.store.get(owner, name)
        except UnknownScoreError:
            self.forget_freed()
            assert (owner, name) not in self.model
        else:
            assert stored == entry(self.model[owner, name])
            self.used[owner, name] = self.clock.now_s

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        owner, name = data.draw(st.sampled_from(sorted(self.model)))
        self.forget_freed()
        if (owner, name) in self.model:
            self.store.delete(owner, name)
            del self.model[owner, name]

    @rule(hours=st.sampled_from([0.01, 0.6, 1.1, 13, 25]))
    def wait(self, hours: float) -> None:
        self.clock.now_s += hours * HOUR_S

    def forget_freed(self) -> None:
        """Remove freed scores from the dictionary, and check that the store was allowed to free them."""
        for owner in "op":
            stored = {score.name for score in self.store.scores(owner)}
            for key in [key for key in self.model if key[0] == owner and key[1] not in stored]:
                # A use within a sixtieth of the grace period is not recorded.
                assert self.clock.now_s - self.used[key] > LIMITS.score_grace_s * 59 / 60
                del self.model[key]

    @invariant()
    def it_keeps_its_limits_and_stores_only_named_contents(self) -> None:
        self.forget_freed()
        self.store.sweep()
        figures = self.store.figures()
        assert figures.names == len(self.model) <= 6
        assert figures.contents == len(set(self.model.values()))
        assert figures.size_bytes == sum(entry(each).size_bytes for each in set(self.model.values())) <= 900

    def teardown(self) -> None:
        self.store.close()


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_random_sequences_of_calls(kind: str, request: pytest.FixtureRequest) -> None:
    def machine() -> StoreMachine:
        if kind == "memory":
            return StoreMachine(LocalStore)
        url, prefix = (request.getfixturevalue(name) for name in ("redis_url", "redis_prefix"))
        return StoreMachine(lambda limits, clock: RedisStore(limits, url, prefix=prefix, clock=clock))

    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # untyped in hypothesis
        machine, settings=settings(max_examples=25, stateful_step_count=20, deadline=None)
    )
