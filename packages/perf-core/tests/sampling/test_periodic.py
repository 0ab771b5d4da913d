"""A thread that calls a function at intervals and reports its exceptions."""

from __future__ import annotations

import threading
import time

import pytest

from perf_core.sampling.periodic import PeriodicThread

DEADLINE_S = 30


def test_function_is_called_until_the_end() -> None:
    calls = threading.Semaphore(0)
    with PeriodicThread(calls.release, 0.001, "calls"):
        assert all(calls.acquire(timeout=DEADLINE_S) for _ in range(5))
        assert "calls" in {thread.name for thread in threading.enumerate()}
    assert "calls" not in {thread.name for thread in threading.enumerate()}


def test_first_call_waits_for_the_delay() -> None:
    calls = threading.Semaphore(0)
    began = time.monotonic()
    with PeriodicThread(calls.release, 3600, "calls", delay_s=0.05):
        assert calls.acquire(timeout=DEADLINE_S)
        assert time.monotonic() - began >= 0.05
    assert not calls.acquire(blocking=False)


def test_interval_counts_from_start_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, waits_s = 0.0, []

    class Stopping:
        def wait(self, timeout_s: float) -> bool:
            nonlocal now_s
            waits_s.append(timeout_s)
            now_s += max(0.0, timeout_s)
            return len(waits_s) == 5

        def set(self) -> None:
            pass

    def work() -> None:
        nonlocal now_s
        # The third call takes several intervals, which are not made up for.
        now_s += 3.5 if len(waits_s) == 3 else 0.25

    thread = PeriodicThread(work, 1.0, "calls")
    monkeypatch.setattr(thread, "stopping", Stopping())
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    thread._run()
    assert waits_s == [0.0, 0.75, 0.75, 0.0, 0.75]


def test_exception_of_the_function_is_raised_at_the_end() -> None:
    began = threading.Event()

    def fails() -> None:
        began.set()
        raise ValueError("cannot sample")

    with pytest.raises(ValueError, match="cannot sample"), PeriodicThread(fails, 0.001, "calls"):
        assert began.wait(DEADLINE_S)


def test_exception_of_the_body_gets_a_note_about_the_thread() -> None:
    began = threading.Event()

    def fails() -> None:
        began.set()
        raise ValueError("cannot sample")

    def body() -> None:
        with PeriodicThread(fails, 0.001, "calls"):
            assert began.wait(DEADLINE_S)
            raise KeyError("body")

    with pytest.raises(KeyError) as caught:
        body()
    assert "ValueError('cannot sample')" in caught.value.__notes__[0]


def test_stopping_is_set_while_the_function_waits() -> None:
    began, ended = threading.Event(), threading.Event()

    def waits() -> None:
        began.set()
        if thread.stopping.wait(DEADLINE_S):
            ended.set()

    thread = PeriodicThread(waits, 0.001, "calls")
    with thread:
        assert began.wait(DEADLINE_S)
    assert ended.is_set()
