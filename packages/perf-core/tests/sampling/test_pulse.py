"""Times in which a process does nothing, by its CPU clock."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import psutil
import pytest

from perf_core.sampling import pulse
from perf_core.sampling.pulse import Pulse, Still

Feel = Callable[[float, float], None]


class Watched:
    """A pulse of this process whose clocks the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        self.cpu_s = 1.0
        monkeypatch.setattr(pulse, "HAS_CLOCKS", True)
        monkeypatch.setattr(pulse.time, "time", lambda: self.now_s)
        monkeypatch.setattr(pulse, "cpu_s", lambda _process: self.cpu_s)
        self.pulse = Pulse(os.getpid())

    def feel(self, after_s: float, worked_s: float) -> None:
        """Take a reading some time later, after some work."""
        self.now_s += after_s
        self.cpu_s += worked_s
        self.pulse._feel()

    def stills(self) -> tuple[Still, ...]:
        """Return what was recorded, with a time that has not ended."""
        self.pulse._keep()
        return self.pulse.stills


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_clock_that_moves_has_no_stills(watched: Watched) -> None:
    for _ in range(100):
        watched.feel(0.05, 0.001)
    assert watched.stills() == ()


def test_stopped_clock_is_a_still(watched: Watched) -> None:
    watched.feel(0.05, 0.001)
    for _ in range(20):
        watched.feel(0.05, 0.0)
    watched.feel(0.05, 0.001)
    (still,) = watched.stills()
    assert still.start_s == pytest.approx(100.05)
    assert still.end_s - still.start_s == pytest.approx(1.0)


def test_still_that_has_not_ended_counts(watched: Watched) -> None:
    watched.feel(0.05, 0.001)
    watched.feel(2.0, 0.0)
    (still,) = watched.stills()
    assert still.end_s - still.start_s == pytest.approx(2.0)


def test_late_reading_is_no_still(watched: Watched) -> None:
    # The watching thread was late itself; the process has worked meanwhile.
    watched.feel(0.05, 0.001)
    watched.feel(3.0, 0.001)
    assert watched.stills() == ()


@pytest.mark.process
@pytest.mark.skipif(not pulse.HAS_CLOCKS, reason="needs a CPU clock in nanoseconds")
def test_idle_process_stands_still_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as sleeper:
        watch = Pulse(sleeper.pid)
        watch._feel()
        assert watch._process is not None
        sleeper.kill()
        sleeper.wait()
        watch._feel()
        assert watch._process is None
    assert Pulse(sleeper.pid)._process is None


def test_systems_without_a_clock_have_no_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "HAS_CLOCKS", False)

    def never(_process: psutil.Process) -> float:
        raise AssertionError

    monkeypatch.setattr(pulse, "cpu_s", never)
    with Pulse(os.getpid()) as watch:
        watch._feel()
    assert watch.stills == ()
