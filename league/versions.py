"""Versions of what the servers of the league are made with, for its page."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

from entrants import Entrant
from lab_references import node

PYTHON = "Python"
NODE = "Node.js"


def made_with(entrant: Entrant) -> str:
    """Return names and versions of an entrant's runtime and libraries."""
    return ", ".join(f"{name} {version_of(name)}".strip() for name in entrant.made_with)


def version_of(name: str) -> str:
    """Return the version of Python, Node.js, or a package; empty if it is not installed.

    Args:
        name: A distribution of this environment, or, with an ``@``, a package of the TypeScript reference
            server.
    """
    if name == PYTHON:
        return platform.python_version()
    if name == NODE:
        return _printed(node.find_node(), "--version").removeprefix("v")
    if name.startswith("@"):
        packages = json.loads((node.FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]
        return str(packages.get(name, ""))
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _printed(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except OSError:
        return ""
    return done.stdout.strip()
