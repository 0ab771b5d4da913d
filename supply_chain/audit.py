"""Look up known advisories of everything that is pinned here: PyPI with pip-audit, npm with npm audit.

    python supply_chain/audit.py [--pip-audit PROGRAM] [--npm PROGRAM]

It exits with 1 if there are advisories, and with 2 if an advisory service could not be reached, because then
nothing is known. `nox -s audit` runs it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from advisories import Advisory, UnreachableError, of_npm_audit, of_pip_audit

ROOT = Path(__file__).resolve().parent.parent
PINNED = ("constraints.txt", "requirements-hashed.txt")
"""Files with versions of Python packages, all dependencies included."""

FOUND, UNKNOWN = 1, 2
"""Exit codes: there are advisories; it is not known whether there are."""

_TIMEOUT_S = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, audit and report; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pip-audit", default="pip-audit", help="program pip-audit")
    parser.add_argument("--npm", default="npm", help="program npm")
    options = parser.parse_args(arguments)
    options.pip_audit, options.npm = map(_program, (options.pip_audit, options.npm))
    audits: list[tuple[str, Callable[[], list[Advisory]]]] = [
        (name, lambda name=name: audit_python(options.pip_audit, ROOT / name)) for name in PINNED
    ]
    audits += [
        (str(path.relative_to(ROOT)), lambda path=path: audit_node(options.npm, path))
        for path in package_files(ROOT)
    ]
    return report(audits)


def report(audits: Sequence[tuple[str, Callable[[], list[Advisory]]]]) -> int:
    """Make all audits, print what they find, and return the exit code."""
    advisories: list[Advisory] = []
    unknown: list[str] = []
    for name, make in audits:
        try:
            own = make()
        except UnreachableError as error:
            unknown.append(name)
            own = list(error.advisories)
            print(f"UNKNOWN {error}", flush=True)
        else:
            print(f"{name}: {len(own)} advisories", flush=True)
        print("".join(f"    {each}\n" for each in own), end="", flush=True)
        advisories += own
    if unknown:
        print(f"not audited, because an advisory service could not be reached: {', '.join(unknown)}")
    print(f"{len(advisories)} advisories in {len(audits) - len(unknown)} of {len(audits)} files")
    return FOUND if advisories else UNKNOWN if unknown else 0


def package_files(root: Path) -> list[Path]:
    """Return every package.json of this repository."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "package.json", "*/package.json"],  # noqa: S607 - as everywhere here
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return [root / name for name in sorted(tracked.stdout.split("\0")) if name]


def audit_python(program: str, requirements: Path) -> list[Advisory]:
    """Return the advisories of a file of pinned Python packages.

    Raises:
        UnreachableError: The service did not answer.
    """
    # All dependencies are pinned in the file itself, so that nothing has to be resolved or installed.
    options = ("--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off")
    done = _run(program, *options, "--requirement", str(requirements), cwd=requirements.parent)
    return of_pip_audit(requirements.name, done.stdout, done.stderr)


def audit_node(program: str, package_file: Path) -> list[Advisory]:
    """Return the advisories of the Node packages that a package.json leads to.

    Raises:
        UnreachableError: The registry or its advisory service did not answer.
    """
    name = str(package_file.relative_to(ROOT)) if package_file.is_relative_to(ROOT) else package_file.name
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        # npm audits a lock file, and this repository has none, because they name the registry.
        shutil.copy(package_file, folder)
        locked = _run(
            program,
            "install",
            "--package-lock-only",
            "--ignore-scripts",
            "--no-fund",
            "--no-audit",
            cwd=folder,
        )
        if locked.returncode != 0:
            return of_npm_audit(name, "", locked.stderr)
        done = _run(program, "audit", "--json", cwd=folder)
        return of_npm_audit(name, done.stdout, done.stderr)


def _program(name: str) -> str:
    """Return the path of a program, which is run in other folders.

    Raises:
        SystemExit: It is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise SystemExit(f"expected the program {name}, got none: run nox -s audit")
    return str(Path(path).absolute())


def _run(*command: str, cwd: Path | str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]}: no end after {_TIMEOUT_S} s")


if __name__ == "__main__":
    sys.exit(main())
