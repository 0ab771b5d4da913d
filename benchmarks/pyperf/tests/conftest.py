"""The scripts of the folder above find one another by its path, as they do when they are run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


@pytest.fixture
def benches() -> Path:
    """The folder of the bench files."""
    return HERE.parent
