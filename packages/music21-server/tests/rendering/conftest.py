"""A small document with most of the notation that an excerpt must handle."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def song() -> bytes:
    """A voice, a piano and a clarinet, of five, four and three bars."""
    return (Path(__file__).parent.parent / "song.musicxml").read_bytes()
