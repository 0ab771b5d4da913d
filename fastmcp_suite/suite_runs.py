"""Runs of FastMCP's tests in a process of their own, with the plug-in that records outcomes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from suite_source import SuiteError
from verdicts import Outcome

PLUGIN: Final = Path(__file__).parent / "plugin"

MARKERS: Final = "not integration and not client_process and not subprocess_heavy and not conformance"
"""Tests that need the network or another process, in which apps are not served through the lane."""

LEFT_OUT: Final = {
    "tests/cli": "FastMCP's command line, which starts servers in other processes",
    "tests/client/sampling/handlers": "clients of language models, whose packages are large",
    "tests/docs": "examples of FastMCP's documentation, which only have to be importable",
    "tests/downstream": "other packages on top of FastMCP, one environment for each",
    "tests/scripts": "FastMCP's release scripts",
    "tests/utilities/json_schema_type": "schemas from the network, and no app",
}
"""Folders and modules that are not run, with the reason."""

_TEST_MODULES: Final = ("test_*.py", "*_test.py")

_HTTP: Final = re.compile(
    r"asgi_server|asgi_client|http_app\(|run_server_async|run_http_async|create_streamable_http_app|"
    r"StreamableHTTP|transport=.http"
)
"""Words of modules that serve apps over HTTP; the lane has no part in the others."""

_CLIENT: Final = re.compile(_HTTP.pattern + r"|Client\b")
"""Words of modules that connect clients, in memory or over HTTP."""

_TEST_S: Final = 60
"""Time of a test. The suite's own limit of 5 s is for a machine that does nothing else."""

_STOP_S: Final = 30.0

_OWN_VARIABLES: Final = ("MCP_", "FASTMCP_", "OTEL_", "PYTEST_")
"""Beginnings of the names of environment variables that would change what the tests do."""


class Way(StrEnum):
    """A way of running the suite."""

    AS_WRITTEN = "as-written"
    """Tests use the transports that they choose; most use the in-memory one, which the lane is no part of."""
    MEMORY_OVER_HTTP = "memory-over-http"
    """In-memory clients connect over HTTP, and negotiate the stateless wire."""
    MEMORY_OVER_SESSIONS = "memory-over-sessions"
    """In-memory clients connect over HTTP with sessions."""

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the plug-in."""
        route = {Way.MEMORY_OVER_HTTP: "modern", Way.MEMORY_OVER_SESSIONS: "sessions"}.get(self)
        return () if route is None else ("--memory-over-http", route)


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """A run of the suite.

    Attributes:
        source: Root of the unpacked source distribution.
        folder: Folder for outcomes and log.
        name: Begin of the names of these files.
        way: The way of running it.
        has_lane: Whether apps are served through server_core.
        only: Parts of the ids of the tests to run; empty for all.
        ids: Exact ids of the tests to run; None for all.
        workers: Number of processes; 0 for one without pytest-xdist.
    """

    source: Path
    folder: Path
    name: str
    way: Way
    has_lane: bool
    only: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None
    workers: int = 2

    @property
    def outcomes_file(self) -> Path:
        """Path of the outcomes, one JSON object a line."""
        return self.folder / f"{self.name}.jsonl"

    @property
    def log_file(self) -> Path:
        """Path of pytest's output."""
        return self.folder / f"{self.name}.log"

    @property
    def ids_file(self) -> Path:
        """Path of the list of ids, for pytest."""
        return self.folder / f"{self.name}.ids"


def modules(run: SuiteRun) -> list[str]:
    """Return the test modules that can have chosen tests which serve or connect, as paths below the root."""
    if run.ids is not None:
        return sorted({test.partition("::")[0] for test in run.ids})
    words = _HTTP if run.way is Way.AS_WRITTEN else _CLIENT
    paths = sorted(path for pattern in _TEST_MODULES for path in (run.source / "tests").rglob(pattern))
    names = {
        path.relative_to(run.source).as_posix()
        for path in paths
        if words.search(path.read_text(encoding="utf-8"))
    }
    kept = sorted(name for name in names if not any(f"{name}/".startswith(f"{path}/") for path in LEFT_OUT))
    parts = [part.partition("::")[0] for part in run.only]
    if all(any(part in name for name in kept) for part in parts):
        return [name for name in kept if not parts or any(part in name for part in parts)]
    return kept  # one of the parts is no path, and so part of a test's name


def command_of(run: SuiteRun) -> list[str]:
    """Return pytest's command line.

    Values of options are written with ``=``: pytest does not know the plug-in's options at first, and would
    take a path after one for a test, and this repository's configuration and conftest.py for the suite's.
    """
    chosen = [f"--only={part}" for part in run.only]
    if run.ids is not None:
        chosen.append(f"--only-ids={run.ids_file}")
    return [
        *(sys.executable, "-m", "pytest", "-p", "lane_plugin", "-p", "no:cacheprovider"),
        # Without `native`, pytest parses sources to show them; Python 3.11 fails at that in a deep stack.
        *("-q", "--no-header", "--tb=native", "--continue-on-collection-errors"),
        # The installed FastMCP, which server_core uses, instead of the one beside the tests.
        *("-o", "pythonpath=", "-o", f"timeout={_TEST_S}", "-m", MARKERS),
        *(("-n", str(run.workers), "--dist", "worksteal") if run.workers else ()),
        *(("--lane",) if run.has_lane else ()),
        *(*run.way.options, *chosen, f"--outcomes={run.outcomes_file}", *modules(run)),
    ]


def environment(inherited: dict[str, str]) -> dict[str, str]:
    """Return the environment of pytest: the plug-in is importable, and nothing changes the tests."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(_OWN_VARIABLES)}
    # Without bytecode on disk, each worker compiles all tests again.
    return {**kept, "PYTHONPATH": str(PLUGIN), "PYTHONDONTWRITEBYTECODE": ""}


def run_suite(run: SuiteRun, time_limit_s: float) -> dict[str, Outcome]:
    """Run tests and return their outcomes by id.

    Raises:
        SuiteError: pytest could not run, or did not end in time.
    """
    if not modules(run):
        return {}
    run.folder.mkdir(parents=True, exist_ok=True)
    if run.ids is not None:
        run.ids_file.write_text("\n".join(run.ids), encoding="utf-8")
    with run.log_file.open("wb") as log:
        process = subprocess.Popen(
            command_of(run),
            cwd=run.source,
            env=environment(dict(os.environ)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            code = process.wait(time_limit_s)
        except subprocess.TimeoutExpired:
            raise SuiteError(
                f"{run.name}: expected an end within {time_limit_s:g} s, got none: see {run.log_file}, or "
                "choose tests with --only"
            ) from None
        finally:
            _stop(process)
    # 0: all passed; 1: some failed or could not be collected; 5: none was chosen. Otherwise some did not run.
    if code not in (0, 1, 5):
        raise SuiteError(
            f"{run.name}: expected a whole run of pytest, got exit code {code}: see {run.log_file}"
        )
    return read_outcomes(run.outcomes_file.read_text(encoding="utf-8").splitlines())


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt pytest, so that it stops its workers, and wait for it."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def read_outcomes(lines: Sequence[str]) -> dict[str, Outcome]:
    """Return the outcomes that the plug-in has written; the last one of each test."""
    outcomes = {}
    for line in lines:
        values = json.loads(line)
        test = values.pop("test")
        outcomes[test] = Outcome(**values)
    return outcomes
