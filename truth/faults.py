"""Faults of the server of known behaviour: when it answers and how, what it loses, and its sessions."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path

from accounts import Account
from modes import Modes
from queues import Limiter, Pauses, Workers

_PIECE_MB = 0.2
"""Larger than the allocator's threshold for memory that goes back to the system when it is freed (128 kB)."""


class Behaviour:
    """Decides when and how each tool call is answered."""

    def __init__(self, modes: Modes, account: Account) -> None:
        self.modes = modes
        self.account = account
        self._random = random.Random(modes.seed)  # noqa: S311 - draws of latencies, not secrets
        self._free_at = 0.0
        self._in_service = 0
        self._queue: deque[Callable[[], None]] = deque()
        self._spiking = False
        self._spikes = 0
        self._workers = Workers(
            modes.workers,
            modes.service_ms,
            modes.service == "exponential",
            Pauses(modes.stall_s, modes.stall_every_s),
            self._random,
        )
        self._limiter = Limiter(modes.admits_per_s, modes.admits_burst)
        usl = modes.usl.split(",") if modes.usl else []
        self._usl = tuple(map(float, usl)) if usl else None

    def elapsed_s(self) -> float:
        """Return the time since the first tool call."""
        first = self.account.first_call_at
        return time.monotonic() - first if first else 0.0

    def hangs(self) -> bool:
        """Return whether the server has stopped answering."""
        return 0 < self.modes.hang_after_s <= self.elapsed_s()

    def outcome(self, number: int) -> str:
        """Return the fault of the n-th call, or ``right``."""
        modes = self.modes
        if modes.admits_per_s and not self._limiter.admits(time.monotonic()):
            return "http_429"
        if self.elapsed_s() < modes.fails_from_s:
            return "right"
        if modes.fails_above and self.account.in_flight <= modes.fails_above:
            return "right"
        for fault, every in self._periods:
            if number % every == 0:
                return fault
        return "right"

    @functools.cached_property
    def _periods(self) -> list[tuple[str, int]]:
        faults = (
            *("hang", "elicit", "reset", "http_500", "http_503", "http_429", "rpc_error", "is_error"),
            *("soft_error", "wrong", "prefix", "truncate", "garbage", "meta_only", "wrong_id"),
        )
        periods = [(fault, int(getattr(self.modes, f"{fault}_every"))) for fault in faults]
        return [(fault, every) for fault, every in periods if every]

    def serve(self, answer: Callable[[], None], outcome: str = "right") -> None:
        """Call ``answer`` when the call is due; one that is refused does not wait for a worker."""
        modes = self.modes
        if modes.admits_per_s and outcome == "http_429":
            answer()
            return
        if modes.cpu_us:
            burn(modes.cpu_us)
        if modes.fork_cpu_us:
            self._fork(modes.fork_cpu_us)
        if modes.slots:
            self._queue.append(answer)
            self._fill_slots()
            return
        self._later(self._delay_s(), answer)

    def _fill_slots(self) -> None:
        while self._queue and self._in_service < self.modes.slots:
            self._in_service += 1
            self._later(self._delay_s(), functools.partial(self._leave_slot, self._queue.popleft()))

    def _leave_slot(self, answer: Callable[[], None]) -> None:
        self._in_service -= 1
        answer()
        self._fill_slots()

    @staticmethod
    def _later(delay_s: float, answer: Callable[[], None]) -> None:
        if delay_s <= 0:
            answer()
        else:
            asyncio.get_running_loop().call_later(delay_s, answer)

    def _delay_s(self) -> float:
        modes, at_once = self.modes, self.account.in_flight
        if modes.service_ms:
            return self._workers.delay_s(time.monotonic())
        delay_ms = self._drawn_ms()
        if modes.slow_first_s and self.elapsed_s() < modes.slow_first_s:
            delay_ms += modes.slow_first_ms
        if modes.grows_until_s:
            share = min(1.0, self.elapsed_s() / modes.grows_until_s)
            delay_ms += share * (modes.grows_to_ms - modes.latency_ms)
        if modes.ratchet_above:
            delay_ms += self._ratchet_ms(at_once)
        if self._usl is not None:
            rate_per_s, sigma, kappa = self._usl
            factor = 1 + sigma * (at_once - 1) + kappa * at_once * (at_once - 1)
            delay_ms += 1000 * factor / rate_per_s
        if modes.collapse_above and at_once > modes.collapse_above:
            delay_ms += modes.collapse_s * 1000
        delay_s = delay_ms / 1000
        if modes.capacity_per_s:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + 1 / modes.capacity_per_s
            delay_s += self._free_at - now
        return delay_s

    def _drawn_ms(self) -> float:
        modes = self.modes
        if modes.latency == "exponential":
            return self._random.expovariate(1 / modes.latency_ms)
        if modes.latency == "bimodal" and self._random.random() < modes.slow_share:
            return modes.slow_ms
        return modes.latency_ms

    def _ratchet_ms(self, at_once: int) -> float:
        if not self._spiking and at_once > self.modes.ratchet_above:
            self._spiking = True
        elif self._spiking and at_once <= self.modes.ratchet_above // 2:
            self._spiking = False
            self._spikes += 1
        return self._spikes * self.modes.ratchet_ms

    def _fork(self, cpu_us: float) -> None:
        child = os.fork()
        if child == 0:
            burn(cpu_us)
            os._exit(0)
        self.account.forks += 1
        os.waitpid(child, 0)


def burn(cpu_us: float) -> None:
    """Use this much CPU time."""
    until = time.thread_time() + cpu_us / 1e6
    while time.thread_time() < until:
        pass


class Losses:
    """Memory, file descriptors and threads that the server never gives back."""

    def __init__(self, modes: Modes, account: Account) -> None:
        self._modes = modes
        self._account = account
        self._memory: list[bytes] = []
        self._tooth: list[bytes] = []
        self._owed_mb = self._owed_fds = self._owed_threads = 0.0
        self._never = threading.Event()
        self._began = time.monotonic()

    def tick(self, elapsed_s: float) -> None:
        """Lose what is due after another ``elapsed_s``."""
        modes = self._modes
        minutes = elapsed_s / 60
        self._owed_mb += modes.leak_mb_per_min * minutes
        if self._owed_mb >= 0.1:
            self.lose_memory(self._owed_mb)
            self._owed_mb = 0.0
        self._owed_fds += modes.leak_fds_per_min * minutes
        self._owed_threads += modes.leak_threads_per_min * minutes
        while self._owed_fds >= 1:
            self._owed_fds -= 1
            self.lose_fd()
        while self._owed_threads >= 1:
            self._owed_threads -= 1
            self.lose_thread()
        if modes.sawtooth_s:
            self._saw()

    def after_call(self, number: int) -> None:
        """Lose what the n-th call loses."""
        modes = self._modes
        if modes.leak_kb_per_call:
            self.lose_memory(modes.leak_kb_per_call / 1000)
        if modes.leak_fd_every and number % modes.leak_fd_every == 0:
            self.lose_fd()
        if modes.leak_thread_every and number % modes.leak_thread_every == 0:
            self.lose_thread()

    def lose_memory(self, mb: float) -> None:
        """Keep memory, all of it written to, so that it is resident."""
        self._memory.append(b"x" * int(mb * 1e6))
        self._account.leaked["mb"] += mb  # type: ignore[assignment] # a float count

    def lose_fd(self) -> None:
        """Open a file and forget it."""
        os.open(os.devnull, os.O_RDONLY)
        self._account.leaked["fds"] += 1

    def lose_thread(self) -> None:
        """Start a thread that waits for ever."""
        threading.Thread(target=self._never.wait, daemon=True).start()
        self._account.leaked["threads"] += 1

    def _saw(self) -> None:
        modes = self._modes
        into_s = (time.monotonic() - self._began) % modes.sawtooth_s
        pieces = int(modes.sawtooth_mb * into_s / modes.sawtooth_s / _PIECE_MB)
        if pieces < len(self._tooth):
            self._tooth.clear()
        self._tooth += [b"x" * int(_PIECE_MB * 1e6) for _ in range(pieces - len(self._tooth))]


class Sessions:
    """Open sessions by id, each with the calls it has made and its memory."""

    def __init__(self, modes: Modes, account: Account) -> None:
        self._modes = modes
        self._account = account
        self._calls: dict[str, int] = {}
        self._memory: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, session: str) -> bool:
        return session in self._calls

    def open(self) -> str:
        """Return the id of a new session."""
        session = uuid.uuid4().hex
        self._calls[session] = 0
        self._account.sessions_opened += 1
        if self._modes.session_mb:
            self._memory[session] = b"x" * int(self._modes.session_mb * 1e6)
        return session

    def delete(self, session: str) -> None:
        """Delete a session, unless the server keeps them."""
        self._account.sessions_deleted += 1
        if not self._modes.keep_sessions:
            self._forget(session)

    def use(self, session: str) -> None:
        """Count a call in a session, which may be its last."""
        self._calls[session] += 1
        if 0 < self._modes.lose_session_after <= self._calls[session]:
            self._account.sessions_lost += 1
            self._forget(session)

    def _forget(self, session: str) -> None:
        self._calls.pop(session, None)
        self._memory.pop(session, None)


class App:
    """State of the server, shared by its connections."""

    def __init__(self, modes: Modes, truth_file: Path | None) -> None:
        self.modes = modes
        self.account = Account()
        self.uncounted = Account()
        self.behaviour = Behaviour(modes, self.account)
        self.losses = Losses(modes, self.account)
        self.sessions = Sessions(modes, self.account)
        self.asked = itertools.count(1)
        self._truth_file = truth_file

    def server_info(self) -> dict[str, str]:
        """Return name and version, which may have changed."""
        renamed = 0 < self.modes.rename_after <= self.account.received
        return {"name": "renamed" if renamed else "faulty", "version": "1"}

    def write_truth(self) -> None:
        """Append the account to the file, if there is one."""
        self.account.write(self._truth_file)
