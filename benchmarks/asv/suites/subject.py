"""Import of the modules of the measured commit."""

from __future__ import annotations

import importlib
from types import ModuleType


def subject(*names: str) -> ModuleType:
    """Return a module of the measured commit.

    Args:
        names: Name of the module, then the names that it had in older commits.

    Raises:
        NotImplementedError: The commit is older than the module; asv shows n/a.
        ImportError: The module exists but cannot be imported: an error of the commit.
    """
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if name != missing and not name.startswith(f"{missing}."):
                raise
    raise NotImplementedError(f"this commit has no {names[0]}")
