"""Signals set a flag, and the previous handlers are restored."""

import os
import signal
import sys

import pytest

from perf_core.errors import Interrupted
from perf_core.interruption import watch_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process on Windows")


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
