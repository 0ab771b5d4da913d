"""Work in real processes: results, errors, deadlines, deaths, and nothing left behind.

What the workers do is code in strings, or functions of libraries: a test's module cannot be imported by them.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import math
import operator
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic

import psutil
import pytest
import uvloop

from music21_server.errors import UnreadableScoreError
from music21_server.score import codec
from music21_server.workers.errors import (
    BusyError,
    NoWorkersError,
    WorkDeadlineError,
    WorkerCrashError,
    WorkFailedError,
    WorkMemoryError,
)
from music21_server.workers.pool import PRELOAD, Loss, Pool, PoolSettings
from music21_server.workers.progress import Progress, report

pytestmark = [pytest.mark.anyio, pytest.mark.process]

NUMBERS = itertools.count()
SETTINGS = PoolSettings(worker_processes=2, max_waiting_calls=100, worker_memory_bytes=250_000_000)
LIGHT = ("numpy",)
LONG_S = 60.0

TELL_PID = """
import os, signal
from music21_server.workers.progress import report
report(os.getpid(), 0, "begun")
"""
HANG = TELL_PID + "signal.pause()"
HANG_IN_C = TELL_PID + "import re; re.fullmatch('(a+)+$', 'a' * 60 + 'b')"
"""Holds the interpreter's lock: no thread of the worker runs any more."""

HALF_A_MESSAGE = (
    TELL_PID
    + """
import stat
for number in range(3, 100):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):  # the worker has but one socket
            os.write(number, (10_000_000).to_bytes(8, "big") + b"half of it")
    except OSError:
        pass
os.kill(os.getpid(), signal.SIGKILL)
"""
)

SEND_AND_WAIT = """
import os, signal, stat
for number in range(3, 100):
    try:
        is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)  # the worker has but one socket
    except OSError:
        continue
    if is_socket:
        os.write(number, length.to_bytes(8, "big") + message)
signal.pause()
"""
PICKLE = r"""
message = ("cos\nmkdir\n(V" + made + "\ntR.").encode()
length = len(message)
"""
"""Unpickled, it makes a folder."""

NO_ANSWER = """
from music21_server.workers import values
message = values.encode({"kind": "Done", "result": 1})
length = len(message)
"""
TOO_LONG = """
message, length = b"", 1 << 60
"""
FLOOD = """
import os, stat
from music21_server.workers.messages import pack
from music21_server.workers.progress import Progress
report = pack(Progress(0.0, 1.0, "still here"))
reports = 1000 * (len(report).to_bytes(8, "big") + report)
number = 3
while not (os.path.exists(f"/proc/self/fd/{number}") and stat.S_ISSOCK(os.fstat(number).st_mode)):
    number += 1
while True:
    os.write(number, reports)
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def pool(anyio_backend: str) -> AsyncIterator[Pool]:
    async with Pool(SETTINGS, preload=LIGHT) as pool:
        yield pool


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until(is_so: Callable[[], bool]) -> None:
    """Let the event loop go on until something is so."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0)


async def begin(pool: Pool, code: str, deadline_s: float = LONG_S) -> tuple[asyncio.Task[None], int]:
    """Begin work of an owner of its own, which tells its process id; return when it has."""
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        pool.run(
            exec,
            code,
            deadline_s=deadline_s,
            owner=f"owner {next(NUMBERS)}",
            on_progress=lambda each: told.set_result(int(each.done)),
        )
    )
    await asyncio.wait((told, task), return_when=asyncio.FIRST_COMPLETED)
    if not told.done():
        await task
    return task, told.result()


def losses(pool: Pool) -> Callable[[], dict[Loss, int]]:
    """Return what tells which workers have been replaced since now."""
    before = pool.figures().lost

    def since() -> dict[Loss, int]:
        return {why: count - before[why] for why, count in pool.figures().lost.items() if count > before[why]}

    return since


async def works(pool: Pool) -> None:
    assert await pool.run(math.gcd, 12, 18, deadline_s=LONG_S) == 6


async def test_work_is_done_in_a_worker_process_that_is_reused(pool: Pool) -> None:
    pids = {await pool.run(os.getpid, deadline_s=LONG_S) for _ in range(5)}
    assert os.getpid() not in pids
    assert len(pids) <= 3


async def test_large_arguments_and_results_travel(pool: Pool) -> None:
    large = os.urandom(8_000_000)
    assert await pool.run(bytes.upper, large, deadline_s=LONG_S) == large.upper()


async def test_fifty_concurrent_calls_are_all_answered(pool: Pool) -> None:
    most = 0

    async def call(number: int) -> int:
        nonlocal most
        answer = await pool.run(math.factorial, number, deadline_s=LONG_S, owner=str(number % 3))
        most = max(most, pool.figures().busy)
        return answer

    assert await asyncio.gather(*map(call, range(50))) == [math.factorial(number) for number in range(50)]
    assert most <= 2
    assert (pool.figures().busy, pool.figures().waiting) == (0, 0)


async def test_errors_meant_for_the_caller_arrive_unchanged(pool: Pool) -> None:
    with pytest.raises(codec.DamagedColumnsError, match="got 4 bytes of something else"):
        await pool.run(codec.decode, b"what", deadline_s=LONG_S)


async def test_other_errors_carry_a_reference_to_the_log(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    failures = pool.figures().failures
    with pytest.raises(WorkFailedError) as caught:
        await pool.run(operator.truediv, 1, 0, deadline_s=LONG_S)
    reference = re.search(r"reference ([0-9a-f]{8})", str(caught.value))
    assert reference is not None
    assert "division" not in str(caught.value)
    (record,) = [record for record in caplog.records if reference[1] in record.getMessage()]
    assert "ZeroDivisionError: division by zero" in record.getMessage()
    assert pool.figures().failures == failures + 1


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(3)",
        "raise KeyboardInterrupt",
    ],
)
async def test_a_worker_survives_every_exception(pool: Pool, code: str) -> None:
    with pytest.raises(WorkFailedError):
        await pool.run(exec, code, deadline_s=LONG_S)
    await works(pool)


async def test_an_error_of_a_class_that_the_server_does_not_know_is_its_nearest_known_one(pool: Pool) -> None:
    code = """
from music21_server.errors import UnreadableScoreError
class Own(UnreadableScoreError): pass
raise Own("got nonsense")
"""
    with pytest.raises(UnreadableScoreError, match="got nonsense") as caught:
        await pool.run(exec, code, deadline_s=LONG_S)
    assert type(caught.value) is UnreadableScoreError


@pytest.mark.parametrize("message", [PICKLE, NO_ANSWER, TOO_LONG])
async def test_a_worker_that_a_document_has_taken_over_cannot_run_code_in_the_server(
    pool: Pool, message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = losses(pool)
    made = tmp_path / "made by the server"
    with pytest.raises(WorkFailedError, match="logged under reference"):
        await pool.run(exec, f"made = {str(made)!r}\n" + message + SEND_AND_WAIT, deadline_s=LONG_S)
    assert not made.exists()
    assert "has sent no valid answer" in caplog.text
    assert lost() == {"malformed answer": 1}
    await works(pool)


async def test_a_flood_of_reports_does_not_stop_the_deadline(pool: Pool) -> None:
    with pytest.raises(WorkDeadlineError):
        await pool.run(exec, FLOOD, deadline_s=0.3)
    await works(pool)


async def test_a_result_that_is_not_plain_is_an_error(pool: Pool) -> None:
    with pytest.raises(WorkFailedError):
        await pool.run(threading.Lock, deadline_s=LONG_S)


async def test_a_task_that_cannot_be_pickled_is_the_callers_error(pool: Pool) -> None:
    with pytest.raises(TypeError, match=r"expected a function at the top level of a module.*got: .*pickle"):
        await pool.run(lambda: None, deadline_s=LONG_S)
    await works(pool)


@pytest.mark.parametrize("code", [HANG, HANG_IN_C])
async def test_work_that_takes_too_long_is_killed(pool: Pool, code: str) -> None:
    deadlines = pool.figures().deadlines
    lost = losses(pool)
    task, pid = await begin(pool, code, deadline_s=0.2)
    with pytest.raises(
        WorkDeadlineError, match=r"longer than 0\.2 s .*setting work_timeout_s.*fewer measures"
    ):
        await task
    await until(lambda: not alive(pid))
    await works(pool)
    assert pool.figures().deadlines == deadlines + 1
    assert lost() == {"deadline": 1}


FREED = """
import builtins
blocks = [bytes(4_000) for _ in range(10_000)]
builtins.last_block = bytes(4_000)  # without it the C library would give all back by itself
del blocks
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the GNU C library")
async def test_a_worker_gives_free_memory_back(pool: Pool) -> None:
    pid = await pool.run(os.getpid, deadline_s=LONG_S)
    process = psutil.Process(pid)
    before = process.memory_info().rss
    await pool.run(exec, FREED, deadline_s=LONG_S)
    assert await pool.run(os.getpid, deadline_s=LONG_S) == pid
    assert process.memory_info().rss - before < 15_000_000


async def test_one_owner_cannot_stop_the_others(pool: Pool) -> None:
    hanging = [asyncio.create_task(pool.run(exec, HANG, deadline_s=LONG_S, owner="greedy")) for _ in range(3)]
    await until(lambda: pool.figures().waiting == 2)
    assert await pool.run(math.gcd, 12, 18, deadline_s=LONG_S, owner="modest") == 6
    assert pool.figures().busy == 1
    for task in hanging:
        task.cancel()
    await asyncio.wait(hanging)
    await works(pool)


async def test_one_client_cannot_stop_the_others_by_opening_sessions(pool: Pool) -> None:
    assert await pool.run(math.gcd, 12, 18, deadline_s=LONG_S, owner="modest") == 6
    hanging = [
        asyncio.create_task(
            pool.run(exec, HANG, deadline_s=LONG_S, owner=f"session {number}", client="greedy")
        )
        for number in range(3)
    ]
    await until(lambda: pool.figures().waiting == 2)
    assert await pool.run(math.gcd, 12, 18, deadline_s=LONG_S, owner="modest") == 6
    for task in hanging:
        task.cancel()
    await asyncio.wait(hanging)
    await works(pool)


SHORTER = """
from music21_server.workers.deadlines import Deadline, shorten
shorten(Deadline({}, "some_setting", "Do something else."))
"""


@pytest.mark.parametrize("code", [HANG, HANG_IN_C])
async def test_work_can_set_itself_a_shorter_deadline(pool: Pool, code: str) -> None:
    lost = losses(pool)
    with pytest.raises(
        WorkDeadlineError,
        match=r"longer than 0\.2 s \(setting some_setting\) and was stopped. Do something else",
    ):
        await pool.run(exec, SHORTER.format(0.2) + code, deadline_s=LONG_S)
    await works(pool)
    assert lost() == {"deadline": 1}


async def test_work_cannot_set_itself_a_longer_deadline(pool: Pool) -> None:
    with pytest.raises(WorkDeadlineError, match=r"longer than 0\.2 s \(setting work_timeout_s\)"):
        await pool.run(exec, SHORTER.format(LONG_S) + HANG, deadline_s=0.2)
    await works(pool)


async def test_work_that_meets_its_own_deadline_is_done(pool: Pool) -> None:
    await pool.run(exec, SHORTER.format(LONG_S / 2), deadline_s=LONG_S)
    await works(pool)


async def test_a_worker_that_is_killed_costs_one_call(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    lost = losses(pool)
    task, pid = await begin(pool, HANG)
    other, _ = await begin(pool, HANG)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerCrashError, match=r"signal 9 \(Killed\).*memory.*try again"):
        await task
    await works(pool)
    assert not other.done()
    other.cancel()
    assert "signal 9" in caplog.text
    assert lost() == {"crash": 1}
    with pytest.raises(asyncio.CancelledError):
        await other
    assert lost() == {"crash": 1, "abandoned": 1}


async def test_a_worker_that_dies_during_a_message_costs_one_call(pool: Pool) -> None:
    task, _ = await begin(pool, HALF_A_MESSAGE)
    with pytest.raises(WorkerCrashError, match="signal 9"):
        await task
    await works(pool)


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import os; os._exit(3)", "exit code 3"),
        ("import os; os.abort()", r"signal 6 \(Aborted\)"),
    ],
)
async def test_a_crash_says_how_the_process_ended(pool: Pool, code: str, how: str) -> None:
    crashes = pool.figures().crashes
    with pytest.raises(WorkerCrashError, match=how):
        await pool.run(exec, code, deadline_s=LONG_S)
    await works(pool)
    assert pool.figures().crashes == crashes + 1


async def test_work_that_needs_too_much_memory_is_stopped(pool: Pool) -> None:
    assert len(await pool.run(bytes, 30_000_000, deadline_s=LONG_S)) == 30_000_000
    lost = losses(pool)
    for code in ("import numpy; numpy.ones(40_000_000)", "x = []\nwhile True: x.append(bytes(1_000_000))"):
        with pytest.raises(
            WorkMemoryError, match=r"more than 250 MB .*setting worker_memory_bytes.*fewer measures"
        ):
            await pool.run(exec, code, deadline_s=LONG_S)
    assert lost() == {"memory": 2}
    await works(pool)


async def test_a_library_that_aborts_for_lack_of_memory_is_reported_as_a_memory_failure(pool: Pool) -> None:
    code = """
import os
kept = []
try:
    while True:
        kept.append(b"x" * 1_000_000)
except MemoryError:
    os.abort()
"""
    lost = losses(pool)
    with pytest.raises(
        WorkMemoryError, match=r"signal 6 .*after using at least \d+ MB of the 250 MB .*probably"
    ):
        await pool.run(exec, code, deadline_s=LONG_S)
    assert lost() == {"memory": 1}


async def test_a_library_that_mistakes_lack_of_memory_for_bad_input_is_reported_as_a_memory_failure(
    pool: Pool,
) -> None:
    code = """
kept = []
try:
    while True:
        kept.append(b"x" * 1_000_000)
except MemoryError:
    kept.clear()
    from music21_server.errors import UnreadableScoreError
    raise UnreadableScoreError("the document is broken")
"""
    with pytest.raises(WorkMemoryError):
        await pool.run(exec, code, deadline_s=LONG_S)


async def test_a_worker_that_has_grown_is_replaced(pool: Pool) -> None:
    lost = losses(pool)
    pid = await pool.run(
        eval,
        "[setattr(__import__('sys'), 'kept', b'x' * 80_000_000), __import__('os').getpid()][1]",
        deadline_s=LONG_S,
    )
    assert lost() == {"worn": 1}
    await until(lambda: not alive(pid))
    await works(pool)


async def test_cancelling_the_caller_stops_the_work(pool: Pool) -> None:
    task, pid = await begin(pool, HANG_IN_C)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not alive(pid))
    await works(pool)


async def test_an_idle_worker_that_dies_is_replaced(pool: Pool) -> None:
    await until(lambda: pool.figures().workers == 3)
    lost = losses(pool)
    pid = await pool.run(os.getpid, deadline_s=LONG_S)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: pool.figures().workers < 3)
    assert lost() == {"died idle": 1}
    await works(pool)
    await until(lambda: pool.figures().workers == 3)


async def test_an_idle_worker_holds_no_task_or_result(pool: Pool) -> None:
    await until(lambda: pool.figures().workers == 3)
    pid = await pool.run(os.getpid, deadline_s=LONG_S)
    before = psutil.Process(pid).memory_info().rss
    await pool.run(bytes.upper, bytes(14_000_000), deadline_s=LONG_S)
    await until(lambda: psutil.Process(pid).memory_info().rss < before + 7_000_000)
    assert await pool.run(os.getpid, deadline_s=LONG_S) == pid


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
async def test_signals_to_the_process_group_do_not_end_workers(pool: Pool) -> None:
    await until(lambda: pool.figures().workers == 3)
    lost = losses(pool)
    for number in (signal.SIGINT, signal.SIGTERM):
        pid = await pool.run(os.getpid, deadline_s=LONG_S)
        fork_server = psutil.Process(pid).ppid()
        assert os.getpgid(fork_server) == os.getpgid(pid) != os.getpgid(0)
        for process in (pid, fork_server):
            os.kill(process, number)
        task, _ = await begin(pool, HANG)
        task.cancel()
        await until(lambda: pool.figures().workers < 3)
        await until(lambda: pool.figures().workers == 3)
        assert await pool.run(os.getppid, deadline_s=LONG_S) == fork_server
    assert lost() == {"abandoned": 2}


async def test_worker_libraries_are_preloaded_and_use_one_thread(pool: Pool) -> None:
    variables = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    found = [await pool.run(os.getenv, name, deadline_s=LONG_S) for name in variables]
    assert found == [os.environ.get(name, "1") for name in variables]
    assert await pool.run(eval, "'numpy' in __import__('sys').modules", deadline_s=LONG_S)


async def test_progress_reaches_the_listener(pool: Pool) -> None:
    heard: list[Progress] = []
    await pool.run(report, 3, 4, "bars", deadline_s=LONG_S, on_progress=heard.append)
    await pool.run(report, 3, 4, "bars", deadline_s=LONG_S)
    assert heard == [Progress(3, 4, "bars")]


async def test_a_call_beyond_the_queue_is_refused_and_the_others_are_answered(anyio_backend: str) -> None:
    settings = PoolSettings(worker_processes=1, max_waiting_calls=1)
    async with Pool(settings, preload=()) as small:
        hanging, pid = await begin(small, HANG)
        waiting = asyncio.create_task(small.run(math.gcd, 4, 6, deadline_s=LONG_S))
        await until(lambda: small.figures().waiting == 1)
        with pytest.raises(BusyError, match="Try again"):
            await small.run(math.gcd, 4, 6, deadline_s=LONG_S)
        os.kill(pid, signal.SIGKILL)
        assert await waiting == 2
        with pytest.raises(WorkerCrashError):
            await hanging


async def test_closing_ends_all_processes_and_calls(anyio_backend: str) -> None:
    before = set(psutil.Process().children(recursive=True))
    pool = Pool(SETTINGS, preload=())
    with pytest.raises(NoWorkersError, match="has not started"):
        await works(pool)
    await pool.start()
    tasks = [(await begin(pool, code))[0] for code in (HANG, HANG_IN_C)]
    waiting = asyncio.create_task(works(pool))
    await until(lambda: pool.figures().waiting == 1)
    processes = set(psutil.Process().children(recursive=True)) - before
    assert len(processes) >= 3
    await pool.close()
    assert not any(process.is_running() for process in processes)
    for task in (*tasks, waiting):
        with pytest.raises(NoWorkersError, match="stopping"):
            await task
    with pytest.raises(NoWorkersError, match="stopping"):
        await works(pool)


async def test_a_pool_may_be_closed_before_it_is_ready(anyio_backend: str) -> None:
    before = set(psutil.Process().children(recursive=True))
    for turns in (0, 1, 3, 10):
        async with Pool(SETTINGS, preload=LIGHT):
            for _ in range(turns):
                await asyncio.sleep(0)
    assert set(psutil.Process().children(recursive=True)) == before


async def test_when_the_fork_server_is_killed_another_is_started(
    anyio_backend: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    before = set(psutil.Process().children())
    async with Pool(replace(SETTINGS, score_folders=(tmp_path,)), preload=()) as pool:
        os.mkfifo(tmp_path / "end")
        going_on, worker = await begin(pool, TELL_PID + f"open({str(tmp_path / 'end')!r}).read()")
        await until(lambda: pool.figures().workers == 3)
        lost = losses(pool)
        (fork_server,) = set(psutil.Process().children()) - before
        fork_server.kill()
        await until(lambda: "starting another one" in caplog.text)
        await works(pool)
        assert lost() == {"workshop ended": 3}
        assert not going_on.done()
        (tmp_path / "end").write_text("")
        await going_on
        assert lost() == {"workshop ended": 3}
        await until(lambda: not alive(worker))  # its connection was closed: nobody could kill it
        assert pool.figures().busy == 0


async def test_a_module_that_cannot_be_imported_is_an_error_and_does_not_block(
    anyio_backend: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with Pool(SETTINGS, preload=("no_such_module",)) as pool:
        with pytest.raises(NoWorkersError, match=r"fork server ended.*keeps trying"):
            await works(pool)
    assert "No module named 'no_such_module'" in capfd.readouterr().err


async def test_calls_are_answered_again_once_workers_can_be_started(
    anyio_backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("music21_server.workers.pool._FIRST_PAUSE_S", 0.01)
    async with Pool(SETTINGS, preload=("comes_late",)) as pool:
        with pytest.raises(NoWorkersError):
            await works(pool)
        (tmp_path / "comes_late.py").write_text("")
        await until(lambda: pool.figures().workers > 0)
        await works(pool)


def test_preloaded_modules_exist() -> None:
    assert all(importlib.util.find_spec(module) is not None for module in PRELOAD)


async def test_spawned_workers_behave_alike(anyio_backend: str) -> None:
    settings = PoolSettings(worker_processes=1, worker_memory_bytes=250_000_000)
    before = set(psutil.Process().children(recursive=True))
    async with Pool(settings, preload=("colorsys",), can_fork=False) as pool:
        assert await pool.run(eval, "'colorsys' in __import__('sys').modules", deadline_s=LONG_S)
        threads = await pool.run(os.getenv, "OMP_NUM_THREADS", deadline_s=LONG_S)
        assert threads == os.environ.get("OMP_NUM_THREADS", "1")
        large = os.urandom(1_000_000)
        assert await pool.run(bytes.upper, large, deadline_s=LONG_S) == large.upper()
        assert await pool.run(print, "not an answer", deadline_s=LONG_S) is None
        task, pid = await begin(pool, HANG_IN_C, deadline_s=0.2)
        with pytest.raises(WorkDeadlineError):
            await task
        await until(lambda: not alive(pid))
        with pytest.raises(WorkerCrashError, match="exit code 3"):
            await pool.run(exec, "import os; os._exit(3)", deadline_s=LONG_S)
    assert set(psutil.Process().children(recursive=True)) == before


def test_the_pool_works_in_uvloop() -> None:
    async def session() -> bytes:
        async with Pool(SETTINGS, preload=()) as pool:
            task, pid = await begin(pool, HANG_IN_C)
            task.cancel()
            await until(lambda: not alive(pid))
            with pytest.raises(WorkerCrashError):
                await pool.run(os._exit, 3, deadline_s=LONG_S)
            return await pool.run(bytes.upper, b"x" * 2_000_000, deadline_s=LONG_S)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(session()) == b"X" * 2_000_000


_PROGRAM = """
import asyncio, json, os, sys
import psutil
from music21_server.workers.pool import Pool, PoolSettings

async def main():
    way, work, deadline_s = sys.argv[1:]
    pool = Pool(PoolSettings(worker_processes=2), preload=(), can_fork=way == "forked")
    await pool.start()
    begun = asyncio.Event()
    hanging = pool.run(exec, work, deadline_s=float(deadline_s), on_progress=lambda _: begun.set())
    task = asyncio.create_task(hanging)
    await pool.run(print, "from a worker", deadline_s=60)
    await pool.run(os.write, 1, b"from its descriptor\\n", deadline_s=60)
    assert await pool.run(os.read, 0, 1, deadline_s=60) == b""
    await begun.wait()
    while pool.figures().workers < 3:
        await asyncio.sleep(0.001)
    print(json.dumps([process.pid for process in psutil.Process().children(recursive=True)]), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("way", "work", "deadline_s"),
    [
        ("forked", HANG_IN_C, LONG_S),
        ("spawned", HANG, 0.5),  # there is no fork_server to kill it: it ends itself, soon after its deadline
    ],
)
def test_no_process_outlives_a_killed_server_and_workers_leave_its_streams_alone(
    way: str, work: str, deadline_s: float
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, way, work, str(deadline_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    with program:
        assert program.stdout is not None
        assert program.stderr is not None
        pids = json.loads(program.stdout.readline())  # nothing else is there, whatever workers print
        assert len(pids) >= 3
        program.kill()
        said = program.stderr.read()  # ends when the last process has ended that could write to it
        assert b"from a worker" in said
        assert b"from its descriptor" in said
    patience_s = monotonic() + 5
    while any(map(alive, pids)):  # they have closed their files, and are about to be gone
        assert monotonic() < patience_s
