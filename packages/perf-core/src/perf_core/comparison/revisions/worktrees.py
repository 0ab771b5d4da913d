"""Cached builds of revisions, for targets such as ``calculator@HEAD~1``.

Each commit gets its own worktree and virtual environment below ``.perf-core/revisions`` in the checkout.
They are kept, so that the next comparison with the same commit starts at once. The user's files stay
untouched, and git ignores the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from perf_core.comparison.revisions import git
from perf_core.comparison.revisions.environments import Build, install_packages, python_of
from perf_core.errors import TargetError
from perf_core.interruption import Interruption, OnProgress
from perf_core.results.files import write_json

MAX_REVISIONS = 8
"""Number of revisions to keep; the least recently used are deleted first."""

_MARKER = "built.json"
_LOCK = "lock"
_POLL_S = 0.1
_NO_ROOM = "Free some disk space, or make the checkout writable."


@dataclass(frozen=True)
class BuiltRevision:
    """A commit, its worktree, and the interpreter for which its packages are installed."""

    commit: str
    python: Path
    tree: Path


Install = Callable[[Build], None]


def build_revision(
    repository: Path,
    revision: str,
    *,
    on_progress: OnProgress | None = None,
    interruption: Interruption | None = None,
    install: Install | None = None,
) -> BuiltRevision:
    """Check out a revision, install its packages and return it; an existing build is reused.

    Args:
        repository: The checkout, or any folder in it.
        revision: Anything that git accepts as a commit: ``main``, ``v1.0``, ``HEAD~1``, ``3f2c1ab``.
        install: Fills the virtual environment; the default is :func:`install_packages`.

    Raises:
        UsageError: There is no such revision, the folder is not in a checkout, or git is missing.
        TargetError: The revision does not build; has the end of pip's output and the path of its log.
        Interrupted: The user interrupted.
    """
    root = git.toplevel(repository)
    commit = git.commit_of(root, revision)
    entry = _home(root) / f"{commit[:12]}-{sys.implementation.cache_tag}"
    built = BuiltRevision(commit, python_of(entry / "env"), entry / "tree")
    if _reuse(built):
        return built
    interruption = interruption or Interruption()
    on_progress = on_progress or (lambda _step, _share: None)
    with _build_lock(entry.parent, on_progress, interruption):
        # The process that held the lock before may have built the same revision.
        if not _reuse(built):
            on_progress(f"building {revision} ({commit[:12]})", None)
            _build(root, built, interruption, install or install_packages)
            _delete_old(root, entry)
    return built


def _home(root: Path) -> Path:
    home = root / ".perf-core" / "revisions"
    try:
        home.mkdir(parents=True, exist_ok=True)
        ignore = home.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        (home / _LOCK).touch()
    except OSError as error:
        raise TargetError(
            f"cannot write {home}, the folder for builds of revisions: {error.strerror}",
            "Make the checkout writable.",
        ) from error
    return home


def _reuse(built: BuiltRevision) -> bool:
    """Return whether the build is complete; if so, mark it as used now."""
    marker = built.tree.parent / _MARKER
    try:
        document = json.loads(marker.read_bytes())
        # Scripts in a virtual environment contain its path, so it breaks when it is moved.
        complete = document["tree"] == str(built.tree) and document["commit"] == built.commit
        # The interpreter is a link to one that may have been uninstalled.
        if not complete or not built.python.exists() or not (built.tree / ".git").exists():
            return False
        os.utime(marker)
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return True


@contextlib.contextmanager
def _build_lock(home: Path, on_progress: OnProgress, interruption: Interruption) -> Iterator[None]:
    """Wait until no other process builds here; the system releases the lock of a process that ends."""
    with (home / _LOCK).open("ab") as file:
        waits = False
        while not _locked(file.fileno()):
            if not waits:
                on_progress("waiting for another process that builds a revision", None)
            waits = True
            interruption.check()
            time.sleep(_POLL_S)
        # Closing the file releases the lock.
        yield


if sys.platform == "win32":
    import msvcrt

    def _locked(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _locked(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _build(root: Path, built: BuiltRevision, interruption: Interruption, install: Install) -> None:
    entry = built.tree.parent
    log = entry.with_suffix(".log")
    _remove(root, entry)
    try:
        entry.mkdir()
        log.touch()
        git.add_worktree(root, built.commit, built.tree)
        install(Build(built.commit, built.tree, entry / "env", log, interruption))
        document = {"commit": built.commit, "tree": str(built.tree), "python": sys.version}
        # Written last: a build without it is incomplete.
        write_json(entry / _MARKER, document, _NO_ROOM)
    except OSError as error:
        _remove(root, entry)
        raise TargetError(
            f"{built.commit[:12]} cannot be built in {entry}: {error.strerror or error}", _NO_ROOM
        ) from error
    except BaseException:
        _remove(root, entry)
        raise
    log.unlink(missing_ok=True)


def _remove(root: Path, entry: Path) -> None:
    (entry / _MARKER).unlink(missing_ok=True)
    git.remove_worktree(root, entry / "tree")
    shutil.rmtree(entry, ignore_errors=True)


def _delete_old(root: Path, newest: Path) -> None:
    """Delete the least recently used builds, and incomplete ones: no other process builds now."""

    def used_at(entry: Path) -> float:
        marker = entry / _MARKER
        return marker.stat().st_mtime if marker.exists() else 0.0

    entries = [path for path in newest.parent.iterdir() if path.is_dir() and path != newest]
    entries.sort(key=used_at, reverse=True)
    for index, entry in enumerate(entries):
        if index >= MAX_REVISIONS - 1 or not used_at(entry):
            _remove(root, entry)
    logs = sorted(newest.parent.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for log in logs[MAX_REVISIONS:]:
        log.unlink(missing_ok=True)
