"""Files below configured folders, opened in a way that no link can lead out of them.

Whoever may write to such a folder could put a link in place of a file, or of a folder on the way to it,
between the check of a path and the opening of the file. So the links of a path are resolved first, and then
each part of the result is opened from within the one before, without following a link: what is opened is what
was checked.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from music21_server.score.document import SUFFIXES

_OPENS_STEP_BY_STEP: Final = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
"""Whether the system can open a name within an open folder; Windows cannot."""

_FILE: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer would be waited for
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_FOLDER: Final = (
    getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
)

_MISSING: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.ENAMETOOLONG}
)
"""Errors of what is not there, or is a link, a folder or a socket by now."""


def open_below(path_text: str, folders: Sequence[Path]) -> BinaryIO | None:
    """Return an open score file below one of the folders, or None if no folder has it.

    Args:
        path_text: Path of the file: absolute, or relative to one of the folders, which are tried in order.

    Raises:
        OSError: There is such a file, but it cannot be opened.
    """
    for folder in folders:
        root = folder.resolve()
        try:
            path = (root / path_text).resolve()
        except (OSError, ValueError, RuntimeError):  # a name too long, a NUL, a loop of links
            continue
        if path == root or not path.is_relative_to(root) or path.suffix.lower() not in SUFFIXES:
            continue
        try:
            descriptor = _open_step_by_step(root, path) if _OPENS_STEP_BY_STEP else _open_and_compare(path)
        except OSError as error:
            if error.errno in _MISSING:
                continue
            raise
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
    return None


def _open_step_by_step(root: Path, path: Path) -> int:
    """Open a file from folder to folder, so that no part of the path can be a link."""
    *folders, name = path.relative_to(root).parts
    with contextlib.ExitStack() as stack:
        inner = os.open(root, _FOLDER)
        stack.callback(os.close, inner)
        for folder in folders:
            inner = os.open(folder, _FOLDER, dir_fd=inner)
            stack.callback(os.close, inner)
        return os.open(name, _FILE, dir_fd=inner)


def _open_and_compare(path: Path) -> int:
    """Open a file by its whole path, and check afterwards that this path still leads to it without a link.

    This leaves a gap for a change of the path twice within microseconds; Windows lets only administrators
    create links.
    """
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    descriptor = os.open(path, _FILE)
    try:
        if path.resolve() != path or not os.path.samestat(os.fstat(descriptor), path.lstat()):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
