"""The end of a server whose lab was killed, by what the lab's guard knows of it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from perf_core.server import daemon


@dataclass(frozen=True)
class Orphan:
    """A server without a lab.

    Attributes:
        mark: Folder for temporary files that only this server was given.
        folders: Folders to delete after its end.
        grace_s: Time for it to end in order.
        ends_with_input: Whether it ends with its standard input, which was a pipe to the lab.
        pid: Process that the lab has started; None if it has started none.
        created_s: When that process was created, since process numbers are reused.
    """

    mark: str
    folders: Sequence[str]
    grace_s: float
    ends_with_input: bool
    pid: int | None = None
    created_s: float | None = None


def end_orphan(orphan: Orphan) -> None:
    """End a server and all that it has started, and delete its folders."""
    root = _started(orphan) or daemon.daemon_of(orphan.mark)
    members = [] if root is None else [root, *_descendants(root)]
    if root is not None and orphan.ends_with_input:
        daemon.wait([root], orphan.grace_s)
    elif root is not None:
        daemon.end([root], orphan.grace_s)
    for member in list(members):
        members += _descendants(member)  # what has been started meanwhile
    daemon.kill([*members, *daemon.marked_processes(orphan.mark)])
    for folder in orphan.folders:
        shutil.rmtree(folder, ignore_errors=True)


def _started(orphan: Orphan) -> psutil.Process | None:
    """Return the process that the lab has started; None if it has ended and its number is another's now."""
    if orphan.pid is None or orphan.pid <= 1:
        return None
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(orphan.pid)
        if process.create_time() == orphan.created_s:
            return process
    return None


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(*daemon.BEYOND_REACH):
        return process.children(recursive=True)
    return []
