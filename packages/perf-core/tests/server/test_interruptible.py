"""Calls that wait end when the user interrupts."""

import threading

import pytest

from perf_core.errors import Interrupted, TargetError
from perf_core.interruption import Interruption
from perf_core.server.interruptible import interruptible


def test_result_and_error_are_those_of_the_call() -> None:
    assert interruptible(lambda: 7, Interruption()) == 7

    def fail() -> None:
        raise TargetError("no server", "start it")

    with pytest.raises(TargetError, match="no server"):
        interruptible(fail, Interruption())


def test_call_that_waits_is_left_when_the_user_interrupts() -> None:
    interruption, ended = Interruption(), threading.Event()

    def wait() -> None:
        interruption.requested = True
        ended.wait(30)

    with pytest.raises(Interrupted):
        interruptible(wait, interruption)
    assert not ended.is_set()
    ended.set()
