"""Virtual environments with the packages of one commit."""

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
class Build:
    """One build of a revision.

    Attributes:
        environment: Folder that becomes the virtual environment.
        log: Existing file for the output of the commands.
    """

    commit: str
    tree: Path
    environment: Path
    log: Path
    interruption: Interruption


def python_of(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install_packages(build: Build) -> None:
    """Make a virtual environment and install every local package of the commit, not editable, into it.

    All packages go into one pip command, so that pip never looks for a sibling on an index. The commit's own
    ``constraints.txt`` pins the versions of other packages.

    Raises:
        TargetError: The commit has no package, or pip failed.
        Interrupted: The user interrupted.
    """
    requirements = local_packages(build.tree)
    # Run in a virtual environment, venv uses the interpreter that this environment was made from.
    _run([sys.executable, "-I", "-m", "venv", str(build.environment)], build)
    constraints = ["-c", "constraints.txt"] if (build.tree / "constraints.txt").is_file() else []
    # -I: pip must not import modules from the commit's root or from PYTHONPATH.
    pip = [str(python_of(build.environment)), "-I", "-m", "pip", "install"]
    _run([*pip, "--no-input", "--disable-pip-version-check", *constraints, *requirements], build)


def local_packages(tree: Path) -> list[str]:
    """Return pip's requirements for the packages in a commit's files, as relative paths.

    Packages are the folders in ``packages/`` with a ``pyproject.toml``, and ``benchmarks/references``;
    without any, the root itself. A package is installed with its extra ``perf``, if it has one.

    Raises:
        TargetError: There is no package, or a ``pyproject.toml`` is not TOML.
    """
    folders = [*sorted((tree / "packages").glob("*")), tree / "benchmarks" / "references"]
    packages = [folder for folder in folders if (folder / "pyproject.toml").is_file()]
    if not packages and {"project", "build-system"} & _pyproject(tree).keys():
        packages = [tree]
    if not packages:
        raise TargetError(
            "expected a package in packages/ or at the root of the revision, got none",
            "Choose a revision with a pyproject.toml that has a [project] table.",
        )
    return [_requirement(tree, folder) for folder in packages]


def _requirement(tree: Path, folder: Path) -> str:
    project = _pyproject(folder).get("project", {})
    extra = "[perf]" if "perf" in project.get("optional-dependencies", {}) else ""
    # With the leading ./, pip takes any name of a folder for a path.
    return f"./{folder.relative_to(tree).as_posix()}{extra}"


def _pyproject(folder: Path) -> dict[str, Any]:
    path = folder / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise TargetError(f"{path} is not TOML: {error}", "Choose a revision that builds.") from error


def _run(argv: Sequence[str], build: Build) -> None:
    env = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    with build.log.open("ab") as log:
        log.write(f"$ {' '.join(argv)}\n".encode())
        log.flush()
        process = psutil.Popen(
            argv,
            cwd=build.tree,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **APART,
        )
        try:
            while process.poll() is None:
                build.interruption.check()
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(_POLL_S)
        finally:
            _end(process)
    if process.returncode:
        lines = build.log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise TargetError(
            f"{build.commit[:12]} does not build; {Path(argv[0]).name} ended with {process.returncode}:\n"
            + "\n".join(lines[-_TAIL_LINES:]),
            f"The full output is in {build.log}.",
        )


def _end(process: psutil.Popen) -> None:
    """Kill a process and its descendants, if they still run."""
    if process.poll() is not None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        members = [*process.children(recursive=True), process]
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(members, timeout=5)
