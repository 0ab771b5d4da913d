"""Confinement of a worker process: what it needs no more once it has imported everything.

Documents of strangers are read by large libraries, some of them in C++. On Linux, a worker gives up before
its first document, for ever:

- more rights than it has, from programs with the setuid bit (`no_new_privs`), and the rights of root
  (capabilities) except that to read files;
- reading files outside the folders of Python, of the system's libraries and of scores; writing any file, and
  running any program (Landlock, Linux 5.13 and later, where it is switched on);
- connecting and listening over TCP (Linux 6.7), and signals to other processes (Linux 6.12).

Elsewhere a worker may do all that the server's user may; the limits on time and memory hold everywhere.

Sources: https://docs.kernel.org/userspace-api/landlock.html, landlock(7), capset(2), PR_SET_NO_NEW_PRIVS of
prctl(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Sequence
from typing import Final

_NO_NEW_PRIVS: Final = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of system calls, the same on all processors; the C library has no functions for them."""

_CAPABILITIES_VERSION: Final = 0x20080522
_CAPABILITIES: Final = struct.Struct("=6I")
"""The lower 32 bits of the sets effective, permitted and inheritable, then the upper ones."""

_READ_ANY_FILE: Final = 1 << 2
"""CAP_DAC_READ_SEARCH: folders of scores may belong to others."""

_ASK_VERSION: Final = 1
_BENEATH_A_PATH: Final = 1

_WRITE_FILE, _READ_FILE, _READ_FOLDER = 1 << 1, 1 << 2, 1 << 3
_FILE_RIGHTS: Final = (13, 14, 15, 15, 16)
"""Number of rights to files that versions 1 to 5 of Landlock know; later ones know as many."""

_TCP: Final = 0b11
"""Rights to bind and to connect, from version 4 on."""

_SCOPES: Final = 0b11
"""Abstract Unix sockets and signals, from version 6 on."""

_SYSTEM: Final = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/proc",  # the kernel shows a confined process without capabilities nothing private of other processes
    "/sys/devices/system",
    "/dev/urandom",
)
"""Files that the interpreter and libraries may read at any time."""


def confine(folders: Sequence[str]) -> str:
    """Confine this process, and return how, for the log; an empty text if the system cannot.

    Call it in a process with one thread: the kernel confines only the calling one.

    Args:
        folders: Folders of scores, which stay readable.
    """
    if sys.platform != "linux":
        return ""
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))) != 0:
        return ""  # Landlock requires it
    _drop_capabilities(library)
    try:
        version = _call(library, _CREATE_RULESET, None, 0, _ASK_VERSION)
        _restrict(library, version, [*_python_folders(), *_SYSTEM, *folders])
    except OSError:  # an older kernel, one without Landlock, or a container that may not use it
        return "no_new_privs"
    return f"no_new_privs, Landlock {version}"


def _drop_capabilities(library: ctypes.CDLL) -> None:
    """Give up all rights of root that the process has, except that to read files of other users."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITIES_VERSION, 0), 8)
    sets = ctypes.create_string_buffer(_CAPABILITIES.size)
    if library.capget(header, sets) == 0:
        effective, permitted, *_ = _CAPABILITIES.unpack(sets.raw)
        kept = _CAPABILITIES.pack(effective & _READ_ANY_FILE, permitted & _READ_ANY_FILE, 0, 0, 0, 0)
        library.capset(header, ctypes.create_string_buffer(kept, len(kept)))


def _python_folders() -> list[str]:
    """Return the folders that Python imports from."""
    # An empty entry is the current folder, which may be any; what is imported from there has been imported.
    return [path for path in (*sys.path, sys.prefix, sys.base_prefix, sys.exec_prefix) if path]


def _restrict(library: ctypes.CDLL, version: int, readable: Sequence[str]) -> None:
    ruleset = _call(library, _CREATE_RULESET, *_with_size(_ruleset(version)), 0)
    try:
        for path in readable:
            # What does not exist needs no rule.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                _add_rule(library, ruleset, path, _READ_FILE | _READ_FOLDER)
        _add_rule(library, ruleset, os.devnull, _READ_FILE | _WRITE_FILE)
        _call(library, _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _ruleset(version: int) -> bytes:
    """Return the structure that names all that is forbidden, as long as a version knows it."""
    count = _FILE_RIGHTS[min(version, len(_FILE_RIGHTS)) - 1]
    words = [(1 << count) - 1]
    if version >= 4:
        words.append(_TCP)
    if version >= 6:
        words.append(_SCOPES)
    return struct.pack(f"={len(words)}Q", *words)


def _add_rule(library: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    # O_PATH opens without reading; only Linux has it.
    descriptor = os.open(path, getattr(os, "O_PATH", os.O_RDONLY))
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - a file has no right of folders, or the kernel refuses
            rights &= ~_READ_FOLDER
        rule = struct.pack("=Qi", rights, descriptor)
        _call(library, _ADD_RULE, ruleset, _BENEATH_A_PATH, ctypes.create_string_buffer(rule, len(rule)), 0)
    finally:
        os.close(descriptor)


def _with_size(data: bytes) -> tuple[ctypes.Array[ctypes.c_char], int]:
    return ctypes.create_string_buffer(data, len(data)), len(data)


def _call(library: ctypes.CDLL, number: int, *arguments: ctypes.Array[ctypes.c_char] | int | None) -> int:
    """Make a system call.

    Raises:
        OSError: It failed.
    """
    # As long words, because a C function with any number of arguments does not say how wide they are.
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in (number, *arguments)]
    result: int = library.syscall(*words)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
