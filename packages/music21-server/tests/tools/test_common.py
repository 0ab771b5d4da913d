"""The owner whose scores a caller sees."""

from __future__ import annotations

import pytest

from music21_server.tools.common import owner
from server_core import Caller
from server_core.callers import as_caller

CALLERS = [
    Caller(),
    Caller(session="a"),
    Caller(session="b"),
    Caller(client="a"),
    Caller(client="b"),
]


@pytest.mark.parametrize("who", CALLERS)
def test_each_caller_has_scores_of_its_own(who: Caller) -> None:
    owners = []
    for each in CALLERS:
        with as_caller(each):
            owners.append(owner())
    with as_caller(who):
        assert owners.count(owner()) == 1


def test_a_tokens_scores_outlive_its_sessions_and_are_the_same_on_both_wires() -> None:
    owners = set()
    for who in (Caller(session="a", client="ann"), Caller(session="b", client="ann"), Caller(client="ann")):
        with as_caller(who):
            owners.add(owner())
    assert len(owners) == 1
