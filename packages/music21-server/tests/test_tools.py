"""Whose scores a caller sees."""

from __future__ import annotations

import pytest

from music21_server.tools import owner
from server_core import Caller
from server_core.callers import calling

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
        with calling(each):
            owners.append(owner())
    with calling(who):
        assert owners.count(owner()) == 1


def test_a_session_keeps_its_scores_to_itself_even_under_one_token() -> None:
    with calling(Caller(session="a", client="ann")):
        one = owner()
    with calling(Caller(session="b", client="ann")):
        assert owner() != one
