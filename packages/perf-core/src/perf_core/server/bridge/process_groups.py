"""The processes of children, and a guard that ends them if the bridge itself is killed.

Each child has a process group of its own, so that what it started is ended with it. SIGKILL of the bridge
leaves no time for that. Children see the end of their standard input then, which some ignore; the guard, a
process that waits for the end of the bridge, kills their groups.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import psutil

from perf_core.server.bridge import guard

_REAPED_AT_ONCE = 1000

HAS_GROUPS = sys.platform != "win32"


def signal_group(pid: int, number: int) -> bool:
    """Send a signal to the process group of a child; return whether there was a process in it."""
    if pid <= 1:
        return False  # killpg(0) would reach this process and those that started it
    if sys.platform == "win32":
        return _signal_tree(pid, number)
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # macOS refuses a group of zombies
    return True


def _signal_tree(pid: int, number: int) -> bool:
    """Windows has no groups: end the processes one by one."""
    try:
        root = psutil.Process(pid)
        members = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return False
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.terminate() if number == signal.SIGTERM else member.kill()
    return True


def keep_standard_files() -> None:
    """Close all files but the standard ones when the program of a child begins; runs in the forked child.

    uvloop leaves the originals of its three sockets open in the child, which would count as the server's
    files, and keep the sockets open when the server closes its own.
    """
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - as little as possible between fork and exec
        if int(name) > 2:
            # One of them was the listing itself.
            with contextlib.suppress(OSError):
                os.set_inheritable(int(name), False)


class Guard:
    """Kills the process groups of children when the process that started it ends in any way."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def add(self, pid: int) -> None:
        """Watch over a process group."""
        self._send(pid)

    def remove(self, pid: int) -> None:
        """Forget a process group that has ended, since its number may be given to another."""
        self._send(-pid)

    def _send(self, number: int) -> None:
        if self._descriptor is not None:
            # A guard that was killed is missed only if the bridge is, too.
            with contextlib.suppress(OSError):
                os.write(self._descriptor, guard.NUMBER.pack(number))


def start_guard() -> Guard:
    """Start a guard of this process.

    It leaves the process tree and has an empty environment, so that it is not taken for a part of the server.
    """
    if sys.platform == "win32":
        return Guard(None)
    reader, writer = os.pipe()
    try:
        # The process that is started forks and ends at once.
        subprocess.run(
            guard.ARGV,
            stdin=reader,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            start_new_session=True,
            check=True,
        )
    finally:
        os.close(reader)
    return Guard(writer)


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parents end, where the system can (Linux).

    A child that forks and ends would otherwise leave processes that nobody finds.
    """
    if sys.platform != "linux":
        return
    # PR_SET_CHILD_SUBREAPER of prctl(2), which Python does not offer.
    import ctypes

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def reap_orphans(children: set[int]) -> None:
    """Take the exit codes of adopted processes that have ended.

    Args:
        children: Process numbers of children, whose codes belong to the event loop.
    """
    if sys.platform != "linux":
        return
    for _ in range(_REAPED_AT_ONCE):
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in children:
            return
        with contextlib.suppress(ChildProcessError):
            os.waitpid(ended.si_pid, os.WNOHANG)


def kill_descendants() -> None:
    """Kill whatever this process and its children have started and left."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
