"""A process with the app, in the app's own interpreter; see :mod:`perf_core.runs.ladder.app_side`."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil

from perf_core.errors import TargetError
from perf_core.interruption import APART, Interruption
from perf_core.sampling.cpu_clock import cpu_s
from perf_core.targets.apps import AppPlace

_FOLDER: Final = Path(__file__).resolve().parent
_START: Final = (
    # Leaves the app's own sys.path as it is: that of `python -c`, which begins with the working folder.
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from app_side.__main__ import main; del sys.path[0]; raise SystemExit(main())"
)
_POLL_S: Final = 0.1
_END_S: Final = 5.0
_TAIL_LINES: Final = 5


class AppProcess:
    """A process that has loaded the app; use it as a context manager.

    Entering it waits for the app. What the app prints goes to ``log_path``.

    Attributes:
        hello: First answer: name and versions, or port and path of one that serves.
        pid: Process number.

    Args:
        python: Interpreter to run it with.
        serves: Whether it serves the app over HTTP, instead of answering requests.
        start_s: Longest time to load it.
    """

    def __init__(
        self,
        python: str,
        place: AppPlace,
        log_path: Path,
        *,
        interruption: Interruption,
        serves: bool = False,
        start_s: float = 60.0,
    ) -> None:
        where = {
            "module": place.module,
            "file": str(place.file) if place.file else "",
            "attribute": place.attribute,
            "serves": serves,
        }
        self._command = [python, "-c", _START, str(_FOLDER), json.dumps(where)]
        self._name = place.name
        self._log_path = log_path
        self._interruption = interruption
        self._start_s = start_s
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()
        self.hello: dict[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            with self._log_path.open("wb") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    encoding="utf-8",
                    **APART,
                )
        except OSError as error:
            raise TargetError(
                f"cannot start {self._command[0]}: {error.strerror}", "Give the interpreter with --python."
            ) from error
        threading.Thread(target=self._read, name="app answers", daemon=True).start()
        try:
            self.hello = self._answer(self._start_s, "loaded")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        """Process number."""
        return self._running.pid

    def cpu_s(self) -> float:
        """Return the CPU seconds that it has used; zero once it has ended."""
        with contextlib.suppress(psutil.Error):
            return cpu_s(psutil.Process(self.pid))
        return 0.0

    def ask(self, what: str, limit_s: float, **members: Any) -> dict[str, Any]:
        """Send a request and return its answer.

        Raises:
            TargetError: It failed, or took longer than ``limit_s`` seconds.
        """
        pipe = self._running.stdin
        assert pipe is not None  # noqa: S101 - for the type checker
        with contextlib.suppress(OSError):  # its end is told by the missing answer
            pipe.write(json.dumps({"do": what, **members}) + "\n")
            pipe.flush()
        return self._answer(limit_s, "answered")

    @property
    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "not entered"  # noqa: S101 - for the type checker
        return self._process

    def _read(self) -> None:
        pipe = self._running.stdout
        assert pipe is not None  # noqa: S101 - for the type checker
        for line in pipe:
            self._answers.put(line)
        self._answers.put("")

    def _answer(self, limit_s: float, verb: str) -> dict[str, Any]:
        deadline = time.monotonic() + limit_s
        while True:
            self._interruption.check()
            try:
                line = self._answers.get(timeout=_POLL_S)
                break
            except queue.Empty:
                if time.monotonic() > deadline:
                    raise TargetError(
                        f"expected that {self._name} had {verb} within {limit_s:.0f} s; it had not",
                        self._advice(),
                    ) from None
        if not line:
            raise TargetError(f"the process with {self._name} ended{self._tail()}", self._advice())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise TargetError(f"{self._name}: {answer['error']}", self._advice())
        return answer

    def _advice(self) -> str:
        return f"It runs with {self._command[0]}; --python chooses another interpreter."

    def _tail(self) -> str:
        with contextlib.suppress(OSError):
            lines = self._log_path.read_text(encoding="utf-8", errors="replace").splitlines()
            if lines:
                return f"; end of its output: {' | '.join(lines[-_TAIL_LINES:])}"
        return ""

    def _stop(self) -> None:
        """End it: in order when its input ends, else by force, with what it has started."""
        process = self._running
        children = []
        with contextlib.suppress(psutil.Error):
            children = psutil.Process(process.pid).children(recursive=True)
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.kill()
        if process.stdout is not None:
            process.stdout.close()
