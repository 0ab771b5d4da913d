"""Repetitions of each call from other sessions, which show how much of its answer is stable."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from perf_core.targets.discovery.calls import USERS, User
from perf_core.targets.discovery.explore import Call, Trial
from perf_core.targets.discovery.lanes import MOST_LANES, PATIENCE_S, Budget, Lanes, Task

APART_S = 1.2
"""Least time between the first and the third answer to a call: many clocks and counters count seconds."""

_SAMPLES_OF_TOOL = 12
_SAMPLES_OF_VARYING = 8
"""Answers to each call of a tool whose answers vary: three throws of a die are often the same."""

_FURTHER_S = 10.0
_QUICK_S = 0.25


class Repeater:
    """Asks for each call again, the first call of each tool before the others.

    Each call is made from three sessions. Tools with few calls, and those whose answers vary, are asked more
    often, as far as they are quick: what is drawn at random may be the same three times.
    """

    def __init__(self, trials: Sequence[Trial], budget: Budget, on_step: Callable[[], None]) -> None:
        self._trials = trials
        self._budget = budget
        self._on_step = on_step

    def repeat(self, lanes: Lanes) -> None:
        """Add answers to the calls that are worth keeping, until the time is used up."""
        kept = [trial.useful for trial in self._trials]
        first = [calls[0] for calls in kept if calls]
        others = list(itertools.chain.from_iterable(calls[1:] for calls in kept))
        for calls in (*_batches(first), *_batches(others)):
            # Backwards at first: then an answer that depends on the calls before it is another.
            lanes.run(self._tasks(calls[::-1], 1))
            lanes.run(self._tasks(calls, 2))
        lanes.run(self._further_tasks())

    def repeat_once(self, lanes: Lanes) -> None:
        """Add one answer to each call that is quick and has always been answered."""
        kept = [[call for call in trial.useful if call.took_s <= PATIENCE_S] for trial in self._trials]
        first = [calls[0] for calls in kept if calls]
        others = list(itertools.chain.from_iterable(calls[1:] for calls in kept))
        lanes.run(self._task(call, 0) for call in (*first, *others) if self._may_repeat(call))

    def _may_repeat(self, call: Call) -> bool:
        return self._budget.left_s > 0 and len(call.answers) >= USERS and call.answers[-1].is_right

    def _tasks(self, calls: Sequence[Call], user: int) -> Iterator[Task]:
        for call in calls:
            if self._budget.left_s > 0 and call.answers[-1].is_right and len(call.answers) == user:
                yield self._task(call, user)
                self._on_step()

    def _task(self, call: Call, user: int) -> Task:
        def ask(users: tuple[User, ...]) -> None:
            _wait_until_apart(call, user)
            call.answers.append(users[user % USERS].call(call.tool.name, call.arguments))

        return ask

    def _further_tasks(self) -> Iterator[Task]:
        ends_at_s = min(self._budget.limit_s, self._budget.elapsed_s + _FURTHER_S)
        for trial in self._trials:
            calls = [call for call in trial.useful if len(call.answers) >= USERS]
            if not calls or not trial.tool.read_only or max(call.took_s for call in calls) > _QUICK_S:
                continue
            samples = -(-_SAMPLES_OF_TOOL // len(calls))
            if any(_varies(call) for call in calls):
                samples = max(samples, _SAMPLES_OF_VARYING)
            for call in calls:
                for number in range(len(call.answers), samples):
                    if self._budget.elapsed_s < ends_at_s and call.answers[-1].is_right:
                        yield self._task(call, number)


def _batches(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """Yield the quick calls, then those of up to a second, and then the slow ones, a few at a time.

    The time may end in between: then some calls have all their answers, not all calls some of them.
    """
    yield [call for call in calls if call.took_s <= _QUICK_S]
    yield [call for call in calls if _QUICK_S < call.took_s <= PATIENCE_S]
    slow = sorted((call for call in calls if call.took_s > PATIENCE_S), key=lambda call: call.took_s)
    for start in range(0, len(slow), MOST_LANES):
        yield slow[start : start + MOST_LANES]


def _wait_until_apart(call: Call, user: int) -> None:
    if user != USERS - 1:
        return
    asked_before_s = (datetime.now(UTC) - call.answers[0].ended_at).total_seconds()
    if asked_before_s < APART_S:
        time.sleep(APART_S - asked_before_s)


def _varies(call: Call) -> bool:
    return len({json.dumps(answer.result, sort_keys=True) for answer in call.answers}) > 1
