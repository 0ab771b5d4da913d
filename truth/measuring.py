"""Measures one server of the catalogue with the lab, and puts the truth beside the record."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from checks import Result, read_truth
from modes import Modes
from servers import Call, Pair, Row

from perf_core.adapter import Expectation, Journey, Launch, Pools, Scenario, Step
from perf_core.comparison.contenders import Contender
from perf_core.comparison.model import Bars
from perf_core.interruption import Interruption, OnProgress
from perf_core.runs.compare import Effort, Workload, compare
from perf_core.runs.measure import Options, measure
from perf_core.runs.questions import prepare
from perf_core.scenarios import further_scenarios, with_pools_by_tool
from perf_core.server.subject import DerivedAdapter, Subject

SERVER = Path(__file__).parent / "faulty_server.py"
_ATTEMPTS = 3
_JOURNEYS = 2000
_HOGS = 3
_STOPPED_S = 4.0
_LONGEST_DISTURBANCE_S = 60.0


def measure_row(row: Row, folder: Path, interruption: Interruption) -> Result:
    """Run one row and compare the record with the truth.

    A run of which the lab itself says that the machine was busy is repeated, unless that is the row's point.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        result = replace(_measured(row, folder, interruption), attempts=attempt)
        if result.is_right or row.disturbance or result.health not in {"bounded", "invalid"}:
            break
    return result


def _measured(row: Row, folder: Path, interruption: Interruption) -> Result:
    began = time.monotonic()
    with ExitStack() as stack:
        truth_file = Path(stack.enter_context(TemporaryDirectory())) / "truth.jsonl"
        modes = row.modes
        on_progress: OnProgress = _no_progress
        if row.disturbance == "foreign server":
            modes = Modes(foreign_url=stack.enter_context(_running_server(row.modes, truth_file.parent)))
        elif row.disturbance == "hogs":
            stack.enter_context(_hogs())
        elif row.disturbance == "stopped generator":
            on_progress = StoppedGenerator().on_progress
        subject = row_subject(row, modes, truth_file)
        scenario = subject.adapter.scenarios[row.scenario]
        question = prepare(subject, scenario, row.wire, row.settings)
        run = measure(question, Options(folder), interruption=interruption, on_progress=on_progress)
        truth, record = read_truth(truth_file), run.record
    lines = tuple(check(truth, record) for check in row.checks)
    remark = _remark(row.reason, record.reasons)
    return Result(
        row.name,
        row.scenario,
        row.verdicts,
        record.verdict,
        record.reasons,
        lines,
        remark,
        time.monotonic() - began,
        str(run.folder),
        record.health.state if record.health else "",
    )


def measure_pair(pair: Pair, folder: Path, interruption: Interruption) -> Result:
    """Compare two servers of known difference."""
    began = time.monotonic()
    row = Row(pair.name, pair.a, (), ())
    with TemporaryDirectory() as temporary:
        files = {side: Path(temporary) / f"{side}.jsonl" for side in ("a", "b")}
        contenders = [
            Contender(side, row_subject(row, modes, files[side]), "session")
            for side, modes in (("a", pair.a), ("b", pair.b))
        ]
        done = compare(
            contenders,
            Workload(contenders[0].subject.adapter.scenarios["quick"]),
            Effort(launches=pair.launches, pairs=pair.pairs),
            bars=Bars(),
            output_dir=folder,
            interruption=interruption,
            on_progress=_no_progress,
        )
        truths = (read_truth(files["a"]), read_truth(files["b"]))
    comparison = done.comparison
    lines = tuple(check(*truths, comparison) for check in pair.checks)
    return Result(
        pair.name,
        "compare",
        pair.verdicts,
        comparison.verdict,
        comparison.reasons,
        lines,
        _remark(pair.reason, comparison.reasons),
        time.monotonic() - began,
        str(done.folder),
    )


def _remark(pattern: str, reasons: tuple[str, ...]) -> str:
    if not pattern or any(re.search(pattern, reason, re.IGNORECASE) for reason in reasons):
        return ""
    return f"expected a reason with {pattern}, got {'; '.join(reasons) or 'none'}"


def row_subject(row: Row, modes: Modes, truth_file: Path | None = None) -> Subject:
    """Return the server of a row, with the modes in place of its own."""
    truth = ("--truth-file", str(truth_file.absolute())) if truth_file else ()
    counted = replace(modes, counted_agent="k6")
    argv = (sys.executable, str(SERVER), "--ready-file", "{ready_file}", *truth, *counted.words())
    names = ("quick", "load", "stress", "spike", "memory", "cleanup", "endurance", "concurrent")

    def journeys(seed: int) -> Pools:
        return with_pools_by_tool(_journeys(row.call, seed))

    targets = {row.scenario: row.targets}
    # The longer of the scenario's timeout and that of the settings applies.
    scenarios: dict[str, Scenario] = further_scenarios(
        dict.fromkeys(names, journeys), targets, request_timeout_s=row.settings.request_timeout_s
    )
    adapter = DerivedAdapter("faulty", None, Launch(argv, stop_timeout_s=5.0), scenarios)
    return Subject(adapter)


def _journeys(call: Call, seed: int) -> list[Journey]:
    draw = random.Random(seed)  # noqa: S311 - a draw of load, not a secret
    journeys = []
    for number in range(_JOURNEYS):
        a, b = draw.randrange(1000), draw.randrange(1000)
        if call == "add":
            step = Step("add", {"a": a, "b": b}, Expectation.result({"result": a + b}))
        elif call == "echo":
            step = Step("echo", {"text": f"text {number}"}, Expectation.text(f"text {number}"))
        elif call == "fail":
            step = Step("fail", {}, Expectation.error())
        else:
            step = Step("add", {"a": a, "b": b}, Expectation.anything())
        journeys.append(Journey(step.tool, (step,)))
    return journeys


def _no_progress(_step: str, _share: float | None) -> None:
    return


@contextmanager
def _running_server(modes: Modes, folder: Path) -> Iterator[str]:
    """Yield the URL of a server that is no child of the lab's own server."""
    ready_file = folder / "foreign.json"
    command = [sys.executable, str(SERVER), "--ready-file", str(ready_file), *modes.words()]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while not ready_file.exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            yield str(json.loads(ready_file.read_text(encoding="utf-8"))["url"])
        finally:
            process.terminate()


@contextmanager
def _hogs() -> Iterator[None]:
    """Keep all CPUs busy; each hog also ends by itself."""
    until = f"time.monotonic() + {_LONGEST_DISTURBANCE_S}"
    source = f"import time\nuntil = {until}\nwhile time.monotonic() < until: pass"
    hogs = [subprocess.Popen([sys.executable, "-c", source]) for _ in range(_HOGS)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.terminate()
        for hog in hogs:
            hog.wait(10)


@dataclass
class StoppedGenerator:
    """Stops k6 once, in the middle of its load, and lets it go on after four seconds."""

    _is_done: bool = field(default=False)

    def on_progress(self, step: str, share: float | None) -> None:
        """Stop k6 when a third of the load is over."""
        if self._is_done or step != "load" or share is None or share < 0.35:
            return
        self._is_done = True
        for child in psutil.Process().children():
            if child.name() == "k6":
                child.send_signal(signal.SIGSTOP)
                threading.Timer(_STOPPED_S, _continue(child)).start()


def _continue(process: psutil.Process) -> Callable[[], None]:
    def send() -> None:
        if process.is_running():
            process.send_signal(signal.SIGCONT)

    return send
