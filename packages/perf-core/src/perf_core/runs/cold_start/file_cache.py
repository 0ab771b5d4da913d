"""Files of a server in the system's page cache: which ones it reads at its start, and how to evict them.

A start is cold if its files have to be read from disk, as after a reboot or in a fresh container. Linux drops
the pages of a file on request (``posix_fadvise``), except those that some process has mapped: pages that the
lab itself uses, such as those of the C library, stay. Only root can drop all of them (``drop_caches``), which
slows down everything on the machine.

Source: posix_fadvise(2); mincore(2); Documentation/admin-guide/sysctl/vm.rst of the Linux kernel.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import psutil

from perf_core.analysis.cold_start import EvictedFiles
from perf_core.errors import UsageError

CAN_EVICT = sys.platform == "linux"

_DROP_CACHES = Path("/proc/sys/vm/drop_caches")
_PAGES_AND_ENTRIES = "3\n"

_NOT_FILES = ("/dev/", "/proc/", "/sys/", "/memfd:")
_DELETED = " (deleted)"

# Lines of `python -v`: a source with its bytecode, an extension module.
_PYTHON_FILES = re.compile(
    r"^# (?:(?P<bytecode>/.+?) matches (?P<source>/.+)"
    r"|extension module .+? loaded from '(?P<extension>/.+)'"
    r"|code object from '?(?P<code>/.+?)'?)$",
    re.MULTILINE,
)


def mapped_files(pid: int) -> set[Path]:
    """Return the files that a process tree has mapped: programs and libraries; none on other systems."""
    files: set[Path] = set()
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8", errors="surrogateescape")
                files |= set(_in_maps(text))
    return files


def _in_maps(text: str) -> Iterator[Path]:
    """Yield the files in ``/proc/<pid>/maps``: address, rights, offset, device, inode and path."""
    for line in text.splitlines():
        fields = line.split(maxsplit=5)
        path = fields[5] if len(fields) == 6 else ""
        if path.startswith("/") and not path.startswith(_NOT_FILES) and not path.endswith(_DELETED):
            yield Path(path)


def python_files(log: str) -> set[Path]:
    """Return the files that Python read to import modules, from what it prints with PYTHONVERBOSE=1.

    Example::

        python_files("# /a/__pycache__/b.cpython-311.pyc matches /a/b.py")   # both paths
    """
    return {
        Path(path) for match in _PYTHON_FILES.finditer(log) for path in match.groupdict().values() if path
    }


def argument_files(argv: Iterable[str], cwd: Path | None) -> set[Path]:
    """Return the files that a command names, such as a script."""
    paths = (Path(cwd or ".") / word for word in argv)
    return {path.resolve() for path in paths if _is_file(path)}


def _is_file(path: Path) -> bool:
    # Any word may stand there, also one that is too long for a path.
    with contextlib.suppress(OSError, ValueError):
        return path.is_file()
    return False


def evict(files: Collection[Path]) -> EvictedFiles:
    """Put files out of memory and return what came of it; those that cannot be opened are left out."""
    size_bytes = count = 0
    for path in files:
        with contextlib.suppress(OSError), _opened(path) as descriptor:
            # Pages that are not yet on disk are not dropped.
            os.fdatasync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            size_bytes += os.fstat(descriptor).st_size
            count += 1
    return EvictedFiles("posix_fadvise", count, size_bytes / 1e6, resident_share(files))


def drop_caches(files: Collection[Path]) -> EvictedFiles:
    """Put all files of the machine out of memory, and return what came of it for some of them.

    Raises:
        UsageError: The lab is not allowed to.
    """
    try:
        os.sync()
        _DROP_CACHES.write_text(_PAGES_AND_ENTRIES, encoding="ascii")
    except OSError as error:
        raise UsageError(
            f"--drop-caches: expected to write {_DROP_CACHES}, got: {error.strerror}",
            "Only root on Linux can. Leave it out: without it, the files of the server alone are put out "
            "of memory.",
        ) from error
    size_bytes = sum(path.stat().st_size for path in files if _is_file(path))
    return EvictedFiles("drop_caches", len(files), size_bytes / 1e6, resident_share(files))


def resident_share(files: Iterable[Path]) -> float | None:
    """Return the share of the pages of files that are in memory; None where that cannot be seen."""
    pages = resident = 0
    for path in files:
        with contextlib.suppress(OSError, ValueError), _opened(path) as descriptor:
            own = _residence(descriptor)
            pages += len(own)
            resident += sum(page & 1 for page in own)
    return resident / pages if pages else None


def _residence(descriptor: int) -> bytes:
    """Return a byte for each page of a file, whose lowest bit tells whether it is in memory."""
    # A copy on write, of which nothing is written: only a writable mapping has an address for ctypes.
    with mmap.mmap(descriptor, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as mapping:
        pages = (ctypes.c_ubyte * (-(-len(mapping) // mmap.PAGESIZE)))()
        start = ctypes.c_char.from_buffer(mapping)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            failed = libc.mincore(
                ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(len(mapping)), pages
            )
        finally:
            del start  # a mapping with an address in use cannot be closed
        if failed:
            raise OSError(ctypes.get_errno(), "mincore failed")
        return bytes(pages)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
