"""A target file for the adder of `tests/servers`, and the server of notes, about which nothing is known."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVERS = Path(__file__).parents[1] / "servers"
ADDER = SERVERS / "adder.py"
NOTES = SERVERS / "notes.py"


@dataclass(frozen=True)
class Notes:
    """A server of notes that runs; `kept` has a line for each call of the tool that writes."""

    url: str
    kept: Path


@contextlib.contextmanager
def _running_notes(folder: Path, *options: str) -> Iterator[Notes]:
    ready, kept = folder / "ready.json", folder / "kept.txt"
    command = [sys.executable, NOTES, "--ready-file", ready, "--log", kept, *options]
    with subprocess.Popen(command) as server:
        try:
            deadline = time.monotonic() + 20
            while not ready.exists():
                assert server.poll() is None, "the server of notes ended"
                assert time.monotonic() < deadline, "the server of notes was not ready within 20 s"
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(0.02)
            yield Notes(json.loads(ready.read_text(encoding="utf-8"))["url"], kept)
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notes]:
    """Yield a server of notes at a URL."""
    with _running_notes(tmp_path_factory.mktemp("notes")) as running:
        yield running


@pytest.fixture
def running_notes(tmp_path: Path) -> Callable[..., contextlib.AbstractContextManager[Notes]]:
    """Return a function that runs a server of notes with options."""

    def run(*options: str) -> contextlib.AbstractContextManager[Notes]:
        folder = tmp_path / "notes"
        folder.mkdir()
        return _running_notes(folder, *options)

    return run


@pytest.fixture
def notes_command() -> list[str]:
    """Return the command of a server of notes on stdio."""
    return [sys.executable, str(NOTES)]


@pytest.fixture
def adder(tmp_path: Path) -> str:
    command = json.dumps([sys.executable, str(ADDER), "--ready-file", "{ready_file}"])
    path = tmp_path / "adder.toml"
    path.write_text(
        f'name = "adder"\ncommand = {command}\n[[calls]]\ntool = "add"\narguments = {{ a = 1, b = 2 }}\n'
    )
    return str(path)
