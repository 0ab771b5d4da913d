"""The packages of a commit, installed into a virtual environment of their own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from perf_core.errors import TargetError
from perf_core.interruption import APART, Interruption

_POLL_S = 0.1
_TAIL_LINES = 15


@dataclass(frozen=True)
class Workplace:
    """Where one revision is being built.

    Attributes:
        commit: Full hash of the commit.
        tree: Root of the commit's files.
        environment: Folder that becomes the virtual environment.
        log: File that takes the output of what is run; it exists.
        interruption: Ends the work when the user interrupts.
    """

    commit: str
    tree: Path
    environment: Path
    log: Path
    interruption: Interruption


def python_of(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install_packages(workplace: Workplace) -> None:
    """Make the virtual environment and install every local package of the commit into it.

    All go into one command, so that pip never looks for a sibling on an index, and none is editable; the
    commit's own ``constraints.txt`` holds the versions of the others.

    Raises:
        TargetError: The commit has no package, or pip refused.
        Interrupted: The user ended it.
    """
    requirements = local_packages(workplace.tree)
    # Within a virtual environment, venv takes the interpreter that this one was made from.
    _run([sys.executable, "-I", "-m", "venv", str(workplace.environment)], workplace)
    constraints = ["-c", "constraints.txt"] if (workplace.tree / "constraints.txt").is_file() else []
    # -I: pip must not take a module from the commit's root, nor anything from PYTHONPATH, for its own.
    pip = [str(python_of(workplace.environment)), "-I", "-m", "pip", "install"]
    _run([*pip, "--no-input", "--disable-pip-version-check", *constraints, *requirements], workplace)


def local_packages(tree: Path) -> list[str]:
    """Return what pip is to install from a commit's files, relative to them.

    That is every folder of ``packages/`` with a ``pyproject.toml``, and ``benchmarks/references``; without
    any, the root itself. A package with the extra ``perf`` gets it.

    Raises:
        TargetError: There is no package, or a ``pyproject.toml`` is no TOML.
    """
    folders = [*sorted((tree / "packages").glob("*")), tree / "benchmarks" / "references"]
    found = [folder for folder in folders if (folder / "pyproject.toml").is_file()]
    if not found and {"project", "build-system"} & _pyproject(tree).keys():
        found = [tree]
    if not found:
        raise TargetError(
            "a package was expected in packages/ or at the root of the revision; there is none",
            "A pyproject.toml with [project] makes one.",
        )
    return [_requirement(tree, folder) for folder in found]


def _requirement(tree: Path, folder: Path) -> str:
    project = _pyproject(folder).get("project", {})
    extra = "[perf]" if "perf" in project.get("optional-dependencies", {}) else ""
    # The leading ./ makes it a path for pip, whatever the folder is called.
    return f"./{folder.relative_to(tree).as_posix()}{extra}"


def _pyproject(folder: Path) -> dict[str, Any]:
    path = folder / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise TargetError(f"{path} is no TOML: {error}", "Choose a revision that builds.") from error


def _run(argv: Sequence[str], workplace: Workplace) -> None:
    env = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    with workplace.log.open("ab") as log:
        log.write(f"$ {' '.join(argv)}\n".encode())
        log.flush()
        process = psutil.Popen(
            argv,
            cwd=workplace.tree,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **APART,
        )
        try:
            while process.poll() is None:
                workplace.interruption.check()
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(_POLL_S)
        finally:
            _end(process)
    if process.returncode:
        lines = workplace.log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise TargetError(
            f"{workplace.commit[:12]} does not build; {Path(argv[0]).name} ended with {process.returncode}:\n"
            + "\n".join(lines[-_TAIL_LINES:]),
            f"The whole output is in {workplace.log}.",
        )


def _end(process: psutil.Popen) -> None:
    """Kill what still runs of a process and of all that it started."""
    if process.poll() is not None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        members = [*process.children(recursive=True), process]
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(members, timeout=5)
