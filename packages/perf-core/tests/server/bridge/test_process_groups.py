"""Signals reach the group of a child and nothing else."""

import os
import signal
import subprocess
import sys

import pytest

from perf_core.server.bridge.process_groups import reap_orphans, signal_group

SLEEPER = (sys.executable, "-c", "import threading; threading.Event().wait()")


@pytest.mark.parametrize("pid", [0, 1, -1])
def test_numbers_that_mean_other_processes_are_never_signalled(
    pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "killpg", lambda *_: pytest.fail("must not be called"))
    assert not signal_group(pid, signal.SIGKILL)


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups")
def test_group_is_signalled_until_it_is_empty() -> None:
    with subprocess.Popen(SLEEPER, start_new_session=True) as process:
        assert signal_group(process.pid, signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
    assert not signal_group(process.pid, signal.SIGKILL)


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux adopts orphans")
def test_code_of_a_child_is_left_to_its_owner() -> None:
    with subprocess.Popen((sys.executable, "-c", "raise SystemExit(7)")) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        reap_orphans({process.pid})
        assert process.wait(10) == 7
