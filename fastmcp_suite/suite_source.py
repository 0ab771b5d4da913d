"""FastMCP's test suite: the source distribution of the installed FastMCP, from the configured package index.

It is unpacked into a folder that git ignores; nothing of it is part of this repository.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

CACHE: Final = Path(".fastmcp-suite")

_DOWNLOAD_S: Final = 900.0
"""pip prepares the metadata of a source distribution, for which it installs its build system first."""


class SuiteError(Exception):
    """The suite could not be run; the message says what to do."""


def source_of_installed_fastmcp(cache: Path = CACHE) -> Path:
    """Return the unpacked source distribution of the installed FastMCP; downloads it if necessary.

    Raises:
        SuiteError: There is no such distribution, or it holds no tests.
    """
    return source_of(version("fastmcp"), cache)


def source_of(release: str, cache: Path) -> Path:
    """Return the unpacked source distribution of a release of FastMCP.

    Raises:
        SuiteError: There is no such distribution, or it holds no tests.
    """
    source = cache / f"fastmcp-{release}"
    if not source.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            unpacked = unpack(download(release, Path(folder)), Path(folder))
            unpacked.rename(source)  # at once, so that an interrupted download leaves nothing half done
    if not (source / "tests" / "conftest.py").is_file():
        raise SuiteError(f"expected tests in the sources of FastMCP {release}, got none: {source}")
    return source.absolute()


def download(release: str, folder: Path) -> Path:
    """Return the archive of a release, downloaded into a folder.

    Raises:
        SuiteError: pip cannot download it.
    """
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"),
        *("--dest", str(folder), f"fastmcp=={release}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_S, check=False)
    archives = sorted(folder.glob("fastmcp-*.tar.gz"))
    if done.returncode != 0 or len(archives) != 1:
        reason = done.stderr.strip().splitlines()[-1:] or [f"{len(archives)} archives"]
        raise SuiteError(f"expected the source distribution of FastMCP {release}, got {reason[0]}")
    return archives[0]


def unpack(archive: Path, folder: Path) -> Path:
    """Return the only folder at the top of an archive, unpacked into `folder`.

    Raises:
        SuiteError: The archive has more than one folder at its top, or none.
    """
    target = folder / "unpacked"
    with tarfile.open(archive) as file:
        file.extractall(target, filter="data")
    tops = list(target.iterdir())
    if len(tops) != 1:
        raise SuiteError(f"expected one folder in {archive.name}, got {len(tops)}")
    return tops[0]
