"""Packages of the catalogue, and their installation in folders of their own.

Nothing goes into the lab's environment: each set of packages gets one folder below ``.foreign/``, as a
virtual environment or as an npm prefix. Install scripts of npm packages do not run.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


class InstallationError(Exception):
    """A package could not be installed; the message ends with what the installer printed."""


@dataclass(frozen=True)
class Pypi:
    """Packages of PyPI in one virtual environment, the server first.

    Attributes:
        requirements: Names with pinned versions, such as ``mcp-server-time==2026.10.19``.
    """

    requirements: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the server's package."""
        return self.requirements[0].partition("==")[0]

    @property
    def version(self) -> str:
        """Version of the server's package."""
        return self.requirements[0].partition("==")[2]


@dataclass(frozen=True)
class Npm:
    """Packages of npm below one prefix, the server first.

    Attributes:
        requirements: Names with pinned versions, such as ``@modelcontextprotocol/server-memory@2026.8.31``.
    """

    requirements: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the server's package."""
        return self.requirements[0].rpartition("@")[0]

    @property
    def version(self) -> str:
        """Version of the server's package."""
        return self.requirements[0].rpartition("@")[2]


Packages = Pypi | Npm


def pypi(*requirements: str) -> Pypi:
    """Return packages of PyPI."""
    return Pypi(requirements)


def npm(*requirements: str) -> Npm:
    """Return packages of npm."""
    return Npm(requirements)


def folder_of(packages: Packages, root: Path) -> Path:
    """Return the folder of a set of packages, named after the server and a digest of all requirements."""
    digest = hashlib.sha256(repr(packages).encode()).hexdigest()[:8]
    return root / f"{re.sub(r'[^a-z0-9]+', '-', packages.name.lower()).strip('-')}-{digest}"


def bin_of(packages: Packages, root: Path) -> Path:
    """Return the folder of the programs of a set of packages."""
    folder = folder_of(packages, root)
    return folder / "bin" if isinstance(packages, Pypi) else folder / "node_modules" / ".bin"


def install(packages: Packages, root: Path) -> Path:
    """Install a set of packages, unless it is there already, and return its folder.

    Raises:
        InstallationError: The installer failed; what it had installed is removed.
    """
    folder = folder_of(packages, root)
    stamp = folder / "installed.txt"
    if stamp.is_file():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if isinstance(packages, Pypi):
        _run(packages, sys.executable, "-m", "venv", str(folder))
        _run(packages, str(folder / "bin" / "pip"), "install", "--quiet", *packages.requirements)
    else:
        # Without a file of its own, npm would install into a parent folder that has one.
        (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        _run(packages, "npm", "install", *quiet, "--prefix", str(folder), *packages.requirements)
    stamp.write_text("\n".join(packages.requirements) + "\n", encoding="utf-8")
    return folder


def _run(packages: Packages, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode != 0:
        raise InstallationError(
            f"{packages.name} {packages.version}: expected {' '.join(command[:3])} to install it, "
            f"got exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-2000:]}"
        )
