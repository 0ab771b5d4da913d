"""A ladder: one kind of unit repeated in even steps, until its memory is known, or a limit is reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from perf_core.analysis.session_memory import (
    FEWEST_LARGE_STEPS,
    FEWEST_STEPS,
    Estimate,
    memory_per_unit,
    thinned,
)
from perf_core.interruption import Interruption
from perf_core.load.session_clients import Reply, SessionClient
from perf_core.results.session_costs import Answer, Ladder, LadderEnd, LadderName, Step
from perf_core.runs.session_cost.watch import Watch
from perf_core.server.interruptible import GRACE_S

Unit = Callable[[SessionClient], Awaitable[Reply]]

MOST_STEPS = 64
"""Steps beyond which every other one is dropped, and the next ones are twice as long."""

_JUDGED_EVERY = 8
_POLL_S = 0.05
_MOST_FAILURES = 8
"""Units in a row without any answer after which nobody waits for more."""


@dataclass(frozen=True)
class Limits:
    """Limits of one ladder.

    Attributes:
        most_units: Most units.
        until_s: Time at which it ends, on the monotonic clock.
        memory_kb: Growth of the server beyond which it ends.
        units_per_step: Units of the first steps.
        large_steps: Whether each step takes seconds and adds much, so that a few are enough.
        is_enough: Whether a slope needs no more units.
    """

    most_units: int
    until_s: float
    memory_kb: float = float("inf")
    units_per_step: int = 4
    large_steps: bool = False
    is_enough: Callable[[Estimate], bool] = lambda estimate: estimate.is_precise

    @property
    def fewest_steps(self) -> int:
        """Steps before a slope is judged."""
        return FEWEST_LARGE_STEPS if self.large_steps else FEWEST_STEPS


@dataclass
class Tally:
    """Answers by request and status, each with the first example."""

    answers: dict[tuple[str, int], Answer] = field(default_factory=dict)

    def add(self, reply: Reply) -> None:
        """Count an answer."""
        key = reply.request, reply.status
        earlier = self.answers.get(key)
        if earlier is None:
            self.answers[key] = Answer(reply.request, reply.status, 1, reply.excerpt, reply.retry_after)
        else:
            self.answers[key] = replace(
                earlier, count=earlier.count + 1, excerpt=earlier.excerpt or reply.excerpt
            )

    def all(self) -> tuple[Answer, ...]:
        """Return the answers, the most frequent first."""
        return tuple(sorted(self.answers.values(), key=lambda answer: -answer.count))


@dataclass
class Climb:
    """One ladder while it is climbed.

    Attributes:
        is_expected: Whether an answer is one after which the ladder goes on.
        on_doubled: Asked when the ladder has become twice as long; the reason for which it must end, if any.
    """

    name: LadderName
    unit: Unit
    requests_per_unit: int
    limits: Limits
    is_expected: Callable[[Reply], bool] = lambda reply: reply.is_success
    on_doubled: Callable[[], Awaitable[LadderEnd | None]] | None = None
    tally: Tally = field(default_factory=Tally)
    _failures: int = 0

    async def run(
        self,
        places: Sequence[SessionClient],
        watch: Watch,
        interruption: Interruption,
        on_share: Callable[[float], None],
    ) -> Ladder:
        """Climb until the slope is precise or a limit is reached."""
        began_s = time.monotonic()
        steps = [await watch.step(0)]
        size, units = self.limits.units_per_step, 0
        end: LadderEnd | None = None
        while end is None:
            count = min(size, self.limits.most_units - units)
            step_began_s = time.monotonic()
            refusal = await self._step(places, count, interruption)
            took_s = time.monotonic() - step_began_s
            if interruption.requested:
                end = "interrupted"
                break
            units += count
            steps.append(await watch.step(units, 1000 * took_s * min(len(places), count) / count))
            on_share(units / self.limits.most_units)
            end = self._end(steps, units, refusal)
            if end is None and len(steps) > MOST_STEPS:
                steps, size = thinned(steps), size * 2
                end = await self.on_doubled() if self.on_doubled is not None else None
        return Ladder(
            self.name,
            units,
            self.requests_per_unit,
            time.monotonic() - began_s,
            end,
            tuple(steps),
            self.tally.all(),
        )

    def _end(self, steps: Sequence[Step], units: int, refusal: LadderEnd | None) -> LadderEnd | None:
        if (end := refusal or self._memory_end(steps[0].kb, steps[-1].kb)) is not None:
            return end
        if units >= self.limits.most_units:
            return "sessions"
        if time.monotonic() >= self.limits.until_s:
            return "time"
        due = len(steps) % _JUDGED_EVERY == 0 or self.limits.large_steps
        if due and len(steps) > self.limits.fewest_steps:
            estimate = memory_per_unit(steps)
            if estimate is not None and self.limits.is_enough(estimate):
                return "precise"
        return None

    def _memory_end(self, first_kb: float | None, last_kb: float | None) -> LadderEnd | None:
        if first_kb is None:
            return None
        if last_kb is None:
            return "ended"
        return "memory" if last_kb - first_kb > self.limits.memory_kb else None

    async def _step(
        self, places: Sequence[SessionClient], count: int, interruption: Interruption
    ) -> LadderEnd | None:
        """Make some units, several at a time; return why there can be no more of them, if so."""
        numbers = iter(range(count))
        ends: list[LadderEnd] = []

        async def work(place: SessionClient, numbers: Iterator[int]) -> None:
            for _ in numbers:
                if interruption.requested or ends:
                    return
                end = self._judged(await self.unit(place))
                if end is not None:
                    ends.append(end)

        await until_interrupted([work(place, numbers) for place in places], interruption)
        for place in places:
            for reply in place.taken_put_off():
                self.tally.add(reply)
        return ends[0] if ends else None

    def _judged(self, reply: Reply) -> LadderEnd | None:
        self.tally.add(reply)
        if self.is_expected(reply):
            self._failures = 0
            return None
        if reply.status:
            return "refused"
        self._failures += 1
        return "unanswered" if self._failures >= _MOST_FAILURES else None


async def until_interrupted(
    work: Sequence[Awaitable[None]], interruption: Interruption, *, grace_s: float = GRACE_S
) -> None:
    """Await all of some work; after an interruption what does not end soon is cancelled."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        while tasks:
            done, pending = await asyncio.wait(tasks, timeout=_POLL_S)
            for task in done:
                task.result()
            tasks = list(pending)
            if tasks and interruption.requested:
                await asyncio.wait(tasks, timeout=grace_s)
                return
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
