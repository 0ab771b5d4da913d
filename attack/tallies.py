"""Counts of a soak and what is wrong with them; pure functions on frozen records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MEMORY_GROWTH = 1.05
"""Largest memory after the attack, as a multiple of that of the warmed-up server."""


@dataclass(frozen=True)
class Kill:
    """A process of the server that was killed, and when on the monotonic clock."""

    at_s: float
    process: str


@dataclass(frozen=True)
class Loss:
    """A request of a good client that got no answer, and when on the monotonic clock this was noticed."""

    at_s: float
    client: int
    reason: str


@dataclass(frozen=True)
class GoodCalls:
    """Requests of clients that follow the rules, and their answers.

    Attributes:
        answered: Answers that were right.
        wrong: Answers that were not, each in a sentence.
        losses: Requests without an answer.
        sessions_ended: Sessions that the server no longer knew: 404, after which a client opens another.
        longest_s: Longest time until an answer.
    """

    answered: int = 0
    wrong: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    sessions_ended: int = 0
    longest_s: float = 0.0


@dataclass(frozen=True)
class HostileInputs:
    """Inputs of hostile clients, and their answers.

    Attributes:
        sent: Inputs by kind.
        answers: Answers by kind and status; 0 is a connection that was closed without one.
        wrong: Answers that were not as they should be, each in a sentence.
    """

    sent: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[tuple[str, int], int] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True)
class Footprint:
    """Resources of a server at rest.

    Attributes:
        memory_mb: Memory of its process tree in MB (10^6 bytes), memory that processes share counted once.
        fds: Open file descriptors of the tree.
        gauges: Values of the server's own gauges, such as open sessions, by what they count.
    """

    memory_mb: float
    fds: int
    processes: int
    gauges: Mapping[str, float]

    def growth_over(self, before: Footprint) -> tuple[str, ...]:
        """Return which counts are higher than before, each as "name: before → after"; memory is none."""
        counts = [("file descriptors", before.fds, self.fds), ("processes", before.processes, self.processes)]
        counts += [(name, value, self.gauges.get(name, 0)) for name, value in before.gauges.items()]
        return tuple(f"{name}: {old:g} → {new:g}" for name, old, new in counts if new > old)


@dataclass(frozen=True)
class Soak:
    """One server under attack, from its warmed-up state to its state afterwards.

    Attributes:
        server: Name of the server.
        workers: Serving processes.
        attack_s: Time under attack, without warming up and settling.
        kills: Processes that were killed.
        may_kill: Whether the server has processes that can be killed and replaced.
        tracebacks: Tracebacks in the server's log.
        exit_code: How the server ended when it was told to; None if it had to be killed.
    """

    server: str
    workers: int
    attack_s: float
    kills: tuple[Kill, ...]
    may_kill: bool
    good: GoodCalls
    hostile: HostileInputs
    before: Footprint
    after: Footprint
    tracebacks: int = 0
    exit_code: int | None = 0

    @property
    def name(self) -> str:
        """Server and number of workers, as the table shows them."""
        return f"{self.server}, {self.workers} worker{'' if self.workers == 1 else 's'}"

    @property
    def problems(self) -> tuple[str, ...]:
        """Broken promises, each in a sentence; empty if there are none."""
        problems = (*self._missing(), *self._wrong_answers(), *self._leaks())
        return tuple(f"{self.name}: {problem}" for problem in problems)

    def _missing(self) -> list[str]:
        """Return what makes the soak no proof of anything."""
        problems = []
        if not self.good.answered:
            problems.append("expected answers to good clients, got none")
        if not self.hostile.sent:
            problems.append("expected hostile inputs, got none")
        if self.may_kill and not self.kills:
            problems.append("expected killed processes, got none")
        return problems

    def _wrong_answers(self) -> list[str]:
        problems = [f"wrong answer to a good client: {each}" for each in self.good.wrong]
        problems += [f"wrong answer to a hostile client: {each}" for each in self.hostile.wrong]
        problems += [
            f"client {loss.client} lost an answer that no kill explains: {loss.reason}"
            for loss in unexplained(self.good.losses, self.kills)
        ]
        if self.good.sessions_ended and not self.kills:
            problems.append(f"expected no session to end by itself, got {self.good.sessions_ended}")
        if self.tracebacks:
            problems.append(f"expected no traceback in the server's log, got {self.tracebacks}")
        return problems

    def _leaks(self) -> list[str]:
        problems = [f"more than before the attack: {each}" for each in self.after.growth_over(self.before)]
        if self.after.memory_mb > self.before.memory_mb * MEMORY_GROWTH:
            problems.append(
                f"expected at most {MEMORY_GROWTH - 1:.0%} more memory than before the attack, got "
                f"{self.before.memory_mb:.1f} → {self.after.memory_mb:.1f} MB"
            )
        if self.exit_code != 0:
            problems.append(f"expected the server to end with exit code 0, got {self.exit_code}")
        return problems


def unexplained(losses: Sequence[Loss], kills: Sequence[Kill]) -> tuple[Loss, ...]:
    """Return the losses that no kill explains.

    A client without retries may lose one answer per kill: that of the request which the killed process was
    working on. A loss belongs to the last kill before it; a second one of the same client, or one before
    the first kill, is unexplained.
    """
    explained: set[tuple[int, int]] = set()
    left = []
    for loss in sorted(losses, key=lambda each: each.at_s):
        number = sum(kill.at_s <= loss.at_s for kill in kills)
        if number == 0 or (loss.client, number) in explained:
            left.append(loss)
        else:
            explained.add((loss.client, number))
    return tuple(left)


def all_good(parts: Sequence[GoodCalls]) -> GoodCalls:
    """Return the sum of the calls of several clients."""
    return GoodCalls(
        answered=sum(part.answered for part in parts),
        wrong=tuple(each for part in parts for each in part.wrong),
        losses=tuple(each for part in parts for each in part.losses),
        sessions_ended=sum(part.sessions_ended for part in parts),
        longest_s=max((part.longest_s for part in parts), default=0.0),
    )


def all_hostile(parts: Sequence[HostileInputs]) -> HostileInputs:
    """Return the sum of the inputs of several clients."""
    sent: Counter[str] = Counter()
    answers: Counter[tuple[str, int]] = Counter()
    for part in parts:
        sent.update(part.sent)
        answers.update(part.answers)
    return HostileInputs(dict(sent), dict(answers), tuple(each for part in parts for each in part.wrong))
