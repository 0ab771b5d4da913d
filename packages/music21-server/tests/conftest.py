"""Fixtures: the server in memory, with its real worker processes; and real Redis servers."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

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


class RecordingService:
    """Remembers what tools ask it to derive, and makes nothing."""

    class NothingMadeError(Exception):
        """Instead of a score."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    async def derive(self, *arguments: Any, **others: Any) -> None:
        self.asked.append((arguments, {key: value for key, value in others.items() if key != "on_progress"}))
        raise self.NothingMadeError


@pytest.fixture
def recording_service() -> Any:
    return RecordingService()


@dataclass
class RedisProcess:
    """A Redis server at a Unix socket; it writes nothing to disk."""

    folder: Path
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/redis.sock"

    def start(self) -> None:
        command = ("redis-server", "--port", "0", "--unixsocket", f"{self.folder}/redis.sock")
        quiet = ("--save", "", "--appendonly", "no", "--dir", str(self.folder))
        process = self.process = subprocess.Popen((*command, *quiet, *self.options), stdout=subprocess.PIPE)
        assert process.stdout is not None
        said = b""
        for line in process.stdout:
            said += line
            if b"eady to accept connections" in line:
                return
        raise AssertionError(said.decode())

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@contextlib.contextmanager
def redis_process(*options: str) -> Iterator[RedisProcess]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed; CI installs it")
    # Not below pytest's folder: names of sockets have a limit of some hundred letters.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        running = RedisProcess(Path(folder), options)
        try:
            running.start()
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis server that all tests share, each with a prefix of its own."""
    with redis_process() as running:
        yield running.url


@pytest.fixture
def redis_prefix() -> str:
    """A beginning of keys that no other test has."""
    return uuid4().hex


@pytest.fixture
def start_redis() -> Iterator[Callable[..., RedisProcess]]:
    """Starts a Redis server for one test, with more options."""
    with contextlib.ExitStack() as running:
        yield lambda *options: running.enter_context(redis_process(*options))
