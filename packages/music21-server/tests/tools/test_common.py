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


@pytest.mark.parametrize("current", CALLERS)
def test_each_caller_is_a_separate_owner(current: Caller) -> None:
    owners = []
    for each in CALLERS:
        with as_caller(each):
            owners.append(owner())
    with as_caller(current):
        assert owners.count(owner()) == 1


@pytest.mark.process
def test_a_token_is_the_same_owner_in_all_sessions_and_on_both_wires() -> None:
    owners = set()
    for session in ("a", "b", None):
        with as_caller(Caller(session=session, client="ann")):
            owners.add(owner())
    assert len(owners) == 1
