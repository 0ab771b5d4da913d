"""The user's own git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from perf_core.interruption import APART

# Set in hooks and by some tools; they would lead git to the user's own index or to another repository.
_REDIRECTING = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)


def run_git(
    folder: Path, *arguments: str, timeout_s: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run git in ``folder`` and return its output and exit code."""
    return subprocess.run(
        ["git", *arguments],  # noqa: S607 - the user's own git, found like any command they type
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in _REDIRECTING},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout_s,
        check=False,
        **APART,
    )
