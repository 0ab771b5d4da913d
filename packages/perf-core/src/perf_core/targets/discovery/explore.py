"""First calls of each tool: arguments are tried until the idle server answers some without an error."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from perf_core.errors import TargetError
from perf_core.server.credentials.masking import masked
from perf_core.targets.discovery.arguments import Arguments, allowed, draw, has_required
from perf_core.targets.discovery.calls import Answer, Outcome, User
from perf_core.targets.discovery.complaints import allowed_values
from perf_core.targets.discovery.disguise import disguised_error
from perf_core.targets.discovery.lanes import MOST_LANES, PATIENCE_S, Budget, Lanes, Task
from perf_core.targets.discovery.schemas import Checker
from perf_core.targets.discovery.seen_values import SeenValues
from perf_core.targets.discovery.tools import Tool

MOST_TRIES = 20
"""Calls of a tool that may fail before it is left out."""

MOST_VAIN_TRIES = 8
"""Calls in a row that may fail before a tool with a successful call gets no further ones."""

MOST_CALLS = 20
"""Different calls of a tool in the load: they show answers that were meant for another call."""

_FIRST_TRIES = 6
_GOALS = (2, 4, 8, 14, MOST_CALLS)
_LONGEST_TOOL_S = 6.0
"""Time after which a tool with a successful call gets no further ones, for the sake of the others."""

_MOST_ANSWER_CHARACTERS = 2_000_000
"""Characters of all answers of a tool that are kept: the plan has them for each journey."""


@dataclass
class Call:
    """A call that the server answered at least once; ``doubt`` is why the answer may be an error."""

    tool: Tool
    arguments: Arguments
    answers: list[Answer]
    doubt: str = ""

    @property
    def took_s(self) -> float:
        """Time of the slowest answer."""
        return max(answer.took_s for answer in self.answers)


@dataclass
class Trial:
    """Calls that have been tried with one tool.

    Attributes:
        calls: Calls with an answer that is no error.
        failures: Other calls, with the reason.
        ended: Outcome after which it is tried no further; empty while it may be.
        is_exhausted: Whether no other arguments can be drawn.
        vain_tries: Calls since the last one whose answer looks useful.
        undrawable: Why there are no arguments; empty if there are.
    """

    tool: Tool
    checker: Checker
    calls: list[Call] = field(default_factory=list)
    failures: list[tuple[Arguments, str]] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    ended: Outcome | Literal[""] = ""
    is_exhausted: bool = False
    vain_tries: int = 0
    spent_s: float = 0.0
    kept_characters: int = 0
    undrawable: str = ""

    @property
    def useful(self) -> list[Call]:
        """Calls whose answers do not look like errors; all calls if every answer does."""
        return [call for call in self.calls if not call.doubt] or self.calls

    def is_done(self, goal: int) -> bool:
        """Return whether there are enough calls, or further ones make no sense."""
        right = sum(not call.doubt for call in self.calls)
        most_vain = MOST_VAIN_TRIES if right else MOST_TRIES
        if self.ended or self.is_exhausted or right >= goal or self.vain_tries >= most_vain:
            return True
        return bool(self.calls) and (
            self.spent_s > _LONGEST_TOOL_S or self.kept_characters > _MOST_ANSWER_CHARACTERS
        )


class Explorer:
    """Tries all tools: each gets a first successful call before any gets a second.

    Tools that need no arguments come first, since their answers name values that others need.

    Args:
        secrets: Texts that no call contains: a server may name what its environment has, and calls stand in
            plans and files.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        seen: SeenValues,
        seed: int,
        budget: Budget,
        on_step: Callable[[], None],
        *,
        secrets: Sequence[str] = (),
    ) -> None:
        ordered = sorted(tools, key=has_required)
        self.trials = [Trial(tool, Checker(_schema(tool))) for tool in ordered]
        self._seen = seen
        self._seed = seed
        self._budget = budget
        self._on_step = on_step
        self._secrets = secrets

    def explore(self, lanes: Lanes) -> None:
        """Call tools until each has enough calls, or what is left of the time is needed to repeat them."""
        lanes.run(self._tasks(1, _FIRST_TRIES))
        # Now that all tools have been called, more values are known.
        lanes.run(self._tasks(1, MOST_TRIES))
        for goal in _GOALS:
            lanes.run(self._tasks(goal, MOST_TRIES))

    def _tasks(self, goal: int, most_tries: int) -> Iterator[Task]:
        for trial in self.trials:
            if not trial.is_done(goal) and self._has_time():
                yield functools.partial(self._try, trial, goal, most_tries)
                self._on_step()

    def _has_time(self) -> bool:
        return self._budget.left_s > repeats_s(self.trials)

    def _try(self, trial: Trial, goal: int, most_tries: int, users: Sequence[User]) -> None:
        successful = next((call.arguments for call in trial.calls if not call.doubt), None)
        drawn = draw(trial.tool, self._seen, self._seed, successful)
        if not drawn:
            trial.undrawable = "no arguments can be drawn from its input schema"
        tries, holds_secret = 0, False
        for arguments in allowed(trial.tool, drawn, trial.checker):
            if trial.is_done(goal) or tries == most_tries or not self._has_time():
                return
            key = json.dumps(arguments, sort_keys=True)
            if masked(key, self._secrets) != key:
                holds_secret = True
            elif key not in trial.tried:
                trial.tried.add(key)
                tries += 1
                self._note(trial, arguments, _called(users[0], trial.tool, arguments))
        # All that can be drawn has been tried; without a call, values that are seen later may help.
        trial.is_exhausted = bool(trial.calls)
        if drawn and not trial.tried:
            complaint = trial.checker.complaint(drawn[0]) or "JSON cannot express them"
            trial.undrawable = (
                "its arguments would hold a secret"
                if holds_secret
                else f"its input schema allows none of {len(drawn)} drawn arguments: {complaint}"
            )

    def _note(self, trial: Trial, arguments: Arguments, answer: Answer) -> None:
        trial.spent_s += answer.took_s
        trial.vain_tries += 1
        if answer.result:
            self._seen.add_result(trial.tool.name, arguments, answer.result)
        if answer.is_right:
            self._seen.add_accepted(arguments)
            doubt = disguised_error(answer.result)
            trial.calls.append(Call(trial.tool, arguments, [answer], doubt))
            if not doubt:
                trial.vain_tries = 0
            trial.kept_characters += len(json.dumps(answer.result))
            return
        trial.failures.append((arguments, answer.problem))
        for name, values in allowed_values(answer.problem, arguments).items():
            self._seen.add_allowed(trial.tool.name, name, values)
        if answer.outcome in {"asks", "silent", "lost"}:
            trial.ended = answer.outcome
        if answer.outcome == "asks":
            # Users under load do not reply, so that calls would never end.
            trial.calls.clear()


def _called(user: User, tool: Tool, arguments: Arguments) -> Answer:
    try:
        return user.call(tool.name, arguments)
    except TargetError as error:
        raise TargetError(
            f"expected the server to go on answering while calls are drawn, got no session for a call of "
            f"{tool.name}({json.dumps(arguments)}), or after it: {error.message}",
            error.hint or "See the log of the server.",
        ) from error


def _schema(tool: Tool) -> object:
    return {"type": "object"} if tool.input_schema is None else tool.input_schema


def repeats_s(trials: Sequence[Trial]) -> float:
    """Return the time that it takes to ask twice more for every call, slow ones beside each other."""
    times = [call.took_s for trial in trials for call in trial.calls]
    quick, slow = sum(t for t in times if t <= PATIENCE_S), [t for t in times if t > PATIENCE_S]
    return 2 * (quick + max([*slow, sum(slow) / MOST_LANES], default=0.0))
