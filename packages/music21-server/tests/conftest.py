"""Fixtures: an in-memory server with real worker processes, and real Redis servers."""

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
    """Settings that read neither the environment nor `.env`."""

    model_config = SettingsConfigDict(env_prefix="UNUSED_PREFIX_", env_file=None)


@pytest.fixture(scope="session")
def score_folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder from which files may be imported."""
    return tmp_path_factory.mktemp("scores")


@pytest.fixture(scope="session")
async def client(anyio_backend: str, score_folder: Any) -> AsyncIterator[Client[Any]]:
    """A client of a server that all tests share, because its processes take seconds to start."""
    settings = QuietSettings(score_folders=[score_folder], worker_processes=2)
    async with Client(create_server(settings)) as connected:
        yield connected


class RecordingService:
    """Records the arguments of `derive`, and raises instead of storing a score."""

    class NotStoredError(Exception):
        """Raised by every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    async def derive(self, *arguments: Any, **keywords: Any) -> None:
        self.calls.append(
            (arguments, {key: value for key, value in keywords.items() if key != "on_progress"})
        )
        raise self.NotStoredError


@pytest.fixture
def recording_service() -> Any:
    return RecordingService()


@dataclass
class RedisProcess:
    """A Redis server at a Unix socket, without persistence."""

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
        output = b""
        for line in process.stdout:
            output += line
            if b"eady to accept connections" in line:
                return
        raise AssertionError(output.decode())

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
    # Not below pytest's folder: the path of a socket is limited to about 100 characters.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        running = RedisProcess(Path(folder), options)
        try:
            running.start()
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a Redis server that all tests share, each with its own prefix."""
    with redis_process() as running:
        yield running.url


@pytest.fixture
def redis_prefix() -> str:
    """A key prefix that no other test uses."""
    return uuid4().hex


@pytest.fixture
def start_redis() -> Iterator[Callable[..., RedisProcess]]:
    """Return a function that starts a Redis server for one test, with more options."""
    with contextlib.ExitStack() as running:
        yield lambda *options: running.enter_context(redis_process(*options))
