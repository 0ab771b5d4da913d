"""Calls that wait end when the user interrupts."""

import threading

import pytest

from perf_core.errors import Interrupted, TargetError
from perf_core.interruption import Interruption
from perf_core.server.interruptible import in_time, interruptible


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


def test_call_that_is_late_is_left() -> None:
    ended = threading.Event()
    assert in_time(lambda: 7, 30) == 7
    with pytest.raises(TimeoutError):
        in_time(lambda: ended.wait(30), 0.05)
    ended.set()


def test_call_that_ends_soon_after_an_interruption_ends_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perf_core.server.interruptible.GRACE_S", 30.0)
    interruption, has_ended = Interruption(), threading.Event()

    def end() -> bool:
        interruption.requested = True
        return has_ended.wait(0.2)

    assert interruptible(end, interruption) is False
