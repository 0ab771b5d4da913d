"""A revision of a repository as something that can be started: ``calculator@HEAD~1``.

Each commit gets a worktree and a virtual environment of its own, below ``.perf-core/revisions`` in the
checkout, and keeps them: to compare with the same commit again costs nothing. Nothing of the user's is
touched; git does not see the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import perf_core
from perf_core.adapter import ENTRY_POINT_GROUP, Launch
from perf_core.comparison.revisions import git
from perf_core.comparison.revisions.environments import Workplace, install_packages, python_of
from perf_core.errors import TargetError, UsageError
from perf_core.interruption import Interruption, OnProgress

KEPT = 8
"""Revisions that are kept; the least recently used go first."""

_MARKER = "built.json"
_LOCK = "lock"
_POLL_S = 0.1
_TAIL_LINES = 15
_ADAPTER_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class BuiltRevision:
    """A commit that is checked out and installed.

    Attributes:
        commit: Full hash.
        python: Interpreter of the environment that its packages are installed in.
        tree: Root of its worktree.
    """

    commit: str
    python: Path
    tree: Path


Install = Callable[[Workplace], None]


def parse_target(text: str) -> tuple[str, str | None]:
    """Return the name of a target and the revision it is wanted at; None is what is installed.

    The first ``@`` divides: names of adapters hold none, revisions such as ``main@{1}`` do. URLs and paths
    that end in ``.toml`` are never divided.

    Raises:
        UsageError: The name or the revision is empty, or a TOML file is wanted at a revision.
    """
    if text.lower().startswith(("http://", "https://")) or text.endswith(".toml"):
        return text, None
    name, at, revision = text.partition("@")
    if not at:
        return text, None
    if not name or not revision:
        raise UsageError(f"NAME@REVISION was expected, {text!r} came", "For example calculator@HEAD~1.")
    if name.endswith(".toml"):
        raise UsageError(
            f"{name} is a file, and only an adapter that a package brings can be had at a revision",
            "Name the adapter, or write a second file whose command starts the other version.",
        )
    return name, revision


def build_revision(
    repository: Path,
    revision: str,
    *,
    tell: OnProgress | None = None,
    interruption: Interruption | None = None,
    install: Install | None = None,
) -> BuiltRevision:
    """Return a revision with its packages installed; one that was built before is reused at once.

    Args:
        repository: The checkout, or any folder in it.
        revision: Anything that git takes for a commit: ``main``, ``v1.0``, ``HEAD~1``, ``3f2c1ab``.
        tell: Told what is being done; a share of None has no known end.
        interruption: Ends the work when the user interrupts.
        install: Fills the environment; the default is :func:`install_packages`.

    Raises:
        UsageError: There is no such revision, the folder is in no checkout, or git is missing.
        TargetError: The revision does not build; has the end of pip's output and the path of all of it.
        Interrupted: The user ended it.
    """
    root = git.toplevel(repository)
    commit = git.commit_of(root, revision)
    entry = _home(root) / f"{commit[:12]}-{sys.implementation.cache_tag}"
    built = BuiltRevision(commit, python_of(entry / "env"), entry / "tree")
    if _reuse(built):
        return built
    stop = interruption or Interruption()
    say = tell or (lambda _what, _share: None)
    with _building_alone(entry.parent, say, stop):
        # Whoever held the lock before may have built the same.
        if not _reuse(built):
            say(f"building {revision} ({commit[:12]})", None)
            _build(root, built, stop, install or install_packages)
            _forget_old(root, entry)
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
            f"cannot write {home}, where revisions are built: {error.strerror}",
            "Make the checkout writable.",
        ) from error
    return home


def _reuse(built: BuiltRevision) -> bool:
    """Return whether ``built`` is complete; if so it counts as used now."""
    marker = built.tree.parent / _MARKER
    try:
        document = json.loads(marker.read_bytes())
        # Scripts in an environment carry its path, so one that was moved is not whole.
        whole = document["tree"] == str(built.tree) and document["commit"] == built.commit
        # The interpreter is a link to one that may have been uninstalled.
        if not whole or not built.python.exists() or not (built.tree / ".git").exists():
            return False
        os.utime(marker)
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return True


@contextlib.contextmanager
def _building_alone(home: Path, tell: OnProgress, interruption: Interruption) -> Iterator[None]:
    """Wait until no other process builds here; the system lets go of a dead process's lock."""
    with (home / _LOCK).open("ab") as file:
        waits = False
        while not _locked(file.fileno()):
            if not waits:
                tell("waiting for another process that builds a revision", None)
            waits = True
            interruption.check()
            time.sleep(_POLL_S)
        # Closing the file gives the lock back.
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
        install(Workplace(built.commit, built.tree, entry / "env", log, interruption))
        document = {"commit": built.commit, "tree": str(built.tree), "python": sys.version}
        # Written last: an entry without it was interrupted.
        (entry / _MARKER).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        _remove(root, entry)
        raise TargetError(
            f"{built.commit[:12]} cannot be built in {entry}: {error.strerror or error}",
            "Make room or make the checkout writable.",
        ) from error
    except BaseException:
        _remove(root, entry)
        raise
    log.unlink(missing_ok=True)


def _remove(root: Path, entry: Path) -> None:
    (entry / _MARKER).unlink(missing_ok=True)
    git.remove_worktree(root, entry / "tree")
    shutil.rmtree(entry, ignore_errors=True)


def _forget_old(root: Path, newest: Path) -> None:
    """Keep the entries used last; called while no other process builds, so one without a marker is dead."""

    def used_at(entry: Path) -> float:
        marker = entry / _MARKER
        return marker.stat().st_mtime if marker.exists() else 0.0

    entries = [path for path in newest.parent.iterdir() if path.is_dir() and path != newest]
    entries.sort(key=used_at, reverse=True)
    for index, entry in enumerate(entries):
        if index >= KEPT - 1 or not used_at(entry):
            _remove(root, entry)
    logs = sorted(newest.parent.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for log in logs[KEPT:]:
        log.unlink(missing_ok=True)


# Runs in the revision's own interpreter, where perf_core may be older than this module, or absent.
_DESCRIBE = """
import contextlib, json, os, sys
from importlib.metadata import entry_points
from importlib.util import find_spec

name, group, lab = sys.argv[1:]
# Listed before the lab's own folder is added, which may hold adapters of its own.
entries = {e.name: e for e in entry_points(group=group)}

def tell(**what):
    print(json.dumps(what), flush=True)
    # Without whatever the adapter would still say or wait for at the end.
    os._exit(0)

if name not in entries:
    tell(known=sorted(entries))
if find_spec("perf_core") is None:
    sys.path.append(lab)
entry = entries[name]
try:
    with contextlib.redirect_stdout(sys.stderr):
        adapter = entry.load()
        launch = adapter.launch
        fields = ("url", "ready_timeout_s", "stop_timeout_s")
        found = {field: getattr(launch, field) for field in fields if hasattr(launch, field)}
        found["argv"] = [os.fspath(part) for part in launch.argv]
        found["env"] = dict(getattr(launch, "env", {}))
        found["cwd"] = None if getattr(launch, "cwd", None) is None else os.fspath(launch.cwd)
        told = {"launch": found, "server_name": getattr(adapter, "server_name", None)}
        told["package"] = entry.dist.name + " " + entry.dist.version if entry.dist else ""
        json.dumps(told)
except BaseException as error:
    tell(error=repr(error), package=entry.dist.name if entry.dist else entry.value)
tell(**told)
"""


def launch_at(built: BuiltRevision, name: str) -> tuple[Launch, str | None, str]:
    """Return how to start an adapter's server as it was at a revision.

    The revision's own interpreter is asked. Relative folders, and a launch without one, mean the revision's
    worktree: a server that was started in the user's checkout could import the code of today from there.

    Args:
        built: The revision.
        name: Name of the adapter.

    Returns:
        The launch, the ``serverInfo.name`` to expect (None accepts any), and the distribution that brought
        the adapter with its version, such as ``calculator-server 0.1.0``.

    Raises:
        UsageError: The revision has no adapter of that name; says which it has.
        TargetError: The adapter does not load there.
    """
    told = _describe(built, name)
    at = f"{name}@{built.commit[:12]}"
    if "known" in told:
        known = ", ".join(told["known"]) or "none"
        raise UsageError(
            f"revision {built.commit[:12]} has no adapter {name!r}",
            f"It has: {known}. Adapters are entry points of the group {ENTRY_POINT_GROUP}.",
        )
    if "error" in told:
        raise TargetError(
            f"the adapter of {at} does not load: {told['error']}",
            f"Its package {told['package']} is installed in {built.python.parent.parent}; "
            "mend it in a later commit, or choose another revision.",
        )
    return _launch(built, told["launch"]), told["server_name"], told["package"]


def _describe(built: BuiltRevision, name: str) -> dict[str, Any]:
    lab = str(Path(perf_core.__file__).parent.parent)
    argv = [str(built.python), "-I", "-c", _DESCRIBE, name, ENTRY_POINT_GROUP, lab]
    try:
        done = subprocess.run(
            argv,
            cwd=built.tree,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_ADAPTER_TIMEOUT_S,
            check=False,
        )
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(f"cannot ask {built.python} for the adapter {name!r}: {error}") from error
    except (ValueError, LookupError) as error:
        said = "\n".join(done.stderr.splitlines()[-_TAIL_LINES:])
        raise TargetError(
            f"{built.python} ended with {done.returncode} when asked for the adapter {name!r}:\n{said}"
        ) from error
    return told


def _launch(built: BuiltRevision, found: dict[str, Any]) -> Launch:
    commands = built.python.parent
    # PYTHONPATH and PATH of the lab lead to the code of today.
    path = os.pathsep.join([str(commands), os.environ.get("PATH", os.defpath)])
    first, *rest = found.pop("argv")
    return Launch(
        argv=(shutil.which(first, path=str(commands)) or first, *rest),
        env={"PATH": path, "PYTHONPATH": "", **found.pop("env")},
        cwd=built.tree / (found.pop("cwd") or ""),
        **found,
    )
