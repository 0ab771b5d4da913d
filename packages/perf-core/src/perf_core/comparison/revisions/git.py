"""Commits and worktrees of the user's repository.

Nothing here writes to the user's index, branches or files; git keeps the worktrees in its own list.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
from pathlib import Path

from perf_core.errors import LabError, TargetError, UsageError
from perf_core.results.git import run_git

_HASH = re.compile("[0-9a-f]{40,64}")


def toplevel(folder: Path) -> Path:
    """Return the root of the checkout that contains ``folder``.

    Raises:
        UsageError: The folder is not in a checkout, or git is missing.
    """
    done = _git(folder, "rev-parse", "--show-toplevel")
    if done.returncode or not done.stdout.strip():
        raise UsageError(
            f"expected a git checkout to look up NAME@REVISION in, got {folder}{_error_line(done)}",
            "Run it inside the checkout of the server.",
        )
    return Path(done.stdout.rstrip("\n"))


def commit_of(repository: Path, revision: str) -> str:
    """Return the full hash of the commit that ``revision`` names.

    Raises:
        UsageError: There is no such revision; the hint has branches and tags with similar names.
    """
    done = _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    commit = done.stdout.strip()
    # "^main" gives a hash with a caret, and means every other commit.
    if done.returncode == 0 and _HASH.fullmatch(commit):
        return commit
    raise UsageError(f"{repository} has no revision {revision!r}", _revision_hint(repository, revision))


def add_worktree(repository: Path, commit: str, folder: Path) -> None:
    """Check ``commit`` out into the new ``folder``, on no branch.

    Raises:
        TargetError: git failed; has its error message.
    """
    # The user's post-checkout hook must not run here.
    done = _git(
        repository,
        *("-c", f"core.hooksPath={os.devnull}"),
        *("worktree", "add", "--detach", str(folder), commit),
    )
    if done.returncode:
        raise TargetError(
            f"git cannot check out {commit[:12]} into {folder}{_error_line(done)}",
            "Try `git worktree add` by hand. The disk may be full, or the clone partial.",
        )


def remove_worktree(repository: Path, folder: Path) -> None:
    """Delete ``folder`` and remove it from git's list of worktrees; do nothing if it is not a worktree."""
    # The folder goes first: git refuses to remove a damaged worktree, but accepts a missing one. --force
    # twice, since git locks a worktree while it adds it, and the lock stays when git is killed. No prune,
    # which would also remove the user's own worktrees on an unmounted drive from the list.
    shutil.rmtree(folder, ignore_errors=True)
    _git(repository, "worktree", "remove", "--force", "--force", str(folder))


def _revision_hint(repository: Path, revision: str) -> str:
    names = _git(
        repository, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes"
    )
    close = difflib.get_close_matches(revision, names.stdout.split(), n=3)
    hint = (
        f"Similar: {', '.join(close)}."
        if close
        else "Give a commit, a branch or a tag; `git log` lists them."
    )
    if _git(repository, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        hint += " This clone is shallow: `git fetch --unshallow --tags` fetches the rest."
    return hint


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return run_git(folder, *arguments)
    except FileNotFoundError as error:
        if not folder.is_dir():
            raise UsageError(
                f"expected a folder, got {folder}", "Run it in the checkout of the server."
            ) from error
        raise UsageError("git is not on PATH, but NAME@REVISION needs it", "Install git.") from error
    except OSError as error:
        raise LabError(
            f"cannot run git in {folder}: {error.strerror}", "Check the permissions of the folder."
        ) from error


def _error_line(done: subprocess.CompletedProcess[str]) -> str:
    text = done.stderr.encode("utf-8", "replace").decode()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return f" ({(fatal or lines)[0]})" if lines else ""
