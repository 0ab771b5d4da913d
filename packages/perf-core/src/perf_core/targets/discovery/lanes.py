"""Calls one after another, as an idle server needs them, except that slow ones do not hold up the others."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from perf_core.interruption import Interruption
from perf_core.targets.discovery.calls import USERS, Reach, User, users_of

Task = Callable[[tuple[User, ...]], None]
"""Work of one lane, with the users of that lane."""

MOST_LANES = 4
PATIENCE_S = 1.0
"""Time after which the next task starts beside a slow one."""

_POLL_S = 0.05


class Budget:
    """A time limit over several steps, from its creation."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Time since its creation."""
        return time.monotonic() - self._began

    @property
    def left_s(self) -> float:
        """Time until the limit; negative beyond it."""
        return self.limit_s - self.elapsed_s


class Lanes:
    """Runs tasks in order. While one takes longer than a second, up to three others run beside it.

    Those need sessions of their own: where sessions take long to open, as those of a server on stdio that
    starts slowly, a task may take as long before others run beside it.

    To be used as a context manager, which deletes the sessions of its users at the end.

    Args:
        users: Users of each lane, each with a session.
    """

    def __init__(self, reach: Reach, interruption: Interruption, *, users: int = USERS) -> None:
        self._make = functools.partial(users_of, reach, users)
        self._interruption = interruption
        self._idle: list[tuple[User, ...]] = []
        self._failures: list[Exception] = []
        self._open_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        # The users of a task that an interruption left behind are still at work.
        users = [user for of_lane in self._idle for user in of_lane]
        # At once: a server that hangs lets each of them wait.
        with ThreadPoolExecutor(max(1, len(users))) as pool:
            list(pool.map(User.close, users))

    def first_user(self) -> User:
        """Return a user, to look around before the first task."""
        users = self._users()
        self._idle.append(users)
        return users[0]

    def run(self, tasks: Iterable[Task]) -> None:
        """Run all tasks.

        Raises:
            Interrupted: The user asked to stop; calls under way end by themselves, within their limit.
            TargetError: The server opens no session any more.
        """
        running: list[threading.Thread] = []
        for task in tasks:
            while len(running) >= MOST_LANES:
                running = self._wait(running, _POLL_S)
            thread = threading.Thread(target=self._run, args=(task, self._users()), daemon=True)
            thread.start()
            thread.join(PATIENCE_S)
            self._wait_for_users(thread)
            running = self._wait([*running, thread], 0.0)
        while running:
            running = self._wait(running, _POLL_S)

    def _wait_for_users(self, thread: threading.Thread) -> None:
        """Wait for the users of a task, for as long as it would take to open sessions for others."""
        deadline = time.monotonic() + self._open_s - PATIENCE_S
        while thread.is_alive() and not self._idle and time.monotonic() < deadline:
            self._wait([thread], _POLL_S)

    def _wait(self, threads: list[threading.Thread], wait_s: float) -> list[threading.Thread]:
        threads[0].join(wait_s)
        self._interruption.check()
        if self._failures:
            raise self._failures[0]
        return [thread for thread in threads if thread.is_alive()]

    def _users(self) -> tuple[User, ...]:
        if self._idle:
            return self._idle.pop()
        users, began = self._make(), time.monotonic()
        # Sessions are opened before the first task: on stdio that takes the start of a process, which would
        # make the task look slow.
        opening = [threading.Thread(target=self._open, args=(user,), daemon=True) for user in users]
        for thread in opening:
            thread.start()
        while opening:
            opening = self._wait(opening, _POLL_S)
        self._open_s = max(self._open_s, time.monotonic() - began)
        return users

    def _open(self, user: User) -> None:
        try:
            user.client()
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            self._failures.append(error)

    def _run(self, task: Task, users: tuple[User, ...]) -> None:
        try:
            task(users)
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            self._failures.append(error)
        finally:
            self._idle.append(users)
