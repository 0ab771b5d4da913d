"""The k6 process: preview a plan, run it, end it, and read its output."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import psutil

from perf_core.errors import GeneratorError
from perf_core.interruption import APART, INTERRUPT
from perf_core.load.k6_events import Events, read_events
from perf_core.load.k6_log import script_faults
from perf_core.load.recorder import OUTPUT, Recorder
from perf_core.sampling.affinity import keep_to
from perf_core.server.credentials.masking import mask_file, masked

SUMMARY_NAME = "summary.json"
RECORDING_NAME = "k6-recording.ndjson"
LOG_NAME = "k6.log"
EVENTS_NAME = "k6-events.ndjson"

SHORTEST_PERIOD_S = 0.2
"""Silence is recorded in periods; shorter ones would cost k6 and the lab more messages."""

# Exit codes of k6 after which it has written a summary: success, thresholds missed, interrupted (SIGINT),
# aborted by the script.
_SUMMARY_EXIT_CODES = frozenset({0, 99, 105, 108})

_GO_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_GO_DURATION = re.compile(r"([\d.]+)(h|ms|us|µs|ns|m|s)")

_MANY_VUS = 400

_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})


@dataclass(frozen=True)
class Preview:
    """Length and size of a run, as k6 computes them from a plan.

    Attributes:
        duration_s: Longest time that the run can take, including clean-up.
        load_s: Length of the load alone.
        sub_metrics: Names of the metrics and sub-metrics that the summary will contain, which tell the names
            of the stages (``mcp_tool_call_duration_ms{stage:hold_100}``).
        first_users: Virtual users with whom the load begins; 0 if it begins with a ramp or an arrival rate.
        fewest_users: Fewest virtual users at the end of a stage, except none.
        lowest_rate_per_s: Lowest arrival rate at the end of a stage, except zero; None without one.
    """

    duration_s: float
    load_s: float
    max_vus: int
    sub_metrics: tuple[str, ...] = ()
    first_users: int = 0
    fewest_users: int = 1
    lowest_rate_per_s: float | None = None


@dataclass(frozen=True)
class GeneratorOutput:
    """Output of a finished k6 process.

    Attributes:
        summary: Document written by ``k6/lib/summary.js``; None when k6 wrote none.
        recording: Lines of the recording (:mod:`perf_core.load.k6_recording`); may be empty.
        events: Sessions and examples of failed calls that the scripts reported.
        script_faults: Exceptions in the scripts, each of which makes the run invalid.
    """

    summary: Mapping[str, Any] | None
    recording: tuple[str, ...]
    exit_code: int
    log_tail: str
    events: Events = field(default_factory=Events)
    script_faults: tuple[str, ...] = ()


def scripts_folder() -> Path:
    """Return the folder of the installed k6 scripts."""
    return Path(str(resources.files("perf_core") / "k6"))


def script_env(plan: Path, url: str, folder: Path) -> dict[str, str]:
    """Return the script's variables for files and URL; :mod:`.k6_access` has the others for the server."""
    return {"PLAN": str(plan), "SERVER_URL": url, "SUMMARY": str(folder / SUMMARY_NAME)}


def preview(binary: Path, shape: str, env: Mapping[str, str]) -> Preview:
    """Return length and size of a run without running it, and without a server.

    Raises:
        GeneratorError: k6 cannot load the script or the plan; has k6's own message.
    """
    argv = [
        str(binary),
        "inspect",
        "--log-format",
        "raw",
        "--execution-requirements",
        *_env_options(env),
        str(_script(shape)),
    ]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=120, check=False, env=_environment(0), **APART
    )
    if done.returncode != 0:
        raise GeneratorError(
            "expected a plan that k6 can load, got "
            f"exit code {done.returncode}: {_last_message(done.stderr)}",
            "Correct the settings of the run.",
        )
    document = json.loads(done.stdout)
    load = document["scenarios"].get("load") or {}
    stages = load.get("stages") or ()
    lengths = [stage["duration"] for stage in stages] or [load.get("maxDuration") or "0s"]
    load_s = sum(map(_go_duration_s, lengths))
    lowest = min((stage["target"] for stage in stages if stage["target"]), default=1)
    # Of an arrival rate, k6 states the iterations per time unit.
    unit_s = _go_duration_s(load.get("timeUnit") or "")
    return Preview(
        _go_duration_s(document["totalDuration"]),
        load_s,
        int(document["maxVUs"]),
        tuple(document.get("thresholds") or ()),
        first_users=int(load.get("startVUs") or 0),
        fewest_users=1 if unit_s else int(lowest),
        lowest_rate_per_s=lowest / unit_s if unit_s else None,
    )


def _go_duration_s(text: str) -> float:
    """Return the seconds of a duration as Go prints it, such as ``1h2m3.5s`` or ``800ms``."""
    return sum(float(number) * _GO_UNIT_S[unit] for number, unit in _GO_DURATION.findall(text))


def _script(shape: str) -> Path:
    return scripts_folder() / "scenarios" / f"{shape}.js"


def _env_options(env: Mapping[str, str]) -> list[str]:
    return [part for name, value in env.items() for part in ("-e", f"{name}={value}")]


def _last_message(stderr: str) -> str:
    """Return k6's error message without its JavaScript stack."""
    lines = [line for line in stderr.splitlines() if line.strip() and not line.lstrip().startswith("at ")]
    return " ".join(lines[-3:]) or "(no message)"


class Generator:
    """A running k6; use it as a context manager, which always ends it.

    Args:
        shape: Name of the scenario script to run.
        env: The script's variables. They are put into the environment of k6 and not into its arguments,
            which everybody on the machine can read.
        folder: Folder for its recording, log and summary.
        period_s: Length of one period of the recording; None records nothing.
        dashboard_port: Port of k6's live dashboard on loopback; None serves none.
        cpus: CPUs to run on; None is all.
        secrets: Returns the texts that must not stand in k6's log, such as a key in the server's URL.
    """

    def __init__(
        self,
        binary: Path,
        shape: str,
        env: Mapping[str, str],
        folder: Path,
        *,
        period_s: float | None,
        max_vus: int = 0,
        dashboard_port: int | None = None,
        cpus: Sequence[int] | None = None,
        secrets: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._secrets = secrets
        self._env = {**_environment(max_vus), **env}
        self._folder = folder
        self._cpus = cpus
        self._recorder = None if period_s is None else Recorder(folder / RECORDING_NAME, period_s)
        self._argv = [
            str(binary),
            "run",
            "--quiet",
            "--no-usage-report",
            # Two k6 at once would need the same port for its REST interface.
            "--address",
            "",
            # The scripts report events as lines of JSON, which any other format would wrap.
            "--log-format",
            "raw",
            "--console-output",
            str(folder / EVENTS_NAME),
            *([] if self._recorder is None else ["--out", OUTPUT]),
            *([] if dashboard_port is None else ["--out", _dashboard(period_s or 1.0, dashboard_port)]),
            str(_script(shape)),
        ]
        self._process: psutil.Popen | None = None

    def __enter__(self) -> Generator:
        with contextlib.ExitStack() as stack:
            if self._recorder is not None:
                self._env |= stack.enter_context(self._recorder).env()
            self._start()
            self._stack = stack.pop_all()
        return self

    def _start(self) -> None:
        with (self._folder / LOG_NAME).open("wb") as log:
            try:
                self._process = psutil.Popen(
                    self._argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    **APART,
                )
            except OSError as error:
                raise _not_started(error) from error
        try:
            if self._cpus is not None:
                keep_to(self._process.pid, self._cpus)
        except BaseException:
            self._end()
            raise

    def __exit__(self, *_: object) -> None:
        with self._stack:
            self._end()

    def _end(self) -> None:
        process = self._started
        if process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
            process.wait(10)
        # Session ids give access as long as the sessions live.
        (self._folder / EVENTS_NAME).unlink(missing_ok=True)
        mask_file(self._folder / LOG_NAME, self._secrets())

    @property
    def pid(self) -> int:
        """Process number of k6."""
        return self._started.pid

    @property
    def _started(self) -> psutil.Popen:
        if self._process is None:
            raise RuntimeError("expected a running k6, got none; enter the context manager first")
        return self._process

    def wait(self, timeout_s: float) -> bool:
        """Wait for k6 to end; return whether it has."""
        try:
            self._started.wait(timeout_s)
        except psutil.TimeoutExpired:
            return False
        return True

    def interrupt(self, grace_s: float = 20.0) -> None:
        """Make k6 end early and write its summary; kill it after ``grace_s``."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._started.send_signal(INTERRUPT)
        if not self.wait(grace_s):
            with contextlib.suppress(psutil.NoSuchProcess):
                self._started.kill()
            self.wait(10)

    def result(self) -> GeneratorOutput:
        """Return the output of k6 after it has ended.

        Raises:
            GeneratorError: k6 failed by itself, before or during the load.
        """
        exit_code = int(self._started.wait(0))
        log = _lines(self._folder / LOG_NAME)
        log_tail = masked("\n".join(log[-20:]), self._secrets())
        faults = tuple(masked(fault, self._secrets()) for fault in script_faults(log))
        summary = _document(_text(self._folder / SUMMARY_NAME))
        if summary is None and exit_code not in _SUMMARY_EXIT_CODES and exit_code >= 0:
            raise GeneratorError(
                f"expected a summary from k6, got exit code {exit_code} and this end of its log:\n{log_tail}",
                "See the plan and the log in the folder of the run.",
            )
        recording = tuple(_lines(self._folder / RECORDING_NAME))
        return GeneratorOutput(summary, recording, exit_code, log_tail, self._events(), faults)

    def _events(self) -> Events:
        try:
            # Line by line: of a server that loses its sessions there are hundreds of megabytes.
            with (self._folder / EVENTS_NAME).open(encoding="utf-8", errors="replace", newline="\n") as lines:
                return read_events(lines)
        except FileNotFoundError:
            return Events()


def _not_started(error: OSError) -> GeneratorError:
    hint = "Install k6 for this system."
    if error.errno == errno.E2BIG:
        hint = (
            "The system limits the size of the environment, in which k6 gets the headers of all users: give "
            "fewer users, or shorter headers."
        )
    return GeneratorError(f"expected k6 to start, got: {error.strerror}", hint)


def _document(text: str) -> Mapping[str, Any] | None:
    """Return the content of a summary; None without one, or if k6 was killed while it wrote it."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _lines(path: Path) -> list[str]:
    # Not splitlines: texts in JSON may have other characters that it takes for the end of a line.
    return [line for line in _text(path).split("\n") if line]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _dashboard(period_s: float, port: int) -> str:
    return f"web-dashboard=port={port}&host=127.0.0.1&period={round(period_s * 1000)}ms"


def _environment(max_vus: int) -> dict[str, str]:
    # k6 reads options from K6_* variables, and the scripts users from MCP_*: one left over in a shell would
    # change the load. A proxy would be measured, too; the lab's own client uses none either.
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("K6_", "MCP_")) and name.lower() not in _PROXIES
    }
    # By default Go lets its heap double between collections. Collecting earlier saves about 70 MB with 800
    # VUs and costs about 4 % more CPU; with few VUs memory does not matter and the CPU would be wasted.
    return {"GOGC": "75", **clean} if max_vus >= _MANY_VUS else clean
