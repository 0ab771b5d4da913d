"""Puts the folder of the scripts on the path, as running one of them does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(_TESTS.parent), str(_TESTS), str(_TESTS.parent.parent / "publishing")]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
