"""Finds out whether a commit has what a suite measures."""

from __future__ import annotations

import importlib
from types import ModuleType


def subject(module: str) -> ModuleType:
    """Return a module of the commit that is measured.

    Raises:
        NotImplementedError: The commit is older than the module; asv shows n/a.
        ImportError: The module is there and cannot be imported: a failure of the commit.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module == missing or module.startswith(f"{missing}."):
            raise NotImplementedError(f"this commit has no {module}") from error
        raise
