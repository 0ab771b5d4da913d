"""Starts of one or several servers, in rounds: each round starts each server once, in rotating order."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from perf_core.analysis.cold_start import CACHES, Cache, ColdStart, ServerStarts, StartRatio, health_of
from perf_core.comparison.intervals import estimate
from perf_core.errors import Interrupted, TargetError
from perf_core.results.manifest import commit, machine
from perf_core.runs.cold_start.prepare import Effort, Preparation, PreparedServer
from perf_core.server.credentials.masking import masked_command
from perf_core.server.subject import Subject

FEWEST_STARTS = 2
"""Fewest starts for which anything is reported: a spread takes two."""

Figure = Literal["ready_s", "cpu_s"]
FIGURES: tuple[Figure, ...] = ("ready_s", "cpu_s")
"""Figures by which servers are compared: on a busy machine the CPU time says more."""

_LEVEL = 0.95


def measure(subjects: Sequence[Subject], preparation: Preparation, manifest: dict[str, Any]) -> ColdStart:
    """Start servers again and again, and return the times until their first answers.

    An interruption ends it early; what was measured before counts.

    Args:
        subjects: Servers that the lab can start, with their calls; those without calls are asked for none.
        manifest: Circumstances to be kept with the figures.

    Raises:
        TargetError: A server does not start or answer at all, or cannot be started by the lab.
        Interrupted: The user interrupted before there were :data:`FEWEST_STARTS` starts of each server.
    """
    started_at, began_s = datetime.now(UTC), time.monotonic()
    servers = [preparation.prepare(subject) for subject in subjects]
    try:
        # Cold starts come last: those of one server evict files that others share.
        for cache in preparation.effort.caches:
            _start_all(servers, cache, preparation)
    except Interrupted:
        if any(len(server.starts) < FEWEST_STARTS for server in servers):
            raise
        for server in servers:
            server.remarks.append(f"interrupted after {len(server.starts)} starts")
    results = tuple(server.result() for server in servers)
    health, reasons = health_of([start for each in results for start in each.starts])
    return ColdStart(
        started_at.isoformat(timespec="seconds"),
        round(time.monotonic() - began_s, 1),
        results,
        tuple(_ratios(results)),
        health,
        reasons,
        manifest,
    )


def manifest_of(effort: Effort, versions: dict[str, str]) -> dict[str, Any]:
    """Return the circumstances of a measurement: machine, versions, settings, commit and command."""
    return {
        "machine": machine(),
        "versions": versions,
        "settings": {
            "starts": effort.starts,
            "caches": list(effort.caches),
            "drop_caches": effort.drop_caches,
            "seed": effort.seed,
        },
        "commit": commit(Path.cwd()),
        "command": ["perf-core", *masked_command(sys.argv[1:])],
    }


def _start_all(servers: Sequence[PreparedServer], cache: Cache, preparation: Preparation) -> None:
    effort = preparation.effort
    able = [server for server in servers if cache in server.caches]
    for number in range(effort.starts):
        # Nobody is always the first, whose files the others share.
        at = number % max(1, len(able))
        for server in (*able[at:], *able[:at]):
            preparation.on_progress(f"{cache} start {number + 1} of {effort.starts}", number / effort.starts)
            preparation.interruption.check()
            if cache == "cold":
                server.evict_files(effort)
            try:
                start, _ = server.starter.start(cache, number)
            except TargetError as error:
                server.failures.append(f"{cache} start {number + 1}: {error.message}")
                if len(server.failures) > effort.starts // 2:
                    raise
            else:
                server.starts.append(start)


def _ratios(servers: Sequence[ServerStarts]) -> Iterator[StartRatio]:
    """Yield how much more than the first server each other one takes, with each state of the cache."""
    first, *others = servers
    for figure in FIGURES:
        for cache in CACHES:
            for other in others:
                before, after = _by_round(first, cache, figure), _by_round(other, cache, figure)
                rounds = sorted(before.keys() & after.keys())
                mean = estimate([[math.log(after[each] / before[each])] for each in rounds])
                if mean is not None:
                    low, high = mean.interval(_LEVEL)
                    yield StartRatio(
                        figure, cache, other.name, first.name, mean.ratio, low, high, len(rounds)
                    )


def _by_round(server: ServerStarts, cache: Cache, figure: Figure) -> dict[int, float]:
    values = {start.round: getattr(start, figure) for start in server.starts if start.cache == cache}
    return {number: value for number, value in values.items() if value}
