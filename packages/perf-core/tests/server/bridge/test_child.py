"""A child on asyncio's own event loop, which the bridge uses where there is no uvloop."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from perf_core.server.bridge import child as module
from perf_core.server.bridge.child import Child, Environment
from perf_core.server.bridge.counts import Counts
from perf_core.server.bridge.messages import read_request
from perf_core.server.bridge.process_groups import Guard
from perf_core.server.bridge.server_log import ServerLog

pytestmark = pytest.mark.process

ADDER = str(Path(__file__).parents[2] / "servers" / "stdio_adder.py")


class Client:
    """A client whose answer is a future: status and message."""

    def __init__(self) -> None:
        self.reply: asyncio.Future[tuple[int, dict]] = asyncio.get_running_loop().create_future()

    def answer(self, line: bytes) -> None:
        self.reply.set_result((200, json.loads(line)))

    def event(self, line: bytes) -> None:
        pass

    def fail(self, status: int, answer: bytes) -> None:
        self.reply.set_result((status, json.loads(answer)))


async def add(child: Child, number: int) -> tuple[int, dict]:
    params = {"name": "add", "arguments": {"a": 1, "b": number}}
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    client = Client()
    child.channel.request(read_request(json.dumps(message).encode()), client)
    return await asyncio.wait_for(client.reply, 20)


def with_child(fault: str, use: Callable[[Child], Awaitable[None]]) -> Counts:
    """Use an adder with a fault, end it, and return the counts."""
    counts = Counts()
    null = os.open(os.devnull, os.O_WRONLY)

    async def run() -> None:
        environment = Environment(ServerLog(null), Guard(None), term_grace_s=0.3)
        child = await Child.start((sys.executable, ADDER, "--fault", fault), environment, counts)
        assert environment.pids == {child.pid}
        try:
            await use(child)
        finally:
            await child.end()
        assert environment.pids == set()

    try:
        # A loop of asyncio, whatever policy other tests have set.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(run())
    finally:
        os.close(null)
    assert counts.running == 0
    return counts


def test_child_answers_and_ends_when_it_is_asked_to() -> None:
    async def use(child: Child) -> None:
        for number in (1, 2):
            status, message = await add(child, number)
            assert (status, message["id"]) == (200, number)
            assert message["result"]["structuredContent"] == {"result": 1 + number}
        assert child.runs

    counts = with_child("", use)
    assert (counts.started, counts.ended, counts.answers) == (1, 0, 2)


def test_child_that_crashes_is_told_with_its_exit_code_and_stderr() -> None:
    async def use(child: Child) -> None:
        assert [(await add(child, number))[0] for number in (1, 2, 3)] == [200, 200, 500]
        assert not child.runs
        assert child.failure().startswith("the server's process ended with exit code 3")
        assert child.failure().endswith("the reactor is cold")

    assert with_child("crash", use).ended == 1


def test_child_that_closes_its_output_cannot_answer() -> None:
    async def use(child: Child) -> None:
        assert (await add(child, 1))[0] == 200
        status, message = await add(child, 2)
        assert status == 500
        assert "closed its standard output" in message["error"]["message"]

    assert with_child("closes", use).ended == 1


def test_command_that_cannot_be_started_is_an_os_error() -> None:
    async def start() -> None:
        environment = Environment(ServerLog(), Guard(None), term_grace_s=0.3)
        with pytest.raises(OSError, match="no-such-program"):
            await Child.start(("no-such-program",), environment, Counts())
        assert environment.starting == 0

    asyncio.run(start())


def test_child_that_could_not_be_prepared_for_its_program_is_an_os_error() -> None:
    async def fail(*_: object, **__: object) -> None:
        cause = OSError("Too many open files")
        raise subprocess.SubprocessError("Exception occurred in preexec_fn.") from cause

    async def start(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "subprocess_exec", fail)
        environment = Environment(ServerLog(), Guard(None), term_grace_s=0.3)
        with pytest.raises(OSError, match="Too many open files"):
            await Child.start((sys.executable,), environment, Counts())
        assert environment.starting == 0

    with pytest.MonkeyPatch.context() as monkeypatch, asyncio.Runner() as runner:
        runner.run(start(monkeypatch))


def test_child_that_has_just_ended_by_itself_is_counted_although_it_is_then_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "signal_group", lambda *_: None)  # there is no process
    monkeypatch.setattr(module, "_LAST_WORDS_S", 0.0)
    counts = Counts()

    async def end() -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        child = Child(Environment(ServerLog(null), Guard(None), term_grace_s=0.3), counts)
        child.process_exited()  # what it wrote may still arrive
        await child.end()
        os.close(null)

    asyncio.run(end())
    assert counts.ended == 1


def test_end_of_standard_error_has_whole_words() -> None:
    async def tail() -> str:
        null = os.open(os.devnull, os.O_WRONLY)
        log = ServerLog(null)
        child = Child(Environment(log, Guard(None), term_grace_s=0.3), Counts())
        child.pipe_data_received(2, b"token=opensesame-1234567890 " + b"x" * 1988 + b" end\n")
        log.flush()
        os.close(null)
        return child.failure()

    told = asyncio.run(tail())
    assert told.endswith("x end")
    assert "7890" not in told, "a part of a secret could not be masked"
