"""A server on stdio that the lab starts and asks by itself, without the bridge, whose own start would count.

It gets the environment that MCP clients give it, and is ended as they end it: end of input, SIGTERM, SIGKILL.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import psutil

from perf_core.adapter import Launch, Step, Wire
from perf_core.errors import TargetError
from perf_core.interruption import Interruption
from perf_core.runs.cold_start.first_answers import CALL_LIMIT_S, Marks, expect_right, with_unique_text
from perf_core.server import daemon
from perf_core.server.bridge.child import EOF_GRACE_S
from perf_core.server.bridge.child_environment import (
    TEMPORARY,
    VARIABLE,
    child_environment,
    variables_to_json,
)
from perf_core.server.bridge.replies import reply_to
from perf_core.server.client.handshake import Handshake
from perf_core.server.client.messages import CLIENT_INFO, PREFIX, request_message
from perf_core.server.credentials.access import STATELESS_REVISION, Access
from perf_core.server.credentials.masking import cut, mask_file, masked, masked_errors
from perf_core.server.guard import Guard
from perf_core.server.spawning import last_lines, spawn
from perf_core.server.subject import access_of

_LOOK_S = 0.05
_LAST_LINE_S = 1.0
_MOST_PAGES = 200
_SHOWN_CHARACTERS = 200


class StdioProcess:
    """One process of a server on stdio; use it as a context manager, which starts and ends it.

    Attributes:
        spawned_s: Time just before it was started, on the monotonic clock.
        marks: When it answered.
    """

    spawned_s: float

    def __init__(
        self, launch: Launch, wire: Wire, log_path: Path, *, access: Access, interruption: Interruption
    ) -> None:
        self._launch = launch
        self._wire = wire
        self._log_path = log_path
        self._access = access_of(launch, access)
        self._interruption = interruption
        self._temporary = tempfile.TemporaryDirectory(prefix="pc-", ignore_cleanup_errors=True)
        self._lines: queue.Queue[tuple[float, bytes]] = queue.Queue()
        self._last_id = 0
        self._guard: Guard | None = None
        self._process: psutil.Popen | None = None
        self.marks = Marks()

    def __enter__(self) -> StdioProcess:
        folder = Path(self._temporary.name)
        temporary = dict.fromkeys(TEMPORARY, str(folder))
        variables = {VARIABLE: variables_to_json(self._launch.env)}
        environment = child_environment({**os.environ, **temporary, **variables})
        try:
            grace_s = EOF_GRACE_S + self._launch.stop_timeout_s
            self._guard = Guard(folder, [], grace_s=grace_s, ends_with_input=True)
            self._guard.settle()
            self.spawned_s = time.monotonic()
            self._process = spawn(
                self._launch.argv,
                environment,
                self._launch.cwd,
                self._log_path,
                has_stdin=True,
                has_stdout=True,
            )
            self._guard.watch(self._process)
        except BaseException:
            self._clean_up()
            raise
        self._reader = threading.Thread(
            target=_read_lines, args=(self._process.stdout, self._lines), name="stdio", daemon=True
        )
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._started.pid

    def first_answers(self, step: Step | None) -> Handshake:
        """Ask for the handshake, the tools and a call, as over HTTP.

        Raises:
            TargetError: It does not answer in time, or not as expected.
        """
        with masked_errors(self._access.secrets):
            return self._first_answers(step)

    def _first_answers(self, step: Step | None) -> Handshake:
        until_s = self.spawned_s + self._launch.ready_timeout_s
        if self._wire == "session":
            info, revision = self._initialize(until_s)
        else:
            result, self.marks.initialize_s = self._ask("server/discover", {}, until_s)
            meta = result.get("_meta")
            own = meta.get(f"{PREFIX}serverInfo") if isinstance(meta, Mapping) else None
            info, revision = own or result.get("serverInfo"), STATELESS_REVISION
        tools = tuple(sorted(str(each.get("name")) for each in self._tools(until_s)))
        if step is not None:
            step = with_unique_text(step)
            params = {"name": step.tool, "arguments": dict(step.arguments)}
            until_s = time.monotonic() + CALL_LIMIT_S
            result, self.marks.first_call_s = self._ask("tools/call", params, until_s, name=step.tool)
            expect_right(step, {"result": result})
        named = info if isinstance(info, Mapping) else {}
        name, version = str(named.get("name", "")), str(named.get("version", ""))
        took_s = (self.marks.initialize_s or self.spawned_s) - self.spawned_s
        return Handshake("", self._wire, name, version, tools, took_s, revision)

    def _initialize(self, until_s: float) -> tuple[Any, str]:
        params = {
            "protocolVersion": self._access.revision,
            "capabilities": self._access.answers.capabilities,
            "clientInfo": CLIENT_INFO,
        }
        result, self.marks.initialize_s = self._ask("initialize", params, until_s)
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result.get("serverInfo"), str(result.get("protocolVersion", ""))

    def _tools(self, until_s: float) -> Iterator[Mapping[str, Any]]:
        cursor: object = None
        for _ in range(_MOST_PAGES):
            result, self.marks.tools_list_s = self._ask(
                "tools/list", {"cursor": cursor} if cursor else {}, until_s
            )
            tools = result.get("tools")
            yield from (each for each in tools or () if isinstance(each, Mapping))
            cursor = result.get("nextCursor")
            if not cursor:
                return

    def _ask(
        self, method: str, params: Mapping[str, Any], until_s: float, name: str | None = None
    ) -> tuple[dict[str, Any], float]:
        """Send a request and return its result and when it came."""
        self._last_id += 1
        capabilities = self._access.answers.capabilities
        message, _ = request_message(
            self._last_id, method, params, self._wire, name=name, capabilities=capabilities
        )
        self._write(message)
        while True:
            at_s, line = self._next_line(method, until_s)
            for reply in _messages(line):
                if reply.get("method") and reply.get("id") is not None:
                    self._write(reply_to(reply, self._access.answers))
                elif reply.get("id") == self._last_id:
                    result = reply.get("result")
                    if isinstance(result, dict):
                        return result, at_s
                    got = cut(json.dumps(reply.get("error", reply)), _SHOWN_CHARACTERS)
                    raise TargetError(f"{method}: expected a result on standard output, got {got}")

    def _next_line(self, method: str, until_s: float) -> tuple[float, bytes]:
        while True:
            self._interruption.check()
            with contextlib.suppress(queue.Empty):
                at_s, line = self._lines.get(timeout=_LOOK_S)
                if line:
                    return at_s, line
                self._fail(f"{method}: expected an answer, got the end of standard output")
            if time.monotonic() > until_s:
                self._fail(f"{method}: expected an answer in time, got none")

    def _fail(self, problem: str) -> None:
        tail = masked(last_lines(self._log_path), self._access.secrets()) or "(empty)"
        raise TargetError(f"{problem}.\nEnd of its standard error:\n{tail}")

    def _write(self, message: Mapping[str, Any]) -> None:
        stdin = self._started.stdin
        # One that has ended is noticed when its answer is awaited.
        with contextlib.suppress(OSError):
            stdin.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
            stdin.flush()

    @property
    def _started(self) -> psutil.Popen:
        if self._process is None:
            raise RuntimeError("the server has not been started; enter the context manager first")
        return self._process

    def _stop(self) -> None:
        process = self._started
        descendants: list[psutil.Process] = []
        with contextlib.suppress(*daemon.BEYOND_REACH):
            descendants = process.children(recursive=True)
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(EOF_GRACE_S)
        except psutil.TimeoutExpired:
            daemon.end([process], self._launch.stop_timeout_s)
        daemon.kill([*descendants, *daemon.marked_processes(self._temporary.name)])
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(5)
        # A process beyond the reach of the lab may hold the pipe open; closing it would wait for the reader.
        self._reader.join(_LAST_LINE_S)
        if not self._reader.is_alive():
            process.stdout.close()
        mask_file(self._log_path, self._access.secrets())
        self._clean_up()

    def _clean_up(self) -> None:
        self._temporary.cleanup()
        if self._guard is not None:
            self._guard.close()
            self._guard = None


def _read_lines(output: IO[bytes], lines: queue.Queue[tuple[float, bytes]]) -> None:
    """Put each line with its time of arrival into the queue, and an empty one at the end."""
    with contextlib.suppress(OSError, ValueError):
        for line in output:
            lines.put((time.monotonic(), line))
    lines.put((time.monotonic(), b""))


def _messages(line: bytes) -> list[Mapping[str, Any]]:
    """Return the JSON-RPC messages on a line; none if it is something else, such as a banner."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return [
        each for each in (document if isinstance(document, list) else [document]) if isinstance(each, dict)
    ]
