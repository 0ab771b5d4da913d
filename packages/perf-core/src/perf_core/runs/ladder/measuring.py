"""Measuring the cost ladder of an app: its processes, rounds in random order, and the document."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from perf_core.analysis.ladder import calls_in_round, estimate, machine_health
from perf_core.errors import NotAskable, TargetError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load.placeholders import filled
from perf_core.results.ladder import Ladder, LeftOutRung, Rung
from perf_core.results.manifest import commit, machine
from perf_core.runs.drawn import with_drawn_calls
from perf_core.runs.ladder.app_process import AppProcess
from perf_core.runs.ladder.http_caller import HttpCaller
from perf_core.sampling.machine import MachineMeter
from perf_core.targets.apps import AppPlace
from perf_core.targets.bare import bare_url
from perf_core.targets.discovery.discover import DrawOptions

TITLES: Mapping[str, str] = {
    "function": "bare function",
    "validation": "validation",
    "tool": "tool",
    "server": "server",
    "session": "session in memory",
    "app": "HTTP app, no socket",
    "http": "HTTP, one user",
}
"""Titles of the rungs by key, in order."""

MEANINGS: Mapping[str, str] = {
    "function": "the tool's Python function, called with arguments of its own types",
    "validation": "pydantic validates the arguments and calls the function",
    "tool": "the tool's run method: validation, the function (in a thread if it is not async), and the "
    "conversion of its result",
    "server": "the app's call_tool: finds the tool and passes middleware",
    "session": "a client in memory: both ends of a session in one process, which HTTP has apart, so that the "
    "next rung may cost less",
    "app": "the app's ASGI app with its default settings, called with scope, receive and send: no client, no "
    "uvicorn, no socket",
    "http": "a request over a socket to a uvicorn in a process of its own, without an access log: CPU of the "
    "server alone, time as a client sees it that costs next to nothing",
}
"""Descriptions of a call through each rung."""

_CALL_LIMIT_S = 60.0
_FASTEST_S = 1e-7
_CALIBRATION_CALLS = 3


@dataclass(frozen=True)
class Request:
    """A ladder to measure, as on the command line.

    Attributes:
        python: Interpreter of the app.
        tool: Tool to call; empty for one that only reads.
        arguments: Its arguments; None to draw them.
        rounds: Number of rounds.
    """

    place: AppPlace
    python: str
    tool: str = ""
    arguments: Mapping[str, Any] | None = None
    allow_writes: bool = False
    rounds: int = 15
    seed: int = 1


@dataclass(frozen=True)
class _Timing:
    """Cost of one call in one round, in seconds, and the number of calls."""

    wall_s: float
    cpu_s: float
    calls: int


def measure_ladder(
    request: Request, folder: Path, *, interruption: Interruption, on_progress: OnProgress
) -> Ladder:
    """Measure every layer of an app around one tool.

    Args:
        folder: Folder of the result, which gets the output of the app.

    Raises:
        UsageError: The tool does not exist.
        TargetError: The app cannot be loaded or called.
        Interrupted: The user asked to stop.
    """
    started_at = datetime.now(UTC)
    on_progress(f"loading {request.place.name}", None)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            AppProcess(
                request.python,
                request.place,
                folder / "server.log",
                interruption=interruption,
                serves=True,
            )
        )
        port, path = int(server.hello["port"]), str(server.hello["path"])
        tool, arguments = _call(request, f"http://127.0.0.1:{port}{path}", interruption, on_progress)
        app = stack.enter_context(
            AppProcess(request.python, request.place, folder / "app.log", interruption=interruption)
        )
        prepared = app.ask("prepare", 7 * _CALL_LIMIT_S, tool=tool, arguments=arguments)
        caller = stack.enter_context(HttpCaller(port, path, tool, arguments))
        caller.expect_right()
        rungs: dict[str, Callable[[int], _Timing]] = {
            name: _in_process(app, name) for name in prepared["layers"]
        }
        rungs["http"] = lambda calls: _over_http(server, caller, calls)
        if len(rungs) == 1:
            reasons = "; ".join(f"{TITLES[name]}: {why}" for name, why in prepared["left_out"].items())
            raise NotAskable(
                f"no layer of {request.place.name} could be measured apart: {reasons}",
                "Choose another tool with --tool.",
            )
        meter = MachineMeter()
        before, began, own_s = meter.read(), time.monotonic(), server.cpu_s() + app.cpu_s()
        timings = _rounds(rungs, request, interruption, on_progress)
        after, elapsed_s = meter.read(), time.monotonic() - began
        own_s = server.cpu_s() + app.cpu_s() - own_s
        if before is not None and after is not None:
            own_s += after.lab_cpu_s - before.lab_cpu_s
        hello = app.hello
    return Ladder(
        target=request.place.name,
        tool=tool,
        arguments=json.dumps(arguments, ensure_ascii=False),
        started_at=started_at.isoformat(timespec="seconds"),
        rungs=tuple(_rung(key, timings[key]) for key in TITLES if key in timings),
        manifest={
            "machine": machine(),
            "commit": commit(Path.cwd()),
            "app": {"name": hello["name"], "python": hello["python"], **hello["versions"]},
        },
        effort={"rounds": request.rounds, "seed": request.seed},
        left_out=tuple(LeftOutRung(TITLES[name], why) for name, why in prepared["left_out"].items()),
        health=machine_health(before, after, elapsed_s=elapsed_s, own_s=own_s),
    )


def interpreter(python: str | None, default: str) -> str:
    """Return the interpreter that was named, or the lab's own.

    Raises:
        TargetError: There is no such program.
    """
    if python is None:
        return default
    path = shutil.which(python)
    if path is None:
        raise TargetError(
            f"--python: expected an interpreter, got {python!r}, which is none",
            "Give its path, such as .venv/bin/python.",
        )
    return path


def _call(
    request: Request, url: str, interruption: Interruption, on_progress: OnProgress
) -> tuple[str, dict[str, Any]]:
    """Return the tool and the arguments: those of the user, or the first that the app answers."""
    if request.tool and request.arguments is not None:
        return request.tool, dict(request.arguments)
    only = (request.tool,) if request.tool else ()
    options = DrawOptions(seed=request.seed, allow_writes=request.allow_writes, only=only)
    discovered = with_drawn_calls(
        bare_url(url), None, options, interruption=interruption, on_progress=on_progress
    )
    step = filled(discovered.calls[0].step, {"unique": uuid4().hex[:16]})
    return step.tool, dict(step.arguments)


def _in_process(app: AppProcess, layer: str) -> Callable[[int], _Timing]:
    def run(calls: int) -> _Timing:
        answer = app.ask("time", _CALL_LIMIT_S * (1 + calls), layer=layer, loops=calls)
        return _Timing(answer["wall_s"], answer["cpu_s"], calls)

    return run


def _over_http(server: AppProcess, caller: HttpCaller, calls: int) -> _Timing:
    try:
        caller.call()
        cpu_s, wall_s = server.cpu_s(), time.perf_counter()
        for _ in range(calls):
            caller.call()
        return _Timing(time.perf_counter() - wall_s, server.cpu_s() - cpu_s, calls)
    except OSError as error:
        raise TargetError(f"the app gave no answer over HTTP: {error}") from error


def _rounds(
    rungs: Mapping[str, Callable[[int], _Timing]],
    request: Request,
    interruption: Interruption,
    on_progress: OnProgress,
) -> dict[str, list[_Timing]]:
    """Return the timings of all rounds; in each, the rungs come in a random order."""
    order = random.Random(request.seed)  # noqa: S311 - no secret
    calls = {}
    for key, run in rungs.items():
        interruption.check()
        trial = run(_CALIBRATION_CALLS)
        call_s = max(trial.wall_s / _CALIBRATION_CALLS, _FASTEST_S)
        # Three calls of a fast function are mostly the clock's own time.
        first = run(calls_in_round(call_s, 0.02))
        calls[key] = calls_in_round(first.wall_s / first.calls)
    timings: dict[str, list[_Timing]] = {key: [] for key in rungs}
    for number in range(request.rounds):
        on_progress(f"round {number + 1} of {request.rounds}", number / request.rounds)
        for key in order.sample(list(rungs), len(rungs)):
            interruption.check()
            timings[key].append(rungs[key](calls[key]))
    return timings


def _rung(key: str, timings: list[_Timing]) -> Rung:
    return Rung(
        key=key,
        title=TITLES[key],
        meaning=MEANINGS[key],
        cpu_us=estimate([timing.cpu_s / timing.calls * 1e6 for timing in timings]),
        wall_us=estimate([timing.wall_s / timing.calls * 1e6 for timing in timings]),
    )
