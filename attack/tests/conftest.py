"""Puts the folder of the scripts on the path, as running one of them does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
