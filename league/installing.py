"""Packages that servers need besides the lab's environment, in folders of their own below ``.league``.

Install scripts of npm packages do not run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from entrants import Installation

INSTALLATIONS = Path(__file__).parent.parent / ".league"


class InstallationError(Exception):
    """A package could not be installed; the message ends with what the installer printed."""


def install(packages: Installation, root: Path) -> Path:
    """Install pinned packages, unless they are there already, and return their folder.

    Raises:
        InstallationError: The installer failed; what it had installed is removed.
    """
    folder = root / packages.folder
    stamp = folder / "installed.txt"
    content = "\n".join(packages.requirements) + "\n"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == content:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if packages.registry == "pypi":
        _run(packages, folder, sys.executable, "-m", "venv", str(folder))
        _run(
            packages,
            folder,
            str(folder / "bin" / "pip"),
            "install",
            "--quiet",
            *packages.requirements,
        )
    else:
        # Without a file of its own, npm would install into a parent folder that has one.
        (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        _run(
            packages,
            folder,
            "npm",
            "install",
            *quiet,
            "--prefix",
            str(folder),
            *packages.requirements,
        )
    stamp.write_text(content, encoding="utf-8")
    return folder


def _run(packages: Installation, folder: Path, *command: str) -> None:
    expected = f"expected {' '.join(command[:2])} to install {', '.join(packages.requirements)}, got"
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InstallationError(f"{expected}: {getattr(error, 'strerror', None) or error}") from error
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        printed = (done.stderr or done.stdout).strip()[-2000:]
        raise InstallationError(f"{expected} exit code {done.returncode}: {printed}")
