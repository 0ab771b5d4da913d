"""Tasks in order, beside slow ones, under errors and interruption."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from perf_core.errors import Interrupted, TargetError
from perf_core.interruption import Interruption
from perf_core.server.credentials.access import OPEN
from perf_core.targets.discovery import lanes as lanes_module
from perf_core.targets.discovery.calls import USERS, Reach, User
from perf_core.targets.discovery.lanes import MOST_LANES, Lanes


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> tuple[Lanes, Interruption]:
    monkeypatch.setattr(lanes_module, "PATIENCE_S", 0.05)
    monkeypatch.setattr(User, "client", lambda _user: None)
    interruption = Interruption()
    made = Lanes(Reach("http://127.0.0.1:1/mcp", "session", OPEN, 1.0, 1.0), interruption)
    return made, interruption


def test_quick_tasks_run_one_after_another_with_the_same_users(lanes: tuple[Lanes, Interruption]) -> None:
    order: list[int] = []
    users: set[int] = set()

    def task(number: int) -> Callable[..., None]:
        return lambda its_users: (order.append(number), users.add(id(its_users)))

    lanes[0].run(map(task, range(20)))
    assert order == list(range(20))
    assert len(users) == 1


def test_slow_tasks_do_not_hold_up_the_others_and_few_run_at_once(lanes: tuple[Lanes, Interruption]) -> None:
    running, most, go_on, lock = [0], [0], threading.Event(), threading.Lock()
    quick_done: list[int] = []

    def slow(_users: object) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        go_on.wait(10)
        with lock:
            running[0] -= 1

    def release(_users: object) -> None:
        quick_done.append(running[0])
        go_on.set()

    lanes[0].run([slow] * (MOST_LANES - 1) + [release] + [slow] * 5)
    assert quick_done == [MOST_LANES - 1], "beside the slow ones"
    assert most[0] <= MOST_LANES


def test_task_is_waited_for_as_long_as_new_sessions_would_take(
    lanes: tuple[Lanes, Interruption], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session may be the start of a process that takes long."""
    opened, is_open, done = [], threading.Event(), threading.Event()

    def client(_user: User) -> None:
        opened.append(1)
        if len(opened) <= USERS:
            is_open.wait(0.3)

    monkeypatch.setattr(User, "client", client)
    lanes[0].run([lambda _users: done.wait(0.15), lambda _users: None])
    assert len(opened) == USERS, "the second task has the users of the first"
    lanes[0].run([lambda _users: done.wait(0.6), lambda _users: None])
    assert len(opened) == 2 * USERS, "but it does not wait for ever"


def test_error_of_a_task_ends_the_run(lanes: tuple[Lanes, Interruption]) -> None:
    later: list[int] = []

    def broken(_users: object) -> None:
        raise TargetError("gone")

    with pytest.raises(TargetError, match="gone"):
        lanes[0].run([broken, lambda _users: later.append(1)])
    assert later == []


def test_interruption_does_not_wait_for_a_slow_task(lanes: tuple[Lanes, Interruption]) -> None:
    go_on = threading.Event()
    tasks, interruption = lanes

    def slow(_users: object) -> None:
        interruption.requested = True
        go_on.wait(30)

    with pytest.raises(Interrupted):
        tasks.run([slow])
    go_on.set()


def test_sessions_are_opened_at_once_and_before_the_first_task(
    lanes: tuple[Lanes, Interruption], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(3, timeout=10)
    opened: list[User] = []

    def client(user: User) -> None:
        together.wait()
        opened.append(user)

    monkeypatch.setattr(User, "client", client)
    seen: list[int] = []
    lanes[0].run([lambda _users: seen.append(len(opened))])
    assert seen == [3]


def test_session_that_cannot_be_opened_ends_the_run(
    lanes: tuple[Lanes, Interruption], monkeypatch: pytest.MonkeyPatch
) -> None:
    def client(_user: User) -> None:
        raise TargetError("no session")

    monkeypatch.setattr(User, "client", client)
    with pytest.raises(TargetError, match="no session"):
        lanes[0].first_user()


def test_sessions_are_closed_at_once(
    lanes: tuple[Lanes, Interruption], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(3, timeout=10)
    monkeypatch.setattr(User, "close", lambda _user: together.wait())
    with lanes[0]:
        lanes[0].run([lambda _users: None])
    assert not together.broken


def test_lanes_without_a_user_end() -> None:
    with Lanes(Reach("http://127.0.0.1:1/mcp", "session", OPEN, 1.0, 1.0), Interruption()):
        pass
