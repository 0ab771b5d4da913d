"""Kill processes of the server under attack with SIGKILL, and only those that descend from it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence

import psutil
from tallies import Kill

SETTLED_S = 15.0
"""Time after a kill for which it may explain a broken connection."""


class Killer:
    """Kills processes at even intervals.

    Args:
        root: Process id of the server.
        patterns: Texts in the command lines of processes that are replaced when they end.
        interval_s: Time between two kills.
    """

    def __init__(self, root: int, patterns: Sequence[str], interval_s: float, seed: int) -> None:
        self._root = root
        self._patterns = patterns
        self._interval_s = interval_s
        self._rng = random.Random(f"{seed} kills")
        self._kills: list[Kill] = []

    @property
    def kills(self) -> tuple[Kill, ...]:
        """Processes killed so far."""
        return tuple(self._kills)

    def killed_lately(self) -> bool:
        """Return whether a kill may explain a connection that breaks now."""
        return bool(self._kills) and time.monotonic() - self._kills[-1].at_s < SETTLED_S

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Kill one process per interval, until `is_over`."""
        next_s = time.monotonic() + self._interval_s
        while not is_over():
            await asyncio.sleep(min(1.0, max(0.0, next_s - time.monotonic())))
            if time.monotonic() >= next_s and not is_over():
                next_s += self._interval_s
                self._kill_one()

    def _kill_one(self) -> None:
        candidates = victims(self._root, self._patterns)
        if not candidates:
            return
        # One of each kind is as likely as one of another, however many there are.
        process = self._rng.choice(candidates[self._rng.choice(sorted(candidates))])
        with contextlib.suppress(psutil.NoSuchProcess):
            at_s = time.monotonic()
            process.kill()
            self._kills.append(Kill(at_s, f"{process.pid}"))


def victims(root: int, patterns: Sequence[str]) -> dict[str, list[psutil.Process]]:
    """Return the descendants of a process whose command line has a pattern, by pattern."""
    matches: dict[str, list[psutil.Process]] = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(root).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                command = " ".join(process.cmdline())
                for pattern in patterns:
                    if pattern in command:
                        matches.setdefault(pattern, []).append(process)
    return matches
