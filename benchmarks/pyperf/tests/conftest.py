"""Puts the folder of the scripts on the path, as running one of them does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


@pytest.fixture
def benches() -> Path:
    """Return the folder of the benchmark files."""
    return HERE.parent
