"""Processes that a started server has left behind outside its process tree, such as a daemon.

A server that daemonizes forks, and the process that the lab started ends: nothing links the rest to the lab
but its environment, which names a folder for temporary files that only this server was given. A process
without that mark is never taken for the server's.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import psutil

from perf_core.server.listeners import has_ended, root_listener

MARK = "TMPDIR"
"""Variable that marks the processes of a server."""

BEYOND_REACH = (psutil.NoSuchProcess, psutil.AccessDenied)
"""A process has ended, or has become another user's: the others are ended all the same."""

_POLL_S = 0.02
_APPEARING_S = 1.0
"""Time in which a forked process must be seen; parent and child overlap, unless the system is slow."""

_KILLED_S = 5.0
"""Longest wait for a killed process, which may be in a call of the system."""


def marked_processes(folder: str) -> tuple[psutil.Process, ...]:
    """Return the running processes that were given a folder for temporary files, the oldest first.

    The lab itself and what has started it are never among them, whatever their environment: what is returned
    is going to be killed.
    """
    if not folder:
        raise ValueError("expected the folder of one server, got an empty text, which would mark no process")
    me = psutil.Process()
    untouchable = {me, *me.parents()}
    marked = []
    for process in psutil.process_iter():
        if process in untouchable:
            continue
        # Another user's process cannot be looked at, and is none of the lab's.
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            if process.environ().get(MARK) == folder and not has_ended(process):
                marked.append((process.create_time(), process))
    return tuple(process for _, process in sorted(marked, key=lambda pair: pair[0]))


def daemon_of(folder: str, url: str = "") -> psutil.Process | None:
    """Return the root of what a server with this folder has left running; None if nothing is.

    Args:
        url: Where the server answers, once that is known: of several roots, the one that listens there.
    """
    marked = marked_processes(folder)
    roots = [process for process in marked if _parent(process) not in marked]
    listener = root_listener(url) if url and len(roots) > 1 else None
    while listener is not None and listener not in roots:
        listener = _parent(listener)
    return listener or next(iter(roots), None)


def wait_for_daemon(folder: str) -> psutil.Process | None:
    """Return the root of what an ended process has left running; wait for it for a second, else None."""
    deadline = time.monotonic() + _APPEARING_S
    while True:
        # Between two forks it is the first child; when that has ended, the second one is found.
        root = daemon_of(folder)
        if root is not None and not has_ended(root):
            return root
        if time.monotonic() > deadline:
            return None
        time.sleep(_POLL_S)


def end(processes: Sequence[psutil.Process], grace_s: float) -> None:
    """Send SIGTERM, and SIGKILL to what still runs after ``grace_s``; return when all have ended."""
    for process in processes:
        with contextlib.suppress(*BEYOND_REACH):
            process.terminate()
    wait(processes, grace_s)
    kill(processes)


def kill(processes: Sequence[psutil.Process]) -> None:
    """Send SIGKILL to the processes that still run; return when all have ended."""
    for process in processes:
        # psutil compares creation times, so a reused process number is never killed.
        with contextlib.suppress(*BEYOND_REACH):
            process.kill()
    wait(processes, _KILLED_S)


def wait(processes: Sequence[psutil.Process], longest_s: float) -> None:
    """Return when all processes have ended, or after a time."""
    # Not psutil.wait_procs: it also waits until the system has taken note of the end of an orphan, which
    # takes seconds with the first process of some containers, and for ever with others.
    deadline = time.monotonic() + longest_s
    while not all(map(has_ended, processes)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _parent(process: psutil.Process) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return process.parent()
    return None
