"""A check that servers give the same answers; otherwise their speeds cannot be compared.

A few different answers do not prevent a comparison: the load checks each answer, and the one that is wrong
counts as an error of its server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median
from typing import Any

import httpx2

from perf_core.adapter import Journey, Step
from perf_core.comparison.alike import FAILURE, Result, alike
from perf_core.errors import NotComparable, TargetError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load.placeholders import filled, saved_values
from perf_core.server.client.connection import Client
from perf_core.server.client.steps import send_step
from perf_core.server.credentials.masking import cut

MAX_DIFFERENT_SHARE = 0.1
"""Largest share of calls with different answers; with more, one server does other work, or none."""

PARALLEL_AFTER_S = 3.0
"""Time after which the remaining calls are made several at a time: slow tools mostly wait, and a tool of five
seconds would take minutes otherwise. Quick calls are made one by one, which gives their time more exactly."""

REPEATED_FOR_S = 60.0
"""Time in which calls that failed among others are made once more, alone; the rest is left to the load."""

_AT_ONCE = 8

_JOURNEYS = 20

Connect = Callable[[], AbstractContextManager[Client]]
"""Opens a connection to one of the servers."""


@dataclass(frozen=True)
class _Answers:
    """The answers of all servers to one step.

    Attributes:
        steps: The step with the values of each server.
        took_s: Time of the call on each server.
        varies: Whether the first server answers this step differently each time.
        is_alone: Whether no other call was in progress, for which it may have waited.
    """

    steps: tuple[Step, ...]
    results: tuple[Result, ...]
    took_s: tuple[float, ...]
    varies: bool = False
    is_alone: bool = True

    @property
    def has_failed(self) -> bool:
        """Whether a server gave no result."""
        return any(FAILURE in result for result in self.results)

    def is_alike(self, server: int) -> bool:
        """Return whether a server answered as the first one did."""
        steps = self.steps[0], self.steps[server]
        return self.varies or alike(self.results[0], self.results[server], steps)

    @property
    def different(self) -> list[int]:
        """Numbers of the servers that answered otherwise than the first."""
        return [server for server in range(1, len(self.results)) if not self.is_alike(server)]

    def is_checked(self, server: int) -> bool:
        """Return whether the load would notice a wrong answer; a call that fails is an error in any case."""
        failed = FAILURE in self.results[0] or FAILURE in self.results[server]
        return self.steps[0].expect.kind != "any" or failed


def expect_same_answers(
    servers: Sequence[Connect],
    journeys: Sequence[Journey],
    *,
    interruption: Interruption,
    on_progress: OnProgress,
) -> float:
    """Compare the answers of all servers with those of the first.

    Only the part of an answer that the call's expectation checks is compared. Where any answer is accepted,
    the whole answer is compared, unless the first server answers differently each time (a clock, a random
    number).

    Returns:
        Median time of a call of the slowest server, in seconds. It is that of calls made one by one: others
        may wait for each other.

    Raises:
        NotComparable: A server answers more than a tenth of the calls differently, or a call whose answer
            the load does not check, or one lacks a tool; names the first such call and both answers.
        Interrupted: The user interrupted.
    """
    chosen = list(_spread(journeys))
    answers = _ask_one_by_one(servers, chosen, interruption, on_progress)
    if rest := chosen[len(answers) :]:
        in_parallel = _ask_in_parallel(servers, rest, interruption, on_progress)
        answers += _without_failures(servers, rest, in_parallel, interruption)
    every = [each for of_journey in answers for each in of_journey]
    for server in range(1, len(servers)):
        _expect_alike(every, server)
    return max(_call_s(every, server) for server in range(len(servers)))


@contextmanager
def _connected(servers: Sequence[Connect]) -> Iterator[list[Client]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connect()) for connect in servers]


def _call_s(every: Sequence[_Answers], server: int) -> float:
    """Return the median time of the calls of one server, those of each tool as long as alone."""
    alone: dict[str, list[float]] = {}
    among_others: dict[str, list[float]] = {}
    for each in every:
        of_tool = alone if each.is_alone else among_others
        of_tool.setdefault(each.steps[0].tool, []).append(each.took_s[server])
    # The shortest of several calls at once has waited least.
    usual = {tool: min(times) for tool, times in among_others.items()}
    usual |= {tool: median(times) for tool, times in alone.items()}
    return median(each.took_s[server] if each.is_alone else usual[each.steps[0].tool] for each in every)


def _ask_one_by_one(
    servers: Sequence[Connect],
    chosen: Sequence[tuple[int, Journey]],
    interruption: Interruption,
    on_progress: OnProgress,
) -> list[list[_Answers]]:
    """Return the answers to the first journeys: those that are asked in a few seconds."""
    done: list[list[_Answers]] = []
    began = time.perf_counter()

    def goes_on() -> bool:
        return len(done) < len(chosen) and time.perf_counter() - began < PARALLEL_AFTER_S

    while goes_on():
        with _connected(servers) as clients:
            if not done:
                _expect_tools(clients, [journey for _, journey in chosen])
            while goes_on():
                interruption.check()
                on_progress("comparing answers", len(done) / len(chosen))
                done.append(_ask(clients, *chosen[len(done)]))
                if any(each.has_failed for each in done[-1]):
                    break  # the session may have ended, too
    return done


def _ask_in_parallel(
    servers: Sequence[Connect],
    chosen: Sequence[tuple[int, Journey]],
    interruption: Interruption,
    on_progress: OnProgress,
) -> list[list[_Answers] | None]:
    """Return the answers to each journey; None for one to which a server gave no result."""

    def ask(each: tuple[int, Journey]) -> list[_Answers] | None:
        if interruption.requested:
            return None
        try:
            # Sessions of their own, as a server may answer the calls of one session one by one.
            with _connected(servers) as clients:
                answers = _ask(clients, *each)
        except TargetError:
            return None
        return None if any(each.has_failed for each in answers) else answers

    on_progress(f"comparing answers, {_AT_ONCE} calls at once", None)
    done = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, answers in enumerate(pool.map(ask, chosen), 1):
            on_progress(f"comparing answers, {_AT_ONCE} calls at once", number / len(chosen))
            done.append(answers)
    interruption.check()
    return done


def _without_failures(
    servers: Sequence[Connect],
    chosen: Sequence[tuple[int, Journey]],
    answered: Sequence[list[_Answers] | None],
    interruption: Interruption,
) -> Iterator[list[_Answers]]:
    """Yield the answers of calls that were made several at a time; where there is none, that of another try.

    A server that answers one call after the other lets the last of several wait for too long.
    """
    began = time.perf_counter()
    for each, answers in zip(chosen, answered, strict=True):
        if answers is not None:
            yield [replace(one, is_alone=False) for one in answers]
        elif time.perf_counter() - began < REPEATED_FOR_S:
            interruption.check()
            with _connected(servers) as clients:
                yield _ask(clients, *each)


def _ask(clients: Sequence[Client], number: int, journey: Journey) -> list[_Answers]:
    """Return the answers of all servers to the steps of a journey, as far as all can follow it."""
    done = []
    values: list[dict[str, Any]] = [{"unique": f"{number:016}"} for _ in clients]
    for step in journey.steps:
        # Each server gets the values that it returned itself, such as the id of what it created.
        steps = tuple(filled(step, own) for own in values)
        timed = [_timed(client, own) for client, own in zip(clients, steps, strict=True)]
        results, took_s = tuple(result for result, _ in timed), tuple(time_s for _, time_s in timed)
        answers = _Answers(steps, results, took_s)
        if any(not answers.is_checked(server) for server in answers.different):
            # A second answer of the first server shows whether it always answers the same.
            again = _result(clients[0], steps[0])
            answers = replace(answers, varies=not alike(results[0], again, (steps[0], steps[0])))
        done.append(answers)
        for own, result in zip(values, results, strict=True):
            own.update(saved_values(step, result))
        if any(name not in own for own in values for name in step.save):
            break
    return done


def _expect_alike(every: Sequence[_Answers], server: int) -> None:
    different = [each for each in every if not each.is_alike(server)]
    unchecked = [each for each in different if not each.is_checked(server)]
    if unchecked or len(different) > MAX_DIFFERENT_SHARE * len(every):
        answers = (unchecked or different)[0]
        step = answers.steps[0]
        both = "both" if len(answers.results) == 2 else "all"
        raise NotComparable(
            f"expected the same answer to {step.tool}({dict(step.arguments)}) from {both} servers, "
            f"got {_short(answers.results[0])} from the first "
            f"and {_short(answers.results[server])} from the {_ordinal(server)}",
            "Their figures would be those of different work. Fix one server, or compare with other calls.",
        )


def _timed(client: Client, step: Step) -> tuple[Result, float]:
    began = time.perf_counter()
    result = _result(client, step)
    return result, time.perf_counter() - began


def _result(client: Client, step: Step) -> Result:
    try:
        return send_step(client, step)
    except TargetError as error:
        return {FAILURE: error.message}
    except httpx2.HTTPError as error:
        # One call that ends its connection says nothing about the others.
        return {FAILURE: f"no answer: {str(error) or type(error).__name__}"}


def _expect_tools(clients: Sequence[Client], journeys: Sequence[Journey]) -> None:
    needed = {step.tool for journey in journeys for step in journey.steps if step.method == "tools/call"}
    for server, client in enumerate(clients):
        tools = client.tools()
        missing = sorted(needed - set(tools))
        if missing:
            raise NotComparable(
                f"expected the tools {', '.join(missing)}, "
                f"got {', '.join(tools) or 'no tools'} from the {_ordinal(server)} server",
                "Compare servers that have the same tools.",
            )


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def _ordinal(server: int) -> str:
    return _ORDINALS[server] if server < len(_ORDINALS) else f"{server + 1}th"


def _spread(journeys: Sequence[Journey]) -> Iterator[tuple[int, Journey]]:
    """Yield some journeys from the whole pool, since neighbours may be alike, each with its number."""
    stride = max(1, len(journeys) // _JOURNEYS)
    yield from enumerate(islice(journeys, 0, None, stride))


def _short(value: object) -> str:
    return cut(repr(value), 200)
