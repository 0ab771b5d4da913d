"""Fixtures: the server in memory, with its real worker processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastmcp import Client
from pydantic_settings import SettingsConfigDict

from music21_server.server import create_server
from music21_server.settings import Music21Settings


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


class QuietSettings(Music21Settings):
    """Settings that look at neither environment nor `.env`."""

    model_config = SettingsConfigDict(env_prefix="NOBODY_SETS_THIS_", env_file=None)


@pytest.fixture(scope="session")
def score_folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder below which files may be imported."""
    return tmp_path_factory.mktemp("scores")


@pytest.fixture(scope="session")
async def client(anyio_backend: str, score_folder: Any) -> AsyncIterator[Client[Any]]:
    """A client of a server that all tests share: its processes take seconds to start."""
    settings = QuietSettings(score_folders=[score_folder], worker_processes=2)
    async with Client(create_server(settings)) as connected:
        yield connected
