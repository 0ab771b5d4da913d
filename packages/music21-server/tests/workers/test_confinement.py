"""Workers cannot do what they need not do, where the system can keep them from it."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from music21_server.errors import ScoreError
from music21_server.workers import confinement
from music21_server.workers.confinement import confine
from music21_server.workers.pool import Pool, PoolSettings

pytestmark = [pytest.mark.anyio, pytest.mark.process]

SETTINGS = PoolSettings(worker_processes=1, worker_memory_bytes=250_000_000)

ATTEMPT = """
from music21_server.errors import ScoreError
try:
    {}
except OSError as error:
    outcome = type(error).__name__
else:
    outcome = "done"
raise ScoreError(outcome)
"""


def landlock_version() -> int:
    """Return the version of the kernel's Landlock, 0 without."""
    if sys.platform != "linux":
        return 0
    try:
        return confinement._call(ctypes.CDLL(None, use_errno=True), confinement._CREATE_RULESET, None, 0, 1)
    except OSError:
        return 0


VERSION = landlock_version()
OWN_STATUS = Path("/proc/self/status").read_text() if sys.platform == "linux" else ""

needs_landlock = pytest.mark.skipif(VERSION < 1, reason="this kernel has no Landlock")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder of scores, and a secret beside it."""
    folder = tmp_path_factory.mktemp("confinement")
    (folder / "scores").mkdir()
    (folder / "scores" / "song.abc").write_text("X:1")
    (folder / "secret").write_text("a token")
    (folder / "link").symlink_to("scores")
    return folder


@pytest.fixture(scope="module", params=["forked", "spawned"])
async def confined(anyio_backend: str, request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Pool]:
    settings = replace(SETTINGS, score_folders=(folder / "scores", folder / "missing"))
    async with Pool(settings, preload=("numpy",), can_fork=request.param == "forked") as pool:
        yield pool


@pytest.fixture(scope="module")
async def unconfined(anyio_backend: str) -> AsyncIterator[Pool]:
    async with Pool(replace(SETTINGS, confine_workers=False), preload=()) as pool:
        yield pool


async def outcome_of(pool: Pool, statement: str) -> str:
    with pytest.raises(ScoreError) as caught:
        await pool.run(exec, ATTEMPT.format(statement), deadline_s=60)
    return str(caught.value)


READ_SECRET = "open({folder!r} + '/secret').read()"

FORBIDDEN = [
    READ_SECRET,
    "open({folder!r} + '/scores/../secret').read()",
    "__import__('os').listdir({folder!r})",
    "__import__('os').listdir('/')",
    "open('/etc/hostname').read()",
    "open({folder!r} + '/scores/song.abc', 'a')",
    "open({folder!r} + '/scores/new.abc', 'w')",
    "open({folder!r} + '/new', 'w')",
    "__import__('os').truncate({folder!r} + '/scores/song.abc', 0)",
    "__import__('os').remove({folder!r} + '/scores/song.abc')",
    "__import__('os').mkdir({folder!r} + '/scores/new')",
    "__import__('os').symlink('/etc/passwd', {folder!r} + '/scores/new.abc')",
    "__import__('tempfile').mkstemp()",
    "__import__('subprocess').run(['/bin/true'])",
    "__import__('os').execv(__import__('sys').executable, ['python', '-c', ''])",
    "open('/proc/{server}/environ', 'rb').read()",
    "open('/proc/{server}/mem', 'rb').read(1)",
]

ALLOWED = [
    "open({folder!r} + '/scores/song.abc').read()",
    "__import__('os').listdir({folder!r} + '/scores')",
    "__import__('wave')",
    "open('/dev/null', 'wb').write(b'x')",
    "open('/dev/urandom', 'rb').read(1)",
    "open('/proc/self/status').read()",
    "__import__('os').getpid()",
]


@needs_landlock
@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_a_confined_worker_cannot(confined: Pool, folder: Path, statement: str) -> None:
    filled = statement.format(folder=str(folder), server=os.getpid())
    assert await outcome_of(confined, filled) in ("PermissionError", "FileNotFoundError")
    assert (folder / "scores" / "song.abc").read_text() == "X:1"


@needs_landlock
@pytest.mark.parametrize("statement", ALLOWED)
async def test_a_confined_worker_can(confined: Pool, folder: Path, statement: str) -> None:
    assert await outcome_of(confined, statement.format(folder=str(folder))) == "done"


@needs_landlock
@pytest.mark.skipif(VERSION < 4, reason="this kernel's Landlock knows no TCP")
async def test_a_confined_worker_cannot_use_tcp(confined: Pool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        connect = f"__import__('socket').create_connection({address!r}, timeout=5)"
        assert await outcome_of(confined, connect) == "PermissionError"
    listen = "__import__('socket').create_server(('127.0.0.1', 0))"
    assert await outcome_of(confined, listen) == "PermissionError"


@needs_landlock
@pytest.mark.skipif(VERSION < 6, reason="this kernel's Landlock knows no signals")
async def test_a_confined_worker_cannot_send_signals(confined: Pool) -> None:
    assert await outcome_of(confined, f"__import__('os').kill({os.getpid()}, 0)") == "PermissionError"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
async def test_a_confined_worker_gets_no_new_rights(confined: Pool) -> None:
    status = await pool_status(confined)
    assert status["NoNewPrivs"] == "1"
    read_any_file = 1 << 2
    for name in ("CapPrm", "CapEff", "CapInh"):
        assert int(status[name], 16) & ~read_any_file == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
async def test_confinement_can_be_switched_off(unconfined: Pool, folder: Path) -> None:
    assert await outcome_of(unconfined, READ_SECRET.format(folder=str(folder))) == "done"
    assert (await pool_status(unconfined))["NoNewPrivs"] == status_of(OWN_STATUS)["NoNewPrivs"]


async def pool_status(pool: Pool) -> dict[str, str]:
    text: str = await pool.run(eval, "open('/proc/self/status').read()", deadline_s=60)
    return status_of(text)


def status_of(text: str) -> dict[str, str]:
    return {name: value.strip() for name, value in (line.split(":", 1) for line in text.splitlines())}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", r"confined: no_new_privs, Landlock \d+" if VERSION else "this system has no Landlock"),
        (
            "import music21_server.workers.confinement as c; c._CREATE_RULESET = 9999",
            "confined by no_new_privs only: this system has no Landlock",
        ),
        (
            "import sys, music21_server.workers.confinement; sys.platform = 'other'",
            "confined by nothing only: this system has no Landlock",
        ),
    ],
    ids=["as the system can", "no Landlock", "another system"],
)
@pytest.mark.skipif(sys.platform != "linux", reason="the parts are switched off one by one")
async def test_a_system_that_cannot_confine_is_served_all_the_same_and_the_log_says_so(  # noqa: PLR0917 - fixtures
    anyio_backend: str,
    code: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "switched_off.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    caplog.set_level("INFO")
    async with Pool(SETTINGS, preload=("switched_off",)) as pool:
        assert await pool.run(abs, -1, deadline_s=60) == 1
    (record,) = [record for record in caplog.records if "confined" in record.getMessage()]
    assert record.getMessage().startswith("worker processes are ")
    assert re.search(message, record.getMessage())


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert confine(()) == ""


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (1, [0x1FFF]),
        (2, [0x3FFF]),
        (3, [0x7FFF]),
        (4, [0x7FFF, 3]),
        (5, [0xFFFF, 3]),
        (6, [0xFFFF, 3, 3]),
        (99, [0xFFFF, 3, 3]),
    ],
)
def test_each_version_is_asked_for_what_it_knows(version: int, words: list[int]) -> None:
    ruleset = confinement._ruleset(version)
    assert [int.from_bytes(ruleset[at : at + 8], sys.byteorder) for at in range(0, len(ruleset), 8)] == words


def test_the_modules_of_attempts_exist() -> None:
    assert all(importlib.util.find_spec(name) for name in ("wave", "tempfile", "subprocess"))
