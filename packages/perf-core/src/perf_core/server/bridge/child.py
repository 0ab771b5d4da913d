"""One child: a server that reads messages from standard input and writes answers to standard output."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from perf_core.server.bridge.channel import Channel
from perf_core.server.bridge.counts import Counts, UnexpectedEnd
from perf_core.server.bridge.excerpts import end_of
from perf_core.server.bridge.process_groups import HAS_GROUPS, Guard, keep_standard_files, signal_group
from perf_core.server.bridge.replies import DECLINE, Answers
from perf_core.server.bridge.server_log import ServerLog, StderrLines

EOF_GRACE_S = 2.0
"""Time from the end of standard input to SIGTERM; the MCP SDKs wait as long."""

_LAST_WORDS_S = 0.5
"""Time to read what an ended child has written, if a process that it started holds its output open."""

_LONGEST_TAIL = 2000


@dataclass
class Environment:
    """Parts of the bridge that every child needs.

    Attributes:
        term_grace_s: Time between SIGTERM and SIGKILL.
        answers: Answers to requests of the servers.
        variables: Whole environment of a child; None is that of the bridge.
        pids: Process numbers of the children that run.
        starting: Children whose process number is not yet known.
        last_number: Number of the child that was started last.
    """

    log: ServerLog
    guard: Guard
    term_grace_s: float
    answers: Answers = DECLINE
    variables: Mapping[str, str] | None = None
    pids: set[int] = field(default_factory=set)
    starting: int = 0
    last_number: int = 0

    def next_number(self) -> int:
        """Return the number of the next child."""
        self.last_number += 1
        return self.last_number


class Child(asyncio.SubprocessProtocol):
    """A running child; :meth:`start` starts one.

    Attributes:
        channel: Its messages.
        how: How it ended, such as ``ended with exit code 3``; empty while it runs.
        is_done: Set when it has ended and all that it wrote has been read.
    """

    def __init__(
        self, environment: Environment, counts: Counts, *, unique_ids: bool = False, name: str = "child"
    ) -> None:
        self.number = environment.next_number()
        self.how = ""
        self.pid = 0
        self.is_done = asyncio.Event()
        self._name = f"{name} {self.number}"
        self._environment = environment
        self._counts = counts
        self._stderr = StderrLines(environment.log, self._name)
        self._is_ending = False
        self._ending: asyncio.Task[None] | None = None  # the loop itself keeps no reference to its tasks
        self._transport: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._output_open = True
        self.channel = Channel(
            self._write, self.note, counts, unique_ids=unique_ids, answers=environment.answers
        )

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        environment: Environment,
        counts: Counts,
        *,
        unique_ids: bool = False,
        name: str = "child",
    ) -> Child:
        """Start a command.

        Raises:
            OSError: It cannot be started.
        """
        loop = asyncio.get_running_loop()
        child = cls(environment, counts, unique_ids=unique_ids, name=name)
        environment.starting += 1
        try:
            await loop.subprocess_exec(
                lambda: child,
                *argv,
                start_new_session=HAS_GROUPS,
                env=environment.variables,
                # asyncio's own loops close these files.
                preexec_fn=keep_standard_files if type(loop).__module__ == "uvloop" else None,
            )
        except subprocess.SubprocessError as error:
            # So says uvloop when there are no more files for what runs between fork and exec.
            raise OSError(f"{error} {error.__cause__}") from error
        finally:
            environment.starting -= 1
        return child

    @property
    def runs(self) -> bool:
        """Whether it can still answer."""
        return not self.how and not self._is_ending

    @property
    def backlog_bytes(self) -> int:
        """Bytes that it has not read from its standard input."""
        return self._stdin.get_write_buffer_size() if self._stdin is not None else 0

    def take_headers(self, headers: Mapping[bytes, bytes]) -> None:
        """Drop the headers of a client: there are none on standard input."""

    def note(self, text: str) -> None:
        """Write a line about this child into the log."""
        self._environment.log.note(f"{self._name}: {text}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the pipes of the process that has started."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self.pid = self._transport.get_pid() or 0
        self._stdin = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        self._environment.guard.add(self.pid)
        self._environment.pids.add(self.pid)
        self._counts.started += 1
        self._counts.running += 1

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take a chunk of output."""
        if fd == 1:
            self.channel.feed(data)
        else:
            self._stderr.feed(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        """Note that a pipe was closed."""
        if fd == 1:
            self._output_open = False
            if self.how:
                self._finish()
            else:
                # It may be about to exit, and then its exit code says more.
                asyncio.get_running_loop().call_later(_LAST_WORDS_S, self._without_output)
        elif fd == 2:
            self._stderr.close()

    def process_exited(self) -> None:
        """Note the exit code, and end what the process has started."""
        code = self._transport.get_returncode() if self._transport else None
        self.how = self.how or _how(code)
        signal_group(self.pid, signal.SIGKILL if HAS_GROUPS else signal.SIGTERM)
        self._environment.pids.discard(self.pid)
        self._environment.guard.remove(self.pid)
        if self._output_open:
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, self._finish)
        else:
            self._finish()

    async def end(self) -> None:
        """End the process in order: end of input, SIGTERM, SIGKILL; return when it has ended."""
        # One that has just ended by itself is still to be counted as such.
        if not self.how:
            self._is_ending = True
        await self._end()

    async def _end(self) -> None:
        if self._stdin is not None:
            self._stdin.close()
        steps = (
            (EOF_GRACE_S, signal.SIGTERM),
            (self._environment.term_grace_s, signal.SIGKILL if HAS_GROUPS else signal.SIGTERM),
        )
        for grace_s, number in steps:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.is_done.wait(), grace_s)
                return
            self.note(f"expected it to end within {grace_s:g} s, got nothing: sending {number.name}")
            signal_group(self.pid, number)
        await self.is_done.wait()

    def failure(self) -> str:
        """Return the sentence that clients get when it has ended by itself."""
        tail = self._tail()
        shown = f"; end of its standard error:\n{tail}" if tail else "; its standard error is empty"
        return f"the server's process {self.how or 'was ended'}{shown}"

    def _tail(self) -> str:
        return end_of(self._stderr.tail(), _LONGEST_TAIL)

    def _write(self, data: bytes) -> None:
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(data)

    def _without_output(self) -> None:
        if not self.how and not self._is_ending:
            self.how = "closed its standard output"
            self._report_end()
            self.channel.fail_all(500, self.failure())
            self._ending = asyncio.get_running_loop().create_task(self._end())

    def _finish(self) -> None:
        if self.is_done.is_set():
            return
        self.is_done.set()
        self._counts.running -= 1
        self._stderr.close()
        if not self._is_ending and self._ending is None:
            self._report_end()
        self.channel.fail_all(500, self.failure())
        if self._transport is not None:
            self._transport.close()

    def _report_end(self) -> None:
        """Count that it ended by itself."""
        self._counts.end(UnexpectedEnd(self.number, self.pid, self.how, self._tail()))
        self.note(f"{self.how} by itself")
        self._environment.log.flush()


def _how(code: int | None) -> str:
    if code is None:
        return "ended"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
        return f"was ended by signal {-code}"
    return f"ended with exit code {code}"
