"""Signals set a flag, and the previous handlers are restored."""

import os
import signal
import sys
import threading

import pytest

from perf_core import interruption as interruption_module
from perf_core.errors import Interrupted
from perf_core.interruption import waiting, watch_signals


def test_waiting_is_told_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption_module, "_TOLD_EVERY_S", 0.001)
    told: list[tuple[str, float | None]] = []
    was_told = threading.Event()

    def on_progress(step: str, share: float | None) -> None:
        told.append((step, share))
        was_told.set()

    with waiting(on_progress, "starting notes"):
        assert was_told.wait(10)
    assert told[0] == ("starting notes: no answer for 0 s", None)
    before = len(told)
    assert not [thread for thread in threading.enumerate() if thread.name == "waiting"]
    assert len(told) == before


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process on Windows")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_sets_the_flag(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with watch_signals() as interruption:
        interruption.check()
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        assert interruption.requested
        with pytest.raises(Interrupted):
            interruption.check()
    assert signal.getsignal(number) == before
