"""Write the hashes of everything that a release of the servers installs, or check that they are complete.

    python supply_chain/hashes.py [--check] [--uv PROGRAM]

`nox -s hashes` runs it. The file has names, versions and SHA-256 hashes only, and no address of an index, so
that it holds for any index that serves the same files.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "requirements-hashed.txt"
CONSTRAINTS = ROOT / "constraints.txt"
PROJECTS = ("server-core", "calculator-server", "music21-server")
EXTRAS = ("pdf", "redis", "telemetry")
OURS = {"mcp-server-core", "mcp-perf-core", "calculator-server", "music21-server"}

HEADER = """\
# Everything that a release of the servers installs from an index, with the hashes of all its files, and the
# build backend, so that nothing is left to be chosen during an installation:
#
#   pip install --no-deps --require-hashes -r requirements-hashed.txt
#   pip install --no-index --no-deps --no-build-isolation ./packages/server-core ./packages/calculator-server
#
# Made by `nox -s hashes` from constraints.txt.
"""

_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, and write or check the file; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if it is old")
    parser.add_argument("--uv", default="uv", help="program uv")
    options = parser.parse_args(arguments)
    text = hashed(options.uv)
    if not options.check:
        FILE.write_text(text, encoding="utf-8")
        print(f"{FILE.name}: {len(pins(text))} packages")
        return 0
    if FILE.read_text(encoding="utf-8") != text:
        print(f"expected {FILE.name} to match constraints.txt, got another one: run nox -s hashes")
        return 1
    return 0


def hashed(uv: str) -> str:
    """Return the file's text, with hashes from the index that uv is configured for."""
    projects = [str(ROOT / "packages" / name / "pyproject.toml") for name in PROJECTS]
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    unwanted = [word for name in sorted(OURS) for word in ("--no-emit-package", name)]
    options = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate")
    backend = ("-",)
    done = subprocess.run(
        [
            uv,
            "pip",
            "compile",
            "--quiet",
            *options,
            "-c",
            str(CONSTRAINTS),
            *extras,
            *unwanted,
            *projects,
            *backend,
        ],
        cwd=ROOT,
        input="hatchling\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(
            f"expected uv to resolve the servers' dependencies, got: {done.stderr.strip()[-2000:]}"
        )
    return HEADER + done.stdout


def pins(text: str) -> Mapping[str, str]:
    """Return the versions in a file of requirements, by normalised name.

    Example::

        pins("Jinja2==3.1.6 --hash=…")   # {"jinja2": "3.1.6"}
    """
    return {normalised(name): version for name, version in _PIN.findall(text)}


def normalised(name: str) -> str:
    """Return the normalised name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
