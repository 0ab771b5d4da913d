"""Run the MCP conformance suite against our servers and report unexpected results.

`nox -s conformance` calls this; everything after `--` is passed on:

    nox -s conformance                                                    every server on both revisions
    nox -s conformance -- --server fixture --revision 2026-07-28          one of them
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import yaml

FOLDER: Final = Path(__file__).parent
SUITE: Final = FOLDER / "node_modules" / "@modelcontextprotocol" / "conformance"
REVISIONS: Final = ("2026-07-28", "2025-11-25")

_READY_S: Final = 60.0
_STOP_S: Final = 20.0
_SUITE_S: Final = 600.0

_FAILING: Final = ("FAILURE", "WARNING")
_SEVERITY: Final = ("SUCCESS", "WARNING", "FAILURE")
"""From best to worst; a check that is reported several times counts as its worst."""

_IN_EVERY_SCENARIO: Final = "wire-schema-valid"
"""A check of all messages, which says nothing about the subject of a scenario."""

_STAMP: Final = re.compile(r"-\d{4}-\d\d-\d\dT[\d-]+Z$")
"""Suffix of the suite's result folders."""


class ConformanceError(Exception):
    """The suite could not be run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server to be tested.

    Attributes:
        name: Its name, also in the file names of its expected failures.
        command: Command line, without the options for port and ready file.
        scenarios: Names of the scenarios that make sense for it, by revision; None for all that a revision
            requires and those that the suite runs without scoring.
        has_lane: Whether the fast lane must answer some of the calls.
    """

    name: str
    command: tuple[str, ...]
    scenarios: Mapping[str, tuple[str, ...]] | None = None
    has_lane: bool = True


_FIXTURE: Final = (sys.executable, str(FOLDER / "fixture.py"))

SERVERS: Final = (
    Server("fixture", _FIXTURE),
    Server("fixture-streams", (*_FIXTURE, "--no-json-response")),
    Server("fixture-resumable", (*_FIXTURE, "--no-json-response", "--resumable"), has_lane=False),
    Server("fixture-workers", (*_FIXTURE, "--no-json-response", "--workers", "3")),
    Server(
        "calculator",
        (sys.executable, "-m", "calculator_server"),
        {
            "2026-07-28": (
                "server-stateless",
                "tools-list",
                "resources-list",
                "prompts-list",
                "server-sse-multiple-streams",
                "sep-2164-resource-not-found",
                "caching",
                "dns-rebinding-protection",
                "input-required-result-unsupported-methods",
                "http-header-validation",
            ),
            "2025-11-25": (
                "server-initialize",
                "server-session-lifecycle",
                "ping",
                "logging-set-level",
                "tools-list",
                "resources-list",
                "prompts-list",
                "server-sse-multiple-streams",
                "dns-rebinding-protection",
            ),
        },
        has_lane=False,  # no scenario that makes sense for it calls a tool as clients do
    ),
)


@dataclass(frozen=True, slots=True)
class Requirements:
    """The scenarios of a revision, according to the suite.

    Attributes:
        required: Scenarios that decide the suite's own verdict.
        unscored: Scenarios that are run in addition, with the suite's reason not to score them.
    """

    required: frozenset[str]
    unscored: Mapping[str, str]

    @property
    def judged(self) -> frozenset[str]:
        """Scenarios whose results must be as expected: all but those of optional extensions."""
        pending = {name for name, reason in self.unscored.items() if reason != "extension"}
        return self.required | pending


@dataclass(frozen=True, slots=True)
class Check:
    """One check in a scenario.

    Attributes:
        name: The suite's id, which may occur several times in a scenario.
        status: `SUCCESS`, `FAILURE`, `WARNING`, `SKIPPED` or `INFO`.
        message: The problem, if there is one.
    """

    name: str
    status: str
    message: str = ""


Results = Mapping[str, Sequence[Check]]
"""Checks by scenario."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on a set of scenarios.

    Attributes:
        passed: Scenarios without a failure.
        idle: Scenarios in which nothing was checked.
        expected: Expected failures, as `scenario` or `scenario:check`.
        unexpected: Unexpected failures, with the suite's message.
        stale: Expected failures that did not occur.
    """

    passed: tuple[str, ...]
    idle: tuple[str, ...]
    expected: tuple[str, ...]
    unexpected: tuple[str, ...]
    stale: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether all results are as expected."""
        return not self.unexpected and not self.stale


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a server on a revision.

    Attributes:
        server: The server's name.
        revision: The revision.
        verdict: Verdict on the judged scenarios.
        extensions: Number of scenarios of extensions, which are not judged, and of those that failed.
        problems: Reasons to doubt the verdict.
    """

    server: str
    revision: str
    verdict: Verdict
    extensions: tuple[int, int]
    problems: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether all results are as expected."""
        return self.verdict.is_good and not self.problems


def expectations_file(server: str, revision: str) -> Path:
    """Return the path of a server's expected failures."""
    return FOLDER / f"expected-failures-{server}-{revision}.yml"


def read_expectations(path: Path) -> tuple[str, ...]:
    """Return the entries of a file: `scenario`, or `scenario:check` for one check of it.

    Raises:
        ConformanceError: The file is malformed.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries = document.get("server") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ConformanceError(
            f"{path.name}: expected `server:` with a list of `scenario` or `scenario:check` (no space "
            "after the colon), got something else: correct the file"
        )
    return tuple(entries)


def read_requirements(revision: str) -> Requirements:
    """Return the scenarios of a revision, from the installed suite."""
    document = yaml.safe_load((SUITE / "requirements" / f"{revision}.yaml").read_text(encoding="utf-8"))
    unscored = {
        each["scenario"]: each["reason"] for each in document["not_scored"] if each["leg"] == "server"
    }
    return Requirements(frozenset(document["server"]), unscored)


def judge(results: Results, entries: Sequence[str]) -> Verdict:
    """Compare results with expected failures, by the suite's own rules.

    An entry for a scenario excuses all its failures, an entry for a check only that check, and an entry for
    something that passed is stale. A missing check does not make its entry stale, because a scenario may end
    early; a missing scenario does.
    """
    whole = {entry for entry in entries if ":" not in entry}
    single = {entry for entry in entries if ":" in entry}
    passed: list[str] = []
    idle: list[str] = []
    expected: list[str] = []
    unexpected: list[str] = []
    stale = [entry for entry in entries if entry.partition(":")[0] not in results]
    for scenario, checks in sorted(results.items()):
        worst = _worst(checks)
        failing = [check for check in worst.values() if check.status in _FAILING]
        good = {name for name, check in worst.items() if check.status == "SUCCESS"}
        if not failing:
            (passed if good - {_IN_EVERY_SCENARIO} else idle).append(scenario)
        if scenario in whole:
            (expected if failing else stale).append(scenario)
            continue
        for check in failing:
            entry = f"{scenario}:{check.name}"
            if entry in single:
                expected.append(entry)
            else:
                unexpected.append(f"{entry}: {check.message or check.status.lower()}")
        stale += sorted(single & {f"{scenario}:{name}" for name in good})
    return Verdict(tuple(passed), tuple(idle), tuple(expected), tuple(unexpected), tuple(stale))


def _worst(checks: Sequence[Check]) -> dict[str, Check]:
    """Return the worst check of each name; checks for information do not count."""
    worst: dict[str, Check] = {}
    for check in checks:
        if check.status == "INFO":
            continue
        worst_so_far = worst.get(check.name)
        if worst_so_far is None or _severity(check) >= _severity(worst_so_far):
            worst[check.name] = check
    return worst


def _severity(check: Check) -> int:
    return _SEVERITY.index(check.status) if check.status in _SEVERITY else -1


def read_results(folder: Path) -> dict[str, list[Check]]:
    """Return the results that the suite has written below a folder."""
    results = {}
    for file in folder.glob("server-*/checks.json"):
        scenario = _STAMP.sub("", file.parent.name).removeprefix("server-")
        checks: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        results[scenario] = [
            Check(each["id"], each["status"], each.get("errorMessage") or "") for each in checks
        ]
    return results


@contextlib.contextmanager
def running(server: Server, log: Path) -> Iterator[str]:
    """Start a server on a free port, yield its URL, and stop it at the end.

    Raises:
        ConformanceError: The server does not start.
    """
    with tempfile.TemporaryDirectory() as folder, log.open("wb") as output:
        ready_file = Path(folder) / "ready.json"
        command = [*server.command, "--port", "0", "--ready-file", str(ready_file), "--log-level", "warning"]
        # In its own folder, so that a developer's .env has no effect.
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            yield _url_of(server, process, ready_file, log)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _url_of(server: Server, process: subprocess.Popen[bytes], ready_file: Path, log: Path) -> str:
    deadline_s = time.monotonic() + _READY_S
    while time.monotonic() < deadline_s and process.poll() is None:
        if ready_file.is_file():
            return str(json.loads(ready_file.read_text(encoding="utf-8"))["url"])
        time.sleep(0.05)
    outcome = "no ready file" if process.poll() is None else f"exit code {process.returncode}"
    raise ConformanceError(
        f"{server.name}: expected it to be ready within {_READY_S:g} s, got {outcome}: see {log}"
    )


def _suite(url: str, folder: Path, expectations: Path, *choice: str) -> int:
    """Run the suite and return its exit code."""
    node = shutil.which("node")
    if node is None:
        raise ConformanceError("expected node on PATH, got none: use `nox -s conformance`, which installs it")
    command = [
        *(node, str(SUITE / "dist" / "index.js"), "server", "--url", url, *choice),
        *("--expected-failures", str(expectations), "--output-dir", str(folder)),
    ]
    with (folder / "suite.log").open("ab") as log:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=_SUITE_S, check=False
        )
    return done.returncode


def _lane_calls(url: str) -> float:
    """Return the number of calls that a server's fast lane has answered."""
    with urllib.request.urlopen(urljoin(url, "/metrics"), timeout=10) as answer:  # noqa: S310 - our own server
        text: str = answer.read().decode()
    match = re.search(r"^mcp_fast_lane_calls_total (\S+)$", text, flags=re.MULTILINE)
    return float(match[1]) if match else 0.0


def examine(server: Server, revision: str, folder: Path) -> Outcome:
    """Start a server and run the suite against it.

    Args:
        server: The server.
        revision: The revision, which decides the wire.
        folder: Folder for the suite's output; emptied first.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    expectations = expectations_file(server.name, revision)
    requirements = read_requirements(revision)
    with running(server, folder / "server.log") as url:
        if server.scenarios is None:
            suites_verdict = _suite(url, folder, expectations, "--requirements", revision)
            judged, compared = requirements.judged, requirements.required
        else:
            judged = compared = frozenset(server.scenarios[revision])
            # One by one, because the suite cannot run a part of a revision's requirements.
            suites_verdict = max(
                _suite(url, folder, expectations, "--scenario", name, "--spec-version", revision)
                for name in server.scenarios[revision]
            )
        lane_calls = _lane_calls(url)
    results = read_results(folder)
    entries = read_expectations(expectations)
    missing = judged - results.keys()
    problems = [f"the suite did not run {name}" for name in sorted(missing)]
    own_verdict = judge({name: results[name] for name in compared - missing}, _entries_for(compared, entries))
    if (suites_verdict == 0) is not own_verdict.is_good:
        problems.append(f"the suite reached another verdict (exit code {suites_verdict}): see suite.log")
    if server.has_lane and not lane_calls:
        problems.append("the fast lane answered none of the calls")
    others = results.keys() - judged
    failed = sum(any(check.status == "FAILURE" for check in results[name]) for name in others)
    verdict = judge({name: results[name] for name in judged - missing}, entries)
    return Outcome(server.name, revision, verdict, (len(others), failed), tuple(problems))


def _entries_for(scenarios: frozenset[str], entries: Sequence[str]) -> list[str]:
    return [entry for entry in entries if entry.partition(":")[0] in scenarios]


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the summary as Markdown."""
    lines = [
        "| server | revision | scenarios passed | failures as expected | unexpected | stale | |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in outcomes:
        verdict = each.verdict
        failing = {name.partition(":")[0] for name in (*verdict.expected, *verdict.unexpected)}
        passed = f"{len(verdict.passed)} of {len(verdict.passed) + len(verdict.idle) + len(failing)}"
        counts = (passed, len(verdict.expected), len(verdict.unexpected), len(verdict.stale))
        cells = (each.server, each.revision, *counts, "good" if each.is_good else "**bad**")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    for each in outcomes:
        lines += _details(each)
    return "\n".join(lines) + "\n"


def _details(outcome: Outcome) -> list[str]:
    parts = (
        ("in doubt", outcome.problems),
        ("unexpected", outcome.verdict.unexpected),
        ("stale: passes or is not run, so remove the entry", outcome.verdict.stale),
        ("as expected", outcome.verdict.expected),
        ("nothing to check", outcome.verdict.idle),
    )
    lines = [f"* {kind}: {' '.join(text.split())}" for kind, texts in parts for text in texts]
    run, failed = outcome.extensions
    if run:
        lines.append(f"* not judged: {failed} of {run} scenarios of optional extensions failed")
    return ["", f"{outcome.server} on {outcome.revision}:", "", *lines] if lines else []


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code: 0 if all results are as expected, else 1."""
    options = _parse(arguments)
    try:
        if not SUITE.is_dir():
            raise ConformanceError(
                "expected the suite in conformance/node_modules, got none: use `nox -s conformance`, which "
                "installs it"
            )
        outcomes = [
            examine(server, revision, options.output_dir / f"{server.name}-{revision}")
            for server in SERVERS
            if server.name in options.server
            for revision in options.revision
        ]
    except (ConformanceError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return 1
    text = summary(outcomes)
    (options.output_dir / "summary.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0 if all(each.is_good for each in outcomes) else 1


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="conformance.py", description="Run the MCP conformance suite against our servers."
    )
    names = [server.name for server in SERVERS]
    parser.add_argument(
        "--server", nargs="+", choices=names, default=names, help="servers to test; default: all"
    )
    parser.add_argument(
        "--revision",
        nargs="+",
        choices=REVISIONS,
        default=list(REVISIONS),
        help="revisions to test; default: both",
    )
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path("results", "conformance"),
        help="folder for logs, checks and summary.md",
    )
    options = parser.parse_args(arguments)
    options.output_dir = options.output_dir.absolute()
    return options


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as an exception, so that the server is stopped
    sys.exit(main(sys.argv[1:]))
